// SPDX-License-Identifier: Apache-2.0
#include "worker/model/rope_frequencies.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace pintle::model {
namespace {

float Llama3Frequency(const RopeConfig& rope, float frequency) {
  const auto original = static_cast<float>(rope.original_positions);
  const auto factor = static_cast<float>(rope.factor);
  const auto low = static_cast<float>(rope.low_frequency_factor);
  const auto high = static_cast<float>(rope.high_frequency_factor);
  const float wavelength = 2.0F * std::numbers::pi_v<float> / frequency;
  if (wavelength > original / low) return frequency / factor;
  if (wavelength < original / high) return frequency;
  const float smooth = (original / wavelength - low) / (high - low);
  return (1.0F - smooth) * frequency / factor + smooth * frequency;
}

// The dimension whose wavelength makes `rotations` turns over the trained context.
double CorrectionDimension(const RopeConfig& rope, double rotations, double dim) {
  return dim * std::log(rope.original_positions / (rotations * 2.0 * std::numbers::pi)) /
         (2.0 * std::log(rope.theta));
}

void ApplyYarn(const RopeConfig& rope, std::int32_t head_dim, std::vector<float>& frequencies) {
  double low = CorrectionDimension(rope, rope.beta_fast, head_dim);
  double high = CorrectionDimension(rope, rope.beta_slow, head_dim);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(head_dim - 1));
  if (low == high) high += 0.001;  // the ramp would divide by zero
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const float ramp = std::clamp(
        (static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low), 0.0F,
        1.0F);
    const float own = 1.0F - ramp;
    const float stretched = frequencies[i] / static_cast<float>(rope.factor);
    frequencies[i] = stretched * (1.0F - own) + frequencies[i] * own;
  }
}

}  // namespace

std::vector<float> RopeInverseFrequencies(const RopeConfig& rope, std::int32_t head_dim) {
  std::vector<float> frequencies(static_cast<std::size_t>(head_dim / 2));
  const auto theta = static_cast<float>(rope.theta);
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_dim);
    frequencies[i] = 1.0F / std::pow(theta, exponent);
  }
  switch (rope.kind) {
    case RopeKind::kDefault: break;
    case RopeKind::kLinear:
      for (float& frequency : frequencies) frequency /= static_cast<float>(rope.factor);
      break;
    case RopeKind::kLlama3:
      for (float& frequency : frequencies) frequency = Llama3Frequency(rope, frequency);
      break;
    case RopeKind::kYarn: ApplyYarn(rope, head_dim, frequencies); break;
  }
  return frequencies;
}

}  // namespace pintle::model

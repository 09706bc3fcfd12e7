// SPDX-License-Identifier: Apache-2.0
#include "worker/sampling/counter_random.h"

namespace pintle {
namespace {

// Constants of the paper: two multipliers and the Weyl increments of the key (the golden ratio and
// sqrt(3) - 1 as 32-bit fractions).
constexpr std::uint64_t kMultiplier0 = 0xD2511F53;
constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

constexpr std::uint32_t High(std::uint64_t product) {
  return static_cast<std::uint32_t>(product >> 32);
}
constexpr std::uint32_t Low(std::uint64_t product) { return static_cast<std::uint32_t>(product); }

}  // namespace

CounterRandom::Counter CounterRandom::Philox4x32(Counter counter, Key key) {
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t product0 = kMultiplier0 * counter[0];
    const std::uint64_t product1 = kMultiplier1 * counter[2];
    counter = {High(product1) ^ counter[1] ^ key[0], Low(product1),
               High(product0) ^ counter[3] ^ key[1], Low(product0)};
    key = {key[0] + kWeyl0, key[1] + kWeyl1};
  }
  return counter;
}

double CounterRandom::Uniform(std::int32_t choice, std::int32_t index) const {
  // The upper words stay zero: they are free for further draws of one position.
  const Counter words = Philox4x32(
      {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(choice), 0, 0}, key_);
  const std::uint64_t bits = (std::uint64_t{words[0]} << 32) | words[1];
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
// Draws against exact expectation: 100,000 draws per case with fixed seeds, so that a case passes
// always or never. The expectation is computed here from the definitions, not by the sampler.
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "worker/sampling/sampler.h"

namespace pintle {
namespace {

constexpr int kDraws = 100000;

struct DrawCase {
  std::string name;
  ResolvedSampling sampling;
  // Probability of each token; 0 = must never be drawn.
  std::vector<double> expected;
};

// Tokens of probability 0.4, 0.3, 0.15, 0.1 and 0.05, in another order than that of their ids.
std::vector<double> Base() { return {0.1, 0.4, 0.05, 0.3, 0.15}; }

std::vector<double> Normalized(std::vector<double> weights) {
  double sum = 0.0;
  for (const double weight : weights) sum += weight;
  for (double& weight : weights) weight /= sum;
  return weights;
}

std::vector<double> Powered(std::vector<double> weights, double exponent) {
  for (double& weight : weights) weight = weight > 0.0 ? std::pow(weight, exponent) : 0.0;
  return Normalized(std::move(weights));
}

ResolvedSampling Options(float temperature, std::int32_t top_k, float top_p, float min_p) {
  ResolvedSampling sampling;
  sampling.temperature = temperature;
  sampling.top_k = top_k;
  sampling.top_p = top_p;
  sampling.min_p = min_p;
  return sampling;
}

std::vector<DrawCase> DrawCases() {
  std::vector<DrawCase> cases = {
      {"Plain", Options(1.0F, 0, 1.0F, 0.0F), Base()},
      {"Cold", Options(0.5F, 0, 1.0F, 0.0F), Powered(Base(), 2.0)},
      {"Hot", Options(2.0F, 0, 1.0F, 0.0F), Powered(Base(), 0.5)},
      {"TopK", Options(1.0F, 3, 1.0F, 0.0F), Normalized({0, 0.4, 0, 0.3, 0.15})},
      {"TopP", Options(1.0F, 0, 0.8F, 0.0F), Normalized({0, 0.4, 0, 0.3, 0.15})},
      {"MinP", Options(1.0F, 0, 1.0F, 0.2F), Normalized({0.1, 0.4, 0, 0.3, 0.15})},
      // top_p counts what top_k left: 0.4 / 0.85 + 0.3 / 0.85 > 0.8.
      {"TopKThenTopP", Options(1.0F, 3, 0.8F, 0.0F), Normalized({0, 0.4, 0, 0.3, 0})},
      // At temperature 0.5 the first three hold 0.265 / 0.2875 > 0.9 of the mass already.
      {"TemperatureBeforeTopP", Options(0.5F, 0, 0.9F, 0.0F), Powered({0, 0.4, 0, 0.3, 0.15}, 2.0)},
      {"TopPThenMinP", Options(1.0F, 0, 0.9F, 0.5F), Normalized({0, 0.4, 0, 0.3, 0})},
      {"All", Options(2.0F, 4, 0.99F, 0.55F), Powered({0, 0.4, 0, 0.3, 0.15}, 0.5)},
  };
  // Presence 1 on the output token 1 divides its weight by e; frequency 0.5 twice does too.
  DrawCase presence{"Presence", Options(1.0F, 0, 1.0F, 0.0F),
                    Normalized({0.1, 0.4 / std::exp(1.0), 0.05, 0.3, 0.15})};
  presence.sampling.presence_penalty = 1.0F;
  cases.push_back(presence);
  DrawCase frequency = presence;
  frequency.name = "Frequency";
  frequency.sampling.presence_penalty = 0.0F;
  frequency.sampling.frequency_penalty = 0.5F;
  cases.push_back(frequency);
  DrawCase bias{"LogitBias", Options(1.0F, 0, 1.0F, 0.0F),
                Normalized({0.1 * std::exp(2.0), 0.4, 0.05, 0.3, 0.15})};
  bias.sampling.logit_bias = {{0, 2.0F}};
  cases.push_back(bias);
  // All logits are negative, so a penalty of 2 squares the probability's weight.
  DrawCase repetition{"Repetition", Options(1.0F, 0, 1.0F, 0.0F),
                      Normalized({0.1, 0.4 * 0.4, 0.05, 0.3 * 0.3, 0.15})};
  repetition.sampling.repetition_penalty = 2.0F;
  cases.push_back(repetition);
  return cases;
}

class DistributionTest : public testing::TestWithParam<DrawCase> {};

TEST_P(DistributionTest, DrawsFollowTheExactExpectation) {
  const DrawCase& test_case = GetParam();
  const std::vector<TokenId> context = {1, 3, 1, 1};
  const std::vector<TokenId> output = {1, 1};
  std::vector<double> counts(test_case.expected.size());
  std::vector<float> row(test_case.expected.size());
  ResolvedSampling sampling = test_case.sampling;
  sampling.seed = 20240607;
  SampleRequest request;
  request.sampling = &sampling;
  request.context = context;
  request.output = output;
  Sampler sampler;
  SampledRow out;
  for (int draw = 0; draw < kDraws; ++draw) {
    const std::vector<double> base = Base();
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<float>(std::log(base[i]));
    request.index = draw;
    sampler.Sample(absl::MakeSpan(row), request, out);
    ASSERT_TRUE(out.status.ok());
    counts[static_cast<std::size_t>(out.token)] += 1.0;
  }
  double chi_square = 0.0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = test_case.expected[i] * kDraws;
    if (expected == 0.0) {
      EXPECT_EQ(counts[i], 0.0) << "token " << i << " was cut";
      continue;
    }
    chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  // At most 4 degrees of freedom: 23.5 is exceeded with probability 1e-4 by a right sampler.
  EXPECT_LT(chi_square, 23.5);
}

INSTANTIATE_TEST_SUITE_P(Exact, DistributionTest, testing::ValuesIn(DrawCases()),
                         [](const auto& instance) { return instance.param.name; });

// A vocabulary of many chunks takes the path over chunk sums: each of 4 groups of tokens, spread
// over all chunks, has a known mass.
TEST(WideDistributionTest, DrawsOverManyChunksFollowTheExactExpectation) {
  constexpr std::size_t kVocabulary = 2000;
  std::vector<double> counts(4);
  std::vector<float> row(kVocabulary);
  ResolvedSampling sampling;
  sampling.temperature = 1.0F;
  sampling.seed = 3;
  SampleRequest request;
  request.sampling = &sampling;
  Sampler sampler;
  SampledRow out;
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = std::log(1.0F + static_cast<float>(i % 4));
  for (int draw = 0; draw < kDraws; ++draw) {
    request.choice = draw % 8;
    request.index = draw / 8;
    sampler.Sample(absl::MakeSpan(row), request, out);
    counts[static_cast<std::size_t>(out.token) % 4] += 1.0;
  }
  double chi_square = 0.0;
  for (std::size_t group = 0; group < counts.size(); ++group) {
    const double expected = kDraws * static_cast<double>(group + 1) / 10.0;
    chi_square += (counts[group] - expected) * (counts[group] - expected) / expected;
  }
  EXPECT_LT(chi_square, 21.1);  // 3 degrees of freedom, probability 1e-4
}

}  // namespace
}  // namespace pintle

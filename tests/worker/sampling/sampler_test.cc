// SPDX-License-Identifier: Apache-2.0
#include "worker/sampling/sampler.h"

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>
#include <random>
#include <utility>
#include <vector>

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {
std::atomic<long> allocations{0};
}  // namespace

// Counts every allocation of the process, for the test that there is none on the hot path. Inlined,
// the pair would look mismatched to the compiler.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  std::abort();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace pintle {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class SamplerTest : public testing::Test {
 protected:
  SampledRow Sample(std::vector<float> row) {
    request_.sampling = scored_only_ ? nullptr : &sampling_;
    SampledRow out;
    sampler_.Sample(absl::MakeSpan(row), request_, out);
    return out;
  }

  std::vector<std::pair<TokenId, double>> Distribution(std::vector<float> row) {
    request_.sampling = &sampling_;
    return sampler_.Distribution(absl::MakeSpan(row), request_);
  }

  Sampler sampler_;
  ResolvedSampling sampling_;
  SampleRequest request_;
  bool scored_only_ = false;
};

std::vector<float> RandomRow(std::size_t size, unsigned seed) {
  std::mt19937 bits(seed);
  std::normal_distribution<float> normal(0.0F, 3.0F);
  std::vector<float> row(size);
  for (float& logit : row) logit = normal(bits);
  return row;
}

TEST_F(SamplerTest, GreedyTakesTheLowestIdOfTheBest) {
  EXPECT_EQ(Sample({1.0F, 3.0F, 2.0F, 3.0F}).token, 1);
}

TEST_F(SamplerTest, GreedyFindsTheBestInEveryChunk) {
  for (const std::size_t best : {0u, 63u, 64u, 500u, 999u}) {
    std::vector<float> row(1000, -1.0F);
    row[best] = 0.5F;
    EXPECT_EQ(Sample(row).token, static_cast<TokenId>(best));
  }
}

TEST_F(SamplerTest, GreedyFollowsPenaltiesBiasAndMask) {
  const std::vector<TokenId> output = {1};
  const std::vector<TokenId> masked = {3};
  sampling_.presence_penalty = 2.0F;
  sampling_.logit_bias = {{2, 0.5F}};
  request_.output = output;
  request_.masked = masked;
  EXPECT_EQ(Sample({1.0F, 3.0F, 2.0F, 9.0F}).token, 2);
}

TEST_F(SamplerTest, ATemperatureWhoseInverseOverflowsIsGreedy) {
  sampling_.temperature = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(Sample({1.0F, 3.0F, 2.9999F, 3.0F}).token, 1);
}

TEST_F(SamplerTest, ATinyTemperatureDrawsOnlyAmongTheBest) {
  sampling_.temperature = 1e-30F;
  EXPECT_THAT(Distribution({1.0F, 3.0F, 2.9999F, 3.0F}), ElementsAre(Pair(1, 0.5), Pair(3, 0.5)));
}

TEST_F(SamplerTest, NanEndsOnlyItsOwnRow) {
  for (const float temperature : {0.0F, 1.0F}) {
    sampling_.temperature = temperature;
    const SampledRow bad = Sample({1.0F, kNan, 2.0F});
    EXPECT_TRUE(HasReason(bad.status, Reason::kModelFailed));
    EXPECT_EQ(bad.token, -1);
    EXPECT_TRUE(Distribution({kNan, 1.0F}).empty());
    EXPECT_TRUE(Sample({1.0F, 0.0F}).status.ok());
  }
}

TEST_F(SamplerTest, NanOfAMaskedTokenIsStillAFailedModel) {
  const std::vector<TokenId> masked = {1};
  request_.masked = masked;
  EXPECT_TRUE(HasReason(Sample({1.0F, kNan}).status, Reason::kModelFailed));
}

TEST_F(SamplerTest, NoTokenLeftIsAFailedModel) {
  const std::vector<TokenId> masked = {0, 1};
  request_.masked = masked;
  EXPECT_TRUE(HasReason(Sample({1.0F, 2.0F}).status, Reason::kModelFailed));
  request_.masked = {};
  EXPECT_TRUE(HasReason(Sample({-kInfinity, -kInfinity}).status, Reason::kModelFailed));
  EXPECT_TRUE(HasReason(Sample({}).status, Reason::kModelFailed));
}

TEST_F(SamplerTest, InfiniteLogitsShareAllTheMass) {
  sampling_.temperature = 1.0F;
  EXPECT_THAT(Distribution({5.0F, kInfinity, -kInfinity, kInfinity}),
              ElementsAre(Pair(1, 0.5), Pair(3, 0.5)));
  sampling_.temperature = 0.0F;
  request_.logprobs = true;
  const SampledRow out = Sample({5.0F, kInfinity, -kInfinity, kInfinity});
  EXPECT_EQ(out.token, 1);
  EXPECT_FLOAT_EQ(out.logprob, -std::log(2.0F));
}

TEST_F(SamplerTest, APenaltyThatOverflowsTakesAllTheMass) {
  const std::vector<TokenId> context = {0};
  request_.context = context;
  sampling_.temperature = 1.0F;
  sampling_.repetition_penalty = 1e-3F;
  EXPECT_THAT(Distribution({3e38F, 1.0F}), ElementsAre(Pair(0, 1.0)));
}

TEST_F(SamplerTest, MinusInfinityIsNeverDrawn) {
  sampling_.temperature = 100.0F;
  EXPECT_THAT(Distribution({-kInfinity, 1.0F, -kInfinity, 1.0F}),
              ElementsAre(Pair(1, 0.5), Pair(3, 0.5)));
}

TEST_F(SamplerTest, TopKOfTheVocabularyOrMoreIsOff) {
  sampling_.temperature = 1.0F;
  const auto all = Distribution({1.0F, 2.0F, 3.0F});
  for (const std::int32_t top_k : {0, 3, 4, std::numeric_limits<std::int32_t>::max()}) {
    sampling_.top_k = top_k;
    EXPECT_EQ(Distribution({1.0F, 2.0F, 3.0F}), all) << "top_k " << top_k;
  }
}

TEST_F(SamplerTest, TopKKeepsTiesWithTheLast) {
  sampling_.temperature = 1.0F;
  sampling_.top_k = 2;
  EXPECT_EQ(Distribution({1.0F, 2.0F, 3.0F, 2.0F}).size(), 3u);
}

TEST_F(SamplerTest, TinyTopPKeepsOneToken) {
  sampling_.temperature = 1.0F;
  for (const float top_p : {1e-30F, 1e-6F}) {
    sampling_.top_p = top_p;
    EXPECT_THAT(Distribution({1.0F, 3.0F, 3.0F}), ElementsAre(Pair(1, 1.0)));
    // Also where no token weighs more than its equal share.
    EXPECT_THAT(Distribution(std::vector<float>(500, 2.0F)), ElementsAre(Pair(0, 1.0)));
  }
}

TEST_F(SamplerTest, MinPOfOneKeepsTheBestAndItsTies) {
  sampling_.temperature = 1.0F;
  sampling_.min_p = 1.0F;
  EXPECT_THAT(Distribution({3.0F, 2.999F, 3.0F}), ElementsAre(Pair(0, 0.5), Pair(2, 0.5)));
}

TEST_F(SamplerTest, TheNarrowAndTheWideWayToTopPAgree) {
  // top_k of the vocabulary less one token of no weight selects first; no top_k restricts later.
  sampling_.temperature = 0.8F;
  for (const float top_p : {0.01F, 0.3F, 0.9F, 0.9999F}) {
    for (const float min_p : {0.0F, 0.02F}) {
      sampling_.top_p = top_p;
      sampling_.min_p = min_p;
      std::vector<float> row = RandomRow(1000, 17);
      row[500] = -kInfinity;
      sampling_.top_k = 0;
      const auto wide = Distribution(row);
      sampling_.top_k = 999;
      const auto narrow = Distribution(row);
      ASSERT_EQ(wide.size(), narrow.size()) << top_p << " " << min_p;
      for (std::size_t i = 0; i < wide.size(); ++i) {
        EXPECT_EQ(wide[i].first, narrow[i].first);
        EXPECT_NEAR(wide[i].second, narrow[i].second, 1e-6 * narrow[i].second);
      }
    }
  }
}

TEST_F(SamplerTest, EqualKeysDrawEqualTokensOnAnySampler) {
  sampling_.temperature = 1.0F;
  sampling_.seed = 99;
  const std::vector<float> row = RandomRow(1000, 3);
  std::vector<TokenId> forwards, backwards;
  for (request_.index = 0; request_.index < 50; ++request_.index) {
    forwards.push_back(Sample(row).token);
  }
  sampler_ = Sampler();
  for (request_.index = 49; request_.index >= 0; --request_.index) {
    backwards.insert(backwards.begin(), Sample(row).token);
  }
  EXPECT_EQ(forwards, backwards);
  sampling_.seed = 100;
  std::vector<TokenId> other;
  for (request_.index = 0; request_.index < 50; ++request_.index) {
    other.push_back(Sample(row).token);
  }
  EXPECT_NE(forwards, other);
}

TEST_F(SamplerTest, LogprobsAreOfTheRawLogits) {
  const std::vector<TokenId> masked = {0};
  sampling_.logit_bias = {{2, 50.0F}};
  sampling_.temperature = 0.1F;
  sampling_.top_k = 1;
  request_.masked = masked;
  request_.logprobs = true;
  request_.top_logprobs = 3;
  const SampledRow out = Sample({std::log(0.5F), std::log(0.2F), std::log(0.1F), std::log(0.2F)});
  EXPECT_EQ(out.token, 2);
  EXPECT_NEAR(out.logprob, std::log(0.1), 1e-6);
  ASSERT_EQ(out.top.size(), 3u);
  EXPECT_EQ(out.top[0].first, 0);
  EXPECT_EQ(out.top[1].first, 1);  // the tie of 1 and 3 goes to the lower id
  EXPECT_EQ(out.top[2].first, 3);
  EXPECT_NEAR(out.top[0].second, std::log(0.5), 1e-6);
  EXPECT_NEAR(out.top[2].second, std::log(0.2), 1e-6);
}

TEST_F(SamplerTest, TopLogprobsCutTiesByIdAndStopAtTheVocabulary) {
  request_.top_logprobs = 2;
  EXPECT_THAT(
      Sample(std::vector<float>(200, 1.0F)).top,
      ElementsAre(Pair(0, testing::FloatNear(-std::log(200.0F), 1e-5F)), Pair(1, testing::_)));
  request_.top_logprobs = 20;
  EXPECT_EQ(Sample({1.0F, 2.0F}).top.size(), 2u);
}

TEST_F(SamplerTest, AScoredRowTellsItsTargetOnly) {
  scored_only_ = true;
  request_.target = 1;
  const SampledRow out = Sample({std::log(0.75F), std::log(0.25F)});
  EXPECT_TRUE(out.status.ok());
  EXPECT_EQ(out.token, 1);
  EXPECT_NEAR(out.logprob, std::log(0.25), 1e-6);
  EXPECT_TRUE(out.top.empty());
  request_.target = 2;
  EXPECT_TRUE(HasReason(Sample({1.0F, 2.0F}).status, Reason::kModelFailed));
  request_.target = 0;
  EXPECT_TRUE(HasReason(Sample({1.0F, kNan}).status, Reason::kModelFailed));
}

TEST_F(SamplerTest, ARowThatIsReusedKeepsNothingOfTheLast) {
  request_.sampling = &sampling_;
  request_.logprobs = true;
  request_.top_logprobs = 2;
  SampledRow out;
  std::vector<float> row = {1.0F, 2.0F};
  sampler_.Sample(absl::MakeSpan(row), request_, out);
  row = {kNan, 2.0F};
  sampler_.Sample(absl::MakeSpan(row), request_, out);
  EXPECT_EQ(out.token, -1);
  EXPECT_EQ(out.logprob, 0.0F);
  EXPECT_TRUE(out.top.empty());
  row = {1.0F, 2.0F};
  request_.logprobs = false;
  request_.top_logprobs = 0;
  sampler_.Sample(absl::MakeSpan(row), request_, out);
  EXPECT_TRUE(out.status.ok());
  EXPECT_EQ(out.logprob, 0.0F);
  EXPECT_TRUE(out.top.empty());
}

TEST_F(SamplerTest, NothingIsAllocatedOnceWarm) {
  const std::vector<float> source = RandomRow(49152, 8);
  const std::vector<TokenId> context(2000, 7);
  request_.sampling = &sampling_;
  request_.context = context;
  request_.output = context;
  sampling_.repetition_penalty = 1.1F;
  sampling_.presence_penalty = 0.5F;
  std::vector<float> row = source;
  SampledRow out;
  for (const float temperature : {0.0F, 1.0F}) {
    for (const float top_p : {1.0F, 0.9F}) {
      for (const std::int32_t top_k : {0, 40}) {
        sampling_.temperature = temperature;
        sampling_.top_p = top_p;
        sampling_.top_k = top_k;
        for (const bool warm : {false, true}) {
          std::copy(source.begin(), source.end(), row.begin());
          const long before = allocations;
          sampler_.Sample(absl::MakeSpan(row), request_, out);
          if (warm) {
            EXPECT_EQ(allocations - before, 0);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
// Random engines against a naive reference: pools of 8 to 256 blocks, block sizes of both
// backends, invariants after the operations.
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/kv_simulation.h"
#include "worker/kv/policy_registry.h"

namespace pintle::kv {
namespace {

// Checks cost more than the operations; a sanitizer multiplies both.
#if defined(__SANITIZE_THREAD__)
// One thread, so nothing for this sanitizer to find but that the test runs under it.
constexpr std::int64_t kOperations = 1200;
constexpr bool kLong = false;
#elif defined(__SANITIZE_ADDRESS__)
constexpr std::int64_t kOperations = 6000;
constexpr bool kLong = false;
#else
constexpr std::int64_t kOperations = 24000;
constexpr bool kLong = true;
#endif

class KvCacheModelTest
    : public testing::TestWithParam<std::tuple<std::string, std::int32_t, std::int32_t>> {
 protected:
  KvSimulation::Options Options() const {
    KvSimulation::Options options;
    std::tie(options.policy, options.block_tokens, options.blocks) = GetParam();
    options.check_every = options.blocks * options.block_tokens > 2000 ? 32 : 2;
    return options;
  }
  // The cache is the same under every policy; only its choices differ, and shorter runs show those.
  std::int64_t Operations() const {
    return Options().policy == "lru" ? kOperations : kOperations / 4;
  }
};

TEST_P(KvCacheModelTest, EveryTokenServedBelongsToItsHistory) {
  KvSimulation simulation(Options());
  const absl::Status status = simulation.Run(Operations());
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_GT(simulation.commits(), Operations() / 50);
  EXPECT_GT(simulation.copies_done(), 0);
  // Turns of these lengths rarely fill two equal blocks of 256 tokens at once, nor do short runs.
  if (kLong && Options().policy == "lru" && Options().block_tokens < 256) {
    EXPECT_GT(simulation.cache().Stats().deduplicated_blocks, 0);
  }
  const absl::Status quiet = simulation.Quiesce();
  EXPECT_TRUE(quiet.ok()) << quiet;
}

TEST_P(KvCacheModelTest, PinsLeasesQuotasAndFloorsHoldUnderRandomTurns) {
  // Over all seeds: a short run in a small pool may have none of one kind.
  std::int64_t funded = 0;
  std::int64_t expired = 0;
  std::int64_t rejected = 0;
  for (const std::uint64_t seed : {1U, 2U, 3U, 6U}) {
    KvSimulation::Options options = Options();
    options.pins = true;
    options.seed = seed;
    KvSimulation simulation(options);
    const absl::Status status = simulation.Run(kOperations / 2);
    ASSERT_TRUE(status.ok()) << status;
    const KvStats stats = simulation.cache().Stats();
    funded += simulation.funded_turns();
    expired += stats.lease_expirations;
    rejected += stats.pin_rejections;
    const absl::Status quiet = simulation.Quiesce();
    EXPECT_TRUE(quiet.ok()) << quiet;
  }
  if (kOperations < 6000) return;
  EXPECT_GT(funded, 0);
  EXPECT_GT(expired, 0);
  EXPECT_GT(rejected, 0);
}

TEST_P(KvCacheModelTest, AFourBitHashGivesNoWrongBlock) {
  KvSimulation::Options options = Options();
  options.hash_bits = 4;
  options.seed = 2;
  KvSimulation simulation(options);
  const absl::Status status = simulation.Run(Operations() / 4);
  ASSERT_TRUE(status.ok()) << status;
  if (kLong && options.policy == "lru") {
    EXPECT_GT(simulation.cache().Stats().hit_tokens_prefix, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(
    AllPolicies, KvCacheModelTest,
    testing::Combine(testing::ValuesIn(std::vector<std::string>(PolicyNames().begin(),
                                                                PolicyNames().end())),
                     testing::Values(16, 32, 256), testing::Values(8, 20, 64, 256)),
    [](const auto& test) {
      return absl::StrCat(std::get<0>(test.param), "_", std::get<1>(test.param), "x",
                          std::get<2>(test.param));
    });

}  // namespace
}  // namespace pintle::kv

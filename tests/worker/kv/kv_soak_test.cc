// SPDX-License-Identifier: Apache-2.0
// Ten million random operations over cache, pins, policies and a tier below (a million under a
// sanitizer) against the naive reference of KvSimulation. The content served is compared with the
// reference in every operation that serves any, and so are guarantees. All invariants are checked
// after each operation in pools of 8 and 20 blocks; they cost O(pool), so in pools of 64 and 256
// after every 8th and 32nd.
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

constexpr std::int64_t kSuites = 9 * 4;  // policies x pools
#if defined(__SANITIZE_THREAD__)
// One thread, so nothing for this sanitizer to find but that the test runs under it.
constexpr std::int64_t kOperations = 1;
#elif defined(__SANITIZE_ADDRESS__)
constexpr std::int64_t kOperations = 1'000'000 / kSuites + 1;
#else
constexpr std::int64_t kOperations = 10'000'000 / kSuites + 1;
#endif
// One simulation makes so many: with a new seed the pool, its tenants' limits and the tier differ.
#if defined(__SANITIZE_THREAD__)
constexpr std::int64_t kRun = 1'000;
#else
constexpr std::int64_t kRun = 14'000;
#endif
// Whether every pool and policy has seen everything: two runs in a large pool may lose nothing.
constexpr bool kLong = kOperations >= 10 * kRun;

class KvSoakTest : public testing::TestWithParam<std::tuple<std::string, std::int32_t>> {};

TEST_P(KvSoakTest, CachePinsPolicyAndTierAgreeWithTheReference) {
  ASSERT_EQ(PolicyNames().size(), 9U) << "kSuites counts them";
  const auto& [policy, blocks] = GetParam();
  std::int64_t operations = 0;
  std::int64_t read_back = 0;
  std::int64_t funded = 0;
  std::int64_t lost_below = 0;
  for (std::uint64_t seed = 1; operations < kOperations; ++seed) {
    KvSimulation::Options options;
    options.policy = policy;
    options.blocks = blocks;
    options.seed = seed;
    options.pins = true;
    options.tier = seed % 4 != 0;
    options.hash_bits = seed % 5 == 0 ? 4 : 128;
    options.block_tokens = seed % 6 == 0 ? 32 : 16;
    options.check_every = blocks <= 20 ? 1 : blocks / 8;
    KvSimulation simulation(options);
    const absl::Status status = simulation.Run(kRun);
    ASSERT_TRUE(status.ok()) << status;
    operations += kRun;
    read_back += simulation.read_back();
    funded += simulation.funded_turns();
    if (options.tier) lost_below += simulation.lost_below();
    const absl::Status quiet = simulation.Quiesce();
    ASSERT_TRUE(quiet.ok()) << quiet;
  }
  EXPECT_GE(operations, kOperations);
  if (!kLong) return;
  EXPECT_GT(read_back, 0);
  EXPECT_GT(funded, 0);
  EXPECT_GT(lost_below, 0);
}

INSTANTIATE_TEST_SUITE_P(
    AllPolicies, KvSoakTest,
    testing::Combine(testing::ValuesIn(std::vector<std::string>(PolicyNames().begin(),
                                                                PolicyNames().end())),
                     testing::Values(8, 20, 64, 256)),
    [](const auto& test) {
      return absl::StrCat(std::get<0>(test.param), "_", std::get<1>(test.param));
    });

}  // namespace
}  // namespace pintle::kv

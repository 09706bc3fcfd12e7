// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_CONFORMANCE_EVICTION_POLICY_CONFORMANCE_H_
#define PINTLE_TESTS_CONFORMANCE_EVICTION_POLICY_CONFORMANCE_H_

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "worker/kv/block_pool.h"
#include "worker/kv/eviction_policy.h"

namespace pintle::kv {

// The promises every eviction policy keeps, whatever its order. Instantiated with each name of the
// registry: a policy added there is held to them without another line.
//
// The fixture is the least of a cache: chains grow and shrink at random, in the order of events
// that EvictionPolicy promises its policies.
class EvictionPolicyConformance : public testing::TestWithParam<std::string> {
 protected:
  static constexpr std::int32_t kBlocks = 40;

  EvictionPolicyConformance();

  // One random event of a cache's life.
  void Churn();
  // The proposal must be evictable leaves in an order that frees children before parents.
  void ExpectSound(const std::vector<Victim>& victims, std::int32_t n) const;
  std::vector<Victim> Propose(std::int32_t n) const;
  // As the cache does: the policy's moves, then an erase for each victim.
  void Commit(const std::vector<Victim>& victims);

  std::int32_t Pick(std::int32_t below);
  void Grow();
  void Release();
  void Use();
  void Erase(BlockIndex block);

  std::mt19937_64 random_{5};
  BlockPool pool_{kBlocks, 16};
  std::unique_ptr<EvictionPolicy> policy_;
  // Blocks in use, each with all its ancestors: in_use_ counts how many users a block has.
  std::vector<std::int32_t> users_ = std::vector<std::int32_t>(kBlocks, 0);
  std::vector<BlockIndex> heads_;  // last blocks of the chains in use
  absl::Duration now_ = absl::ZeroDuration();
};

}  // namespace pintle::kv

#endif  // PINTLE_TESTS_CONFORMANCE_EVICTION_POLICY_CONFORMANCE_H_

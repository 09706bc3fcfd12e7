// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_CONFORMANCE_EVICTION_POLICY_CONFORMANCE_H_
#define PINTLE_TESTS_CONFORMANCE_EVICTION_POLICY_CONFORMANCE_H_

#include <cstdint>
#include <functional>
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
// that EvictionPolicy promises its policies; facts of evictable blocks change. A second instance
// gets the same events and must always answer the same.
class EvictionPolicyConformance : public testing::TestWithParam<std::string> {
 protected:
  static constexpr std::int32_t kBlocks = 40;

  EvictionPolicyConformance();

  // One random event of a cache's life.
  void Churn();
  // The proposal must be evictable leaves in an order that frees children before parents, nothing
  // that `offered` refuses, and as many as can go.
  void ExpectSound(const std::vector<Victim>& victims, std::int32_t n,
                   const std::vector<bool>& offered) const;
  void ExpectSound(const std::vector<Victim>& victims, std::int32_t n) const;
  void ExpectIntact() const;
  std::vector<Victim> Propose(std::int32_t n) const;
  std::vector<Victim> Propose(std::int32_t n, const std::vector<bool>& offered) const;
  // As the cache does: the policy's moves, then an erase for each victim.
  void Commit(const std::vector<Victim>& victims);
  // As Holdings::ChangePolicy does, to a policy of that name.
  void ChangePolicy(const std::string& name);
  std::vector<bool> RandomOffer();

  std::int32_t Pick(std::int32_t below);
  void Grow();
  void Release();
  void Use();
  void ChangeFacts();
  void Erase(BlockIndex block);
  void Tell(const std::function<void(EvictionPolicy&)>& event);

  // A pool whose blocks have pins, sessions and, once full, names of their content.
  class Tree : public BlockPool {
   public:
    Tree() : BlockPool(kBlocks, 16), facts(kBlocks) {}
    BlockFacts Facts(BlockIndex block) const override {
      return facts[static_cast<std::size_t>(block)];
    }
    std::vector<BlockFacts> facts;
  };

  std::mt19937_64 random_{5};
  Tree pool_;
  std::unique_ptr<EvictionPolicy> policy_;
  std::unique_ptr<EvictionPolicy> twin_;
  // Blocks in use, each with all its ancestors: in_use_ counts how many users a block has.
  std::vector<std::int32_t> users_ = std::vector<std::int32_t>(kBlocks, 0);
  std::vector<BlockIndex> heads_;  // last blocks of the chains in use
  absl::Duration now_ = absl::ZeroDuration();
};

}  // namespace pintle::kv

#endif  // PINTLE_TESTS_CONFORMANCE_EVICTION_POLICY_CONFORMANCE_H_

// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/eviction_policy_conformance.h"

#include <algorithm>
#include <set>
#include <utility>

#include "worker/kv/policy_registry.h"

namespace pintle::kv {
namespace {

std::vector<BlockIndex> Blocks(const std::vector<Victim>& victims) {
  std::vector<BlockIndex> blocks;
  for (const Victim& victim : victims) blocks.push_back(victim.block);
  return blocks;
}

std::vector<std::string> Names() {
  return std::vector<std::string>(PolicyNames().begin(), PolicyNames().end());
}

}  // namespace

EvictionPolicyConformance::EvictionPolicyConformance()
    : policy_(*MakePolicy(GetParam(), kBlocks, pool_)),
      twin_(*MakePolicy(GetParam(), kBlocks, pool_)) {}

std::int32_t EvictionPolicyConformance::Pick(std::int32_t below) {
  return static_cast<std::int32_t>(random_() % static_cast<std::uint64_t>(below));
}

void EvictionPolicyConformance::Tell(const std::function<void(EvictionPolicy&)>& event) {
  event(*policy_);
  event(*twin_);
}

// A new block at the end of a chain in use, or a new chain.
void EvictionPolicyConformance::Grow() {
  if (pool_.free_blocks() == 0) return;
  const BlockIndex block = pool_.TakeFree();
  if (!heads_.empty() && Pick(4) != 0) {
    const std::int32_t at = Pick(static_cast<std::int32_t>(heads_.size()));
    BlockIndex& head = heads_[static_cast<std::size_t>(at)];
    pool_[block].parent = head;
    pool_[block].depth = pool_[head].depth + 1;
    ++pool_[head].children;
    head = block;
  } else {
    heads_.push_back(block);
  }
  users_[static_cast<std::size_t>(block)] = 1;
  BlockFacts facts;
  facts.tokens = 1 + Pick(16);
  pool_.facts[static_cast<std::size_t>(block)] = facts;
  // Contents that were there before come back now and then.
  pool_[block].indexed = facts.tokens > 8;
  pool_[block].hash.low = static_cast<std::uint64_t>(1 + Pick(60));
  Tell([&](EvictionPolicy& policy) { policy.Insert(block, now_); });
}

// A chain comes out of use, leaf first.
void EvictionPolicyConformance::Release() {
  if (heads_.empty()) return;
  const auto at = static_cast<std::ptrdiff_t>(Pick(static_cast<std::int32_t>(heads_.size())));
  for (BlockIndex b = heads_[static_cast<std::size_t>(at)]; b != kNoBlock; b = pool_[b].parent) {
    if (--users_[static_cast<std::size_t>(b)] > 0) continue;
    pool_.SetState(b, BlockState::kEvictable);
    Tell([&](EvictionPolicy& policy) { policy.Evictable(b, now_); });
  }
  heads_.erase(heads_.begin() + at);
}

// A chain that exists is used again up to some block.
void EvictionPolicyConformance::Use() {
  const BlockIndex block = Pick(kBlocks);
  if (pool_[block].state == BlockState::kFree) return;
  for (BlockIndex b = block; b != kNoBlock; b = pool_[b].parent) {
    if (users_[static_cast<std::size_t>(b)]++ == 0) {
      pool_.SetState(b, BlockState::kInUse);
      Tell([&](EvictionPolicy& policy) { policy.Protected(b); });
    }
    ++pool_.facts[static_cast<std::size_t>(b)].reuse;
    Tell([&](EvictionPolicy& policy) { policy.Access(b, now_); });
  }
  heads_.push_back(block);
}

// A pin, a hint or a closed session, announced as it happens.
void EvictionPolicyConformance::ChangeFacts() {
  const BlockIndex block = Pick(kBlocks);
  if (pool_[block].state != BlockState::kEvictable) return;
  BlockFacts& facts = pool_.facts[static_cast<std::size_t>(block)];
  facts.priority = Pick(101);
  facts.retained_until = Pick(3) == 0 ? absl::ZeroDuration() : now_ + absl::Seconds(Pick(20) - 2);
  facts.sessions = Pick(3);
  facts.turns = Pick(5);
  facts.outlook = static_cast<SessionOutlook>(Pick(3));
  facts.expected_return =
      Pick(2) == 0 ? absl::InfiniteDuration() : now_ + absl::Seconds(Pick(30));
  Tell([&](EvictionPolicy& policy) { policy.Changed(block, now_); });
}

void EvictionPolicyConformance::Erase(BlockIndex block) {
  Tell([&](EvictionPolicy& policy) { policy.Erase(block); });
  if (pool_[block].parent != kNoBlock) --pool_[pool_[block].parent].children;
  pool_[block].indexed = false;
  pool_.GiveBack(block);
}

void EvictionPolicyConformance::Churn() {
  now_ += absl::Milliseconds(Pick(3000));
  const std::int32_t kind = Pick(12);
  if (kind < 4) {
    Grow();
  } else if (kind < 7) {
    Release();
  } else if (kind < 9) {
    Use();
  } else if (kind < 11) {
    ChangeFacts();
  } else {
    Commit(Propose(1 + Pick(4)));
  }
}

std::vector<bool> EvictionPolicyConformance::RandomOffer() {
  std::vector<bool> offered(kBlocks);
  for (std::size_t i = 0; i < offered.size(); ++i) offered[i] = Pick(4) != 0;
  return offered;
}

std::vector<Victim> EvictionPolicyConformance::Propose(std::int32_t n) const {
  return Propose(n, std::vector<bool>(kBlocks, true));
}

std::vector<Victim> EvictionPolicyConformance::Propose(std::int32_t n,
                                                       const std::vector<bool>& offered) const {
  const auto offer = [&](BlockIndex block) { return offered[static_cast<std::size_t>(block)]; };
  std::vector<Victim> victims;
  policy_->Propose(n, now_, offer, &victims);
  return victims;
}

void EvictionPolicyConformance::Commit(const std::vector<Victim>& victims) {
  Tell([&](EvictionPolicy& policy) { policy.Commit(victims, now_); });
  for (const Victim& victim : victims) Erase(victim.block);
}

void EvictionPolicyConformance::ChangePolicy(const std::string& name) {
  const std::vector<Victim> order = Propose(kBlocks);
  for (auto* policy : {&policy_, &twin_}) {
    auto next = *MakePolicy(name, kBlocks, pool_);
    for (BlockIndex block = 0; block < kBlocks; ++block) {
      if (pool_[block].state != BlockState::kFree) next->Insert(block, now_);
    }
    for (const Victim& victim : order) next->Evictable(victim.block, now_);
    *policy = std::move(next);
  }
}

void EvictionPolicyConformance::ExpectSound(const std::vector<Victim>& victims, std::int32_t n,
                                            const std::vector<bool>& offered) const {
  // What is not on offer keeps its ancestors.
  std::vector<bool> can_go(kBlocks);
  for (BlockIndex b = 0; b < kBlocks; ++b) {
    can_go[static_cast<std::size_t>(b)] = pool_[b].state == BlockState::kEvictable;
  }
  for (BlockIndex b = 0; b < kBlocks; ++b) {
    if (pool_[b].state != BlockState::kEvictable || offered[static_cast<std::size_t>(b)]) continue;
    for (BlockIndex up = b; up != kNoBlock; up = pool_[up].parent) {
      can_go[static_cast<std::size_t>(up)] = false;
    }
  }
  EXPECT_EQ(static_cast<std::int32_t>(victims.size()),
            std::min<std::int32_t>(
                n, static_cast<std::int32_t>(std::count(can_go.begin(), can_go.end(), true))));
  std::set<BlockIndex> gone;
  std::vector<std::int32_t> children_gone(kBlocks, 0);
  for (const Victim& victim : victims) {
    EXPECT_TRUE(can_go[static_cast<std::size_t>(victim.block)]) << "not evictable or not on offer";
    EXPECT_TRUE(gone.insert(victim.block).second) << "proposed twice";
    EXPECT_EQ(pool_.Children(victim.block), children_gone[static_cast<std::size_t>(victim.block)])
        << "a block goes after its children";
    const BlockIndex parent = pool_.Parent(victim.block);
    if (parent != kNoBlock) ++children_gone[static_cast<std::size_t>(parent)];
  }
}

void EvictionPolicyConformance::ExpectSound(const std::vector<Victim>& victims,
                                            std::int32_t n) const {
  ExpectSound(victims, n, std::vector<bool>(kBlocks, true));
}

void EvictionPolicyConformance::ExpectIntact() const {
  for (BlockIndex b = 0; b < kBlocks; ++b) {
    EXPECT_EQ(policy_->IsEvictable(b), pool_[b].state == BlockState::kEvictable);
  }
  EXPECT_TRUE(policy_->CheckInvariants().ok()) << policy_->CheckInvariants();
}

TEST_P(EvictionPolicyConformance, ProposesWhatIsEvictableLeavesFirstAndAsMuchAsAsked) {
  for (int i = 0; i < 3000; ++i) {
    Churn();
    for (const std::int32_t n : {0, 1, 3, kBlocks}) ExpectSound(Propose(n), n);
    ExpectIntact();
    ASSERT_FALSE(HasFailure()) << "after event " << i;
  }
}

TEST_P(EvictionPolicyConformance, ProposingTwiceGivesTheSameList) {
  for (int i = 0; i < 1000; ++i) {
    Churn();
    const std::vector<bool> offered = RandomOffer();
    const std::vector<Victim> first = Propose(7, offered);
    ASSERT_EQ(Propose(7, offered), first);
  }
}

TEST_P(EvictionPolicyConformance, AShorterProposalIsThePrefixOfALonger) {
  for (int i = 0; i < 1000; ++i) {
    Churn();
    const auto longer = Blocks(Propose(kBlocks));
    const auto shorter = Blocks(Propose(3));
    ASSERT_LE(shorter.size(), longer.size());
    ASSERT_TRUE(std::equal(shorter.begin(), shorter.end(), longer.begin()));
  }
}

TEST_P(EvictionPolicyConformance, CommitEvictsExactlyTheProposal) {
  for (int i = 0; i < 1000; ++i) {
    Churn();
    const std::vector<Victim> victims = Propose(2);
    const std::int64_t before = pool_.Count(BlockState::kEvictable);
    Commit(victims);
    ASSERT_EQ(pool_.Count(BlockState::kEvictable),
              before - static_cast<std::int64_t>(victims.size()));
    for (const Victim& victim : victims) ASSERT_FALSE(policy_->IsEvictable(victim.block));
    ASSERT_TRUE(policy_->CheckInvariants().ok());
  }
}

TEST_P(EvictionPolicyConformance, WhatIsNotOnOfferStaysWithItsAncestors) {
  for (int i = 0; i < 2000; ++i) {
    Churn();
    const std::vector<bool> offered = RandomOffer();
    for (const std::int32_t n : {1, 4, kBlocks}) ExpectSound(Propose(n, offered), n, offered);
    if (Pick(20) == 0) Commit(Propose(1 + Pick(6), offered));
    ExpectIntact();
    ASSERT_FALSE(HasFailure()) << "after event " << i;
  }
}

TEST_P(EvictionPolicyConformance, AfterAPrefixTheRestIsNext) {
  for (int i = 0; i < 2000; ++i) {
    Churn();
    if (Pick(20) != 0) continue;
    std::vector<Victim> prefix = Propose(8);
    if (prefix.size() < 2) continue;
    const std::vector<BlockIndex> all = Blocks(prefix);
    prefix.resize(1 + static_cast<std::size_t>(Pick(static_cast<std::int32_t>(all.size()) - 1)));
    Commit(prefix);
    ExpectIntact();
    const auto rest = static_cast<std::int32_t>(all.size() - prefix.size());
    const std::vector<BlockIndex> expected(all.begin() + static_cast<std::ptrdiff_t>(prefix.size()),
                                           all.end());
    ASSERT_EQ(Blocks(Propose(rest)), expected) << "after event " << i;
  }
}

TEST_P(EvictionPolicyConformance, EqualEventsGiveEqualProposals) {
  for (int i = 0; i < 2000; ++i) {
    Churn();
    // One is asked more often than the other: asking leaves no trace.
    const std::vector<Victim> victims = Propose(kBlocks);
    if (Pick(3) != 0) continue;
    std::vector<Victim> of_twin;
    twin_->Propose(kBlocks, now_, OfferAll, &of_twin);
    ASSERT_EQ(of_twin, victims) << "after event " << i;
  }
}

TEST_P(EvictionPolicyConformance, TakesBlocksOverLiveFromEveryPolicyAndHandsThemBack) {
  for (const std::string& other : Names()) {
    for (int i = 0; i < 100; ++i) Churn();
    ChangePolicy(other);
    for (int i = 0; i < 50; ++i) Churn();
    ChangePolicy(GetParam());
    for (int i = 0; i < 200; ++i) {
      Churn();
      ExpectSound(Propose(kBlocks), kBlocks);
      ExpectIntact();
      ASSERT_FALSE(HasFailure()) << "after " << other;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllPolicies, EvictionPolicyConformance, testing::ValuesIn(Names()),
                         [](const auto& test) { return test.param; });

}  // namespace pintle::kv

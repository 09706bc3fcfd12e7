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

}  // namespace

EvictionPolicyConformance::EvictionPolicyConformance()
    : policy_(*MakePolicy(GetParam(), kBlocks, pool_)) {}

std::int32_t EvictionPolicyConformance::Pick(std::int32_t below) {
  return static_cast<std::int32_t>(random_() % static_cast<std::uint64_t>(below));
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
  policy_->Insert(block, now_);
}

// A chain comes out of use, leaf first.
void EvictionPolicyConformance::Release() {
  if (heads_.empty()) return;
  const auto at = static_cast<std::ptrdiff_t>(Pick(static_cast<std::int32_t>(heads_.size())));
  for (BlockIndex b = heads_[static_cast<std::size_t>(at)]; b != kNoBlock; b = pool_[b].parent) {
    if (--users_[static_cast<std::size_t>(b)] > 0) continue;
    pool_.SetState(b, BlockState::kEvictable);
    policy_->Evictable(b, now_);
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
      policy_->Protected(b);
    }
    policy_->Access(b, now_);
  }
  heads_.push_back(block);
}

void EvictionPolicyConformance::Erase(BlockIndex block) {
  policy_->Erase(block);
  if (pool_[block].parent != kNoBlock) --pool_[pool_[block].parent].children;
  pool_.GiveBack(block);
}

void EvictionPolicyConformance::Churn() {
  now_ += absl::Milliseconds(Pick(3000));
  const std::int32_t kind = Pick(10);
  if (kind < 4) {
    Grow();
  } else if (kind < 7) {
    Release();
  } else if (kind < 9) {
    Use();
  } else {
    Commit(Propose(1 + Pick(4)));
  }
}

std::vector<Victim> EvictionPolicyConformance::Propose(std::int32_t n) const {
  std::vector<Victim> victims;
  policy_->Propose(n, now_, OfferAll, &victims);
  return victims;
}

void EvictionPolicyConformance::Commit(const std::vector<Victim>& victims) {
  policy_->Commit(victims, now_);
  for (const Victim& victim : victims) Erase(victim.block);
}

void EvictionPolicyConformance::ExpectSound(const std::vector<Victim>& victims,
                                            std::int32_t n) const {
  const auto evictable = static_cast<std::int32_t>(pool_.Count(BlockState::kEvictable));
  EXPECT_EQ(static_cast<std::int32_t>(victims.size()), std::min(n, evictable));
  std::set<BlockIndex> gone;
  std::vector<std::int32_t> children_gone(kBlocks, 0);
  for (const Victim& victim : victims) {
    EXPECT_EQ(pool_[victim.block].state, BlockState::kEvictable);
    EXPECT_TRUE(gone.insert(victim.block).second) << "proposed twice";
    EXPECT_EQ(pool_.Children(victim.block), children_gone[static_cast<std::size_t>(victim.block)])
        << "a block goes after its children";
    const BlockIndex parent = pool_.Parent(victim.block);
    if (parent != kNoBlock) ++children_gone[static_cast<std::size_t>(parent)];
  }
}

TEST_P(EvictionPolicyConformance, ProposesWhatIsEvictableLeavesFirstAndAsMuchAsAsked) {
  for (int i = 0; i < 3000; ++i) {
    Churn();
    for (const std::int32_t n : {0, 1, 3, kBlocks}) ExpectSound(Propose(n), n);
    for (BlockIndex b = 0; b < kBlocks; ++b) {
      EXPECT_EQ(policy_->IsEvictable(b), pool_[b].state == BlockState::kEvictable);
    }
    ASSERT_TRUE(policy_->CheckInvariants().ok()) << policy_->CheckInvariants();
    ASSERT_FALSE(HasFailure()) << "after event " << i;
  }
}

TEST_P(EvictionPolicyConformance, ProposingTwiceGivesTheSameList) {
  for (int i = 0; i < 1000; ++i) {
    Churn();
    const std::vector<Victim> first = Propose(7);
    ASSERT_EQ(Propose(7), first);
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

TEST_P(EvictionPolicyConformance, EqualEventsGiveEqualProposals) {
  auto other = *MakePolicy(GetParam(), kBlocks, pool_);
  for (BlockIndex b = 0; b < 10; ++b) {
    pool_.TakeFree();
    for (EvictionPolicy* policy : {policy_.get(), other.get()}) {
      policy->Insert(b, now_);
      policy->Access(b, now_);
      policy->Evictable(b, now_);
    }
    pool_.SetState(b, BlockState::kEvictable);
    now_ += absl::Seconds(1);
  }
  std::vector<Victim> victims;
  other->Propose(10, now_, OfferAll, &victims);
  EXPECT_EQ(victims.size(), 10U);
  EXPECT_EQ(Propose(10), victims);
}

INSTANTIATE_TEST_SUITE_P(AllPolicies, EvictionPolicyConformance,
                         testing::ValuesIn(std::vector<std::string>(PolicyNames().begin(),
                                                                    PolicyNames().end())),
                         [](const auto& test) { return test.param; });

}  // namespace pintle::kv

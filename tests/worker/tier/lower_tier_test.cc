// SPDX-License-Identifier: Apache-2.0
#include "worker/tier/lower_tier.h"

#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "tests/fakes/fake_block_store.h"

namespace pintle::tier {
namespace {

constexpr std::int32_t kWidth = 4;
constexpr std::size_t kBytes = 32;

class LowerTierTest : public testing::Test {
 protected:
  LowerTierTest() { Make(); }
  void TearDown() override { Check(); }

  void Make(std::int32_t slots = 8, FakeBlockStore::Faults faults = {}) {
    LowerTier::Options options;
    options.block_tokens = kWidth;
    options.bytes_per_token = 10;
    told_ = Told();
    options.hash_key = {1, 2};
    options.staging_bytes = 4 * kBytes;
    options.threaded = false;
    options.observer = &told_;
    tier_ = std::make_unique<LowerTier>(
        std::make_unique<FakeBlockStore>(medium_, slots, kBytes, std::move(faults)), options,
        clock_, nullptr);
  }
  void Check() {
    const absl::Status status = tier_->CheckInvariants();
    EXPECT_TRUE(status.ok()) << status;
    const kv::KvLedger ledger = tier_->Stats().physical;
    EXPECT_EQ(told_.stored, ledger.added);
    for (std::size_t reason = 0; reason < kv::kKvReasons; ++reason) {
      if (kv::IsEviction(static_cast<kv::KvReason>(reason))) continue;
      EXPECT_EQ(told_.removed[reason], ledger.removed[reason]) << reason;
    }
  }
  // What an observer of the whole cache hears of a tier beside moves and evictions.
  class Told final : public kv::KvObserver {
   public:
    void Began(const kv::KvLookup&, absl::Duration) override {}
    void Stored(BlockIndex, std::int32_t, absl::Duration) override {}
    void Removed(BlockIndex, std::int32_t, kv::KvReason) override {}
    void Evicted(const kv::EvictionRecord&) override {}
    void Demoted(const kv::EvictionRecord&, kv::KvTier) override {}
    void StoredLower(const kv::LowerBlock& block, absl::Duration) override {
      EXPECT_EQ(block.tenant, TenantId("t"));
      EXPECT_EQ(block.tier, kv::KvTier::kDisk);
      stored += block.tokens;
    }
    void RemovedLower(const kv::LowerBlock& block, kv::KvReason reason, absl::Duration) override {
      EXPECT_EQ(block.tenant, TenantId("t"));
      removed[kv::At(reason)] += block.tokens;
    }
    std::int64_t stored = 0;
    kv::ByReason removed{};
  };
  kv::Hash128 Root() const { return hash_.WideRoot("t"); }
  // The labels of a chain of these tokens.
  std::vector<BlockLabel> Chain(const std::vector<TokenId>& tokens) const {
    std::vector<BlockLabel> labels;
    kv::Hash128 parent = Root();
    for (std::size_t i = 0; i < tokens.size(); i += kWidth) {
      BlockLabel label;
      label.parent = parent;
      label.first_position = static_cast<Position>(i);
      label.tenant = TenantId("t");
      const auto part = absl::MakeConstSpan(tokens).subspan(i, kWidth);
      label.tokens.assign(part.begin(), part.end());
      label.hash = hash_.WideExtend(parent, part);
      parent = label.hash;
      labels.push_back(label);
    }
    return labels;
  }
  LowerTier::Put Keep(const BlockLabel& label, bool moved = true, bool urgent = false) {
    return tier_->Keep(label, moved, urgent, [&](absl::Span<std::byte> bytes) {
      std::memset(bytes.data(), label.tokens[0], bytes.size());
      return absl::OkStatus();
    });
  }
  // As a device evicts it: the last block first.
  void KeepChain(const std::vector<TokenId>& tokens) {
    const std::vector<BlockLabel> labels = Chain(tokens);
    for (std::size_t i = labels.size(); i-- > 0;) {
      ASSERT_EQ(Keep(labels[i]), LowerTier::Put::kKept);
      Settle();
    }
  }
  std::vector<StoreDone> Settle() {
    while (tier_->RunIo()) {
    }
    std::vector<StoreDone> read;
    tier_->Poll([this](const LowerTier::Lost& lost) { lost_.push_back(lost); }, &read);
    Check();
    return read;
  }
  bool ReadsBack(const LowerTier::Step& step) {
    EXPECT_TRUE(tier_->Read(1, step.slot));
    std::vector<StoreDone> read = Settle();
    EXPECT_EQ(read.size(), 1U);
    const bool good =
        tier_->Verify(read[0], [this](const LowerTier::Lost& lost) { lost_.push_back(lost); });
    tier_->Finish(std::move(read[0]));
    return good;
  }
  std::int64_t Present() const { return tier_->Stats().physical.present; }

  ManualClock clock_;
  Told told_;
  kv::BlockHash hash_{{1, 2}};
  std::shared_ptr<FakeMedium> medium_ = std::make_shared<FakeMedium>();
  std::unique_ptr<LowerTier> tier_;
  std::vector<LowerTier::Lost> lost_;
};

TEST_F(LowerTierTest, FindsWhatContinuesAChain) {
  KeepChain({1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const auto labels = Chain({1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const auto all = tier_->Find(Root(), {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[2].tokens, 2);
  const auto rest = tier_->Find(labels[0].hash, {5, 6, 7});
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].tokens, 3);
  EXPECT_TRUE(tier_->Find(labels[0].hash, {1, 2, 3, 4}).empty());
  EXPECT_TRUE(tier_->Find(hash_.WideRoot("another tenant"), {1, 2, 3, 4}).empty());
}

TEST_F(LowerTierTest, ReadsBackWhatWasKept) {
  KeepChain({1, 2, 3, 4});
  EXPECT_TRUE(ReadsBack(tier_->Find(Root(), {1, 2, 3, 4})[0]));
  EXPECT_TRUE(lost_.empty());
}

TEST_F(LowerTierTest, KeepingTheSameBlockAgainWritesNothing) {
  KeepChain({1, 2, 3, 4});
  ASSERT_EQ(Keep(Chain({1, 2, 3, 4})[0]), LowerTier::Put::kKept);
  EXPECT_FALSE(tier_->RunIo());
  EXPECT_EQ(Present(), 4);
  EXPECT_EQ(tier_->Stats().physical.moved_in, 8);
}

TEST_F(LowerTierTest, AFullTierDropsTheLeastRecentlyUsedChainFromItsEnd) {
  KeepChain({1, 2, 3, 4, 5, 6, 7, 8});
  for (TokenId first = 10; first < 60; first += 10) KeepChain({first, 2, 3, 4});
  ASSERT_FALSE(lost_.empty());
  EXPECT_EQ(lost_[0].block.first_position, 4);
  EXPECT_EQ(lost_[0].reason, kv::KvReason::kCapacity);
  EXPECT_FALSE(tier_->Find(Root(), {50, 2, 3, 4}).empty());
  const TierStats stats = tier_->Stats();
  EXPECT_EQ(stats.evictions[kv::At(kv::KvReason::kCapacity)],
            static_cast<std::int64_t>(lost_.size()));
  EXPECT_EQ(stats.evicted_tokens[kv::At(kv::KvReason::kCapacity)],
            stats.physical.removed[kv::At(kv::KvReason::kCapacity)]);
}

TEST_F(LowerTierTest, StagingIsBoundedAndWhatFindsNoneIsNotTaken) {
  int kept = 0;
  for (TokenId first = 10; first < 60; first += 10) {
    if (Keep(Chain({first, 2, 3, 4})[0]) == LowerTier::Put::kKept) ++kept;
  }
  EXPECT_EQ(kept, 4);
}

TEST_F(LowerTierTest, WhatIsPromisedFindsStagingWhereOthersFindNone) {
  for (TokenId first = 10; first < 50; first += 10) Keep(Chain({first, 2, 3, 4})[0]);
  const BlockLabel label = Chain({50, 2, 3, 4})[0];
  EXPECT_EQ(Keep(label), LowerTier::Put::kBusy);
  EXPECT_EQ(Keep(label, /*moved=*/true, /*urgent=*/true), LowerTier::Put::kKept);
}

TEST_F(LowerTierTest, GuardedChainsStayWhateverComesAndAFullTierOfThemRefuses) {
  const std::vector<TokenId> kept = {1, 2, 3, 4, 5, 6, 7, 8};
  KeepChain(kept);
  tier_->Guard(Chain(kept)[1].hash);
  for (TokenId first = 10; first < 900; first += 10) KeepChain({first, 2, 3, 4});
  EXPECT_EQ(tier_->Find(Root(), kept).size(), 2U);
  for (const LowerTier::Lost& lost : lost_) EXPECT_NE(lost.block.hash, Chain(kept)[1].hash);
  // Everything else is promised too: the slots in reserve are the last, then nothing is taken.
  for (TokenId first = 1000; first < 1080; first += 10) {
    const BlockLabel label = Chain({first, 2, 3, 4})[0];
    if (Keep(label) == LowerTier::Put::kKept) tier_->Guard(label.hash);
    Settle();
  }
  EXPECT_EQ(tier_->index().free_slots(), 0);
  EXPECT_EQ(Keep(Chain({2000, 2, 3, 4})[0]), LowerTier::Put::kFull);
  tier_->Unguard(Chain(kept)[1].hash);
  Settle();
  EXPECT_TRUE(tier_->Find(Root(), kept).size() < 2U);
}

TEST_F(LowerTierTest, DamageEndsEvenWhatIsGuarded) {
  KeepChain({1, 2, 3, 4});
  tier_->Guard(Chain({1, 2, 3, 4})[0].hash);
  for (FakeMedium::Slot& slot : medium_->slots) slot.damaged = true;
  EXPECT_FALSE(ReadsBack(tier_->Find(Root(), {1, 2, 3, 4})[0]));
  EXPECT_EQ(lost_.back().reason, kv::KvReason::kDamaged);
  tier_->Unguard(Chain({1, 2, 3, 4})[0].hash);
}

TEST_F(LowerTierTest, AFailedWriteIsAMissWithAllThatContinuesIt) {
  bool fail = false;
  FakeBlockStore::Faults faults;
  faults.on_write = [&](std::int32_t) {
    return fail ? absl::ResourceExhaustedError("disk full") : absl::OkStatus();
  };
  Make(8, std::move(faults));
  const auto labels = Chain({1, 2, 3, 4, 5, 6, 7, 8});
  ASSERT_EQ(Keep(labels[1]), LowerTier::Put::kKept);
  Settle();
  fail = true;
  ASSERT_EQ(Keep(labels[0]), LowerTier::Put::kKept);
  Settle();
  ASSERT_EQ(lost_.size(), 2U);
  EXPECT_EQ(lost_[0].block.hash, labels[1].hash);
  EXPECT_EQ(lost_[0].reason, kv::KvReason::kDamaged);
  EXPECT_EQ(Present(), 0);
  EXPECT_EQ(tier_->Stats().write_failures, 1);
}

TEST_F(LowerTierTest, ADamagedBlockIsAMissAndForgotten) {
  KeepChain({1, 2, 3, 4});
  for (FakeMedium::Slot& slot : medium_->slots) slot.damaged = true;
  EXPECT_FALSE(ReadsBack(tier_->Find(Root(), {1, 2, 3, 4})[0]));
  EXPECT_TRUE(tier_->Find(Root(), {1, 2, 3, 4}).empty());
  EXPECT_EQ(tier_->Stats().damaged, 1);
}

TEST_F(LowerTierTest, AnotherBlockInTheSlotIsAMiss) {
  KeepChain({1, 2, 3, 4});
  const auto step = tier_->Find(Root(), {1, 2, 3, 4})[0];
  medium_->slots[static_cast<std::size_t>(step.slot)].label->hash = {7, 7};
  EXPECT_FALSE(ReadsBack(step));
}

TEST_F(LowerTierTest, AfterARestartAllOfItIsFoundAgain) {
  KeepChain({1, 2, 3, 4, 5, 6});
  Make();
  tier_->Scan();
  const auto steps = tier_->Find(Root(), {1, 2, 3, 4, 5, 6, 7});
  ASSERT_EQ(steps.size(), 2U);
  EXPECT_TRUE(ReadsBack(steps[0]));
  EXPECT_EQ(tier_->Stats().blocks_found, 2);
  EXPECT_EQ(tier_->Stats().physical.added, 6);
  EXPECT_TRUE(tier_->IsWhole(Chain({1, 2, 3, 4, 5, 6})[1].hash, 6));
}

TEST_F(LowerTierTest, WhatAnotherKeyHasHashedIsNotTakenUp) {
  KeepChain({1, 2, 3, 4});
  for (FakeMedium::Slot& slot : medium_->slots) {
    if (slot.label) slot.label->hash.high ^= 1;
  }
  Make();
  tier_->Scan();
  EXPECT_EQ(tier_->Stats().blocks_found, 0);
}

TEST_F(LowerTierTest, ADeletedSessionsBlocksAreErasedUnlessOthersNeedThem) {
  KeepChain({1, 2, 3, 4, 5, 6, 7, 8});
  KeepChain({1, 2, 3, 4, 9, 9, 9, 9});
  const auto mine = Chain({1, 2, 3, 4, 5, 6, 7, 8});
  tier_->Hold(mine[1].hash);
  tier_->Hold(Chain({1, 2, 3, 4, 9, 9, 9, 9})[1].hash);
  tier_->Release(mine[1].hash, 2, kv::KvReason::kSessionDeleted);
  Settle();
  EXPECT_EQ(Present(), 8);
  EXPECT_EQ(tier_->Find(Root(), {1, 2, 3, 4, 5}).size(), 1U);
  int labels = 0;
  for (const FakeMedium::Slot& slot : medium_->slots) labels += slot.label.has_value();
  EXPECT_EQ(labels, 2);
}

TEST_F(LowerTierTest, APromotedTailLeavesAndAFullBlockLeavesACopy) {
  KeepChain({1, 2, 3, 4, 5, 6});
  const auto steps = tier_->Find(Root(), {1, 2, 3, 4, 5, 6, 7});
  tier_->Promoted(steps[0].slot, 4);
  tier_->Promoted(steps[1].slot, 2);
  EXPECT_EQ(Present(), 4);
  EXPECT_EQ(tier_->Stats().physical.moved_out, 6);
  EXPECT_EQ(tier_->Stats().hit_tokens, 6);
}

TEST_F(LowerTierTest, ABlockAboutToBeReadIsNoVictim) {
  KeepChain({1, 2, 3, 4});
  const auto step = tier_->Find(Root(), {1, 2, 3, 4})[0];
  tier_->Pin(step.slot);
  for (TokenId first = 10; first < 90; first += 10) KeepChain({first, 2, 3, 4});
  EXPECT_TRUE(ReadsBack(step));
  tier_->Unpin(step.slot);
}

TEST_F(LowerTierTest, ASlotForgottenWhileItIsReadIsFreedAfterwards) {
  KeepChain({1, 2, 3, 4});
  const auto step = tier_->Find(Root(), {1, 2, 3, 4})[0];
  ASSERT_TRUE(tier_->Read(1, step.slot));
  tier_->Forget(step.hash, kv::KvReason::kSessionDeleted);
  std::vector<StoreDone> read = Settle();
  ASSERT_EQ(read.size(), 1U);
  EXPECT_FALSE(tier_->Verify(read[0], [](const LowerTier::Lost&) { FAIL(); }));
  tier_->Finish(std::move(read[0]));
  EXPECT_EQ(tier_->index().free_slots(), 8);
}

}  // namespace
}  // namespace pintle::tier

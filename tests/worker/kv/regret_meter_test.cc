// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/regret_meter.h"

#include <memory>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "tests/worker/kv/kv_fixture.h"

namespace pintle::kv {
namespace {

// Eight blocks of four tokens.
class RegretMeterTest : public KvFixture {
 protected:
  void Listen(std::int32_t ghosts_max = 64) {
    meter_ = std::make_unique<RegretMeter>(cache_->hash(), 4, ghosts_max);
    cache_->SetObserver(meter_.get());
  }
  void EvictAll(KvReason reason = KvReason::kCapacity) {
    cache_->Commit(cache_->Plan(8, Now()), reason, Key("other"), now_);
  }
  std::int64_t Regret(KvReason reason = KvReason::kCapacity) const {
    return meter_->tokens()[At(reason)];
  }

  std::unique_ptr<RegretMeter> meter_;
};

TEST_F(RegretMeterTest, TheHistoryOfAnEvictedSessionIsChargedToItsReasonOnce) {
  Listen();
  Turn(Key("a"), Run(1, 10));
  EvictAll(KvReason::kQuota);
  // The turn's last token had no KV: ten of eleven history tokens are regretted, the new ones not.
  Turn(Key("a"), Run(1, 13));
  EXPECT_EQ(Regret(KvReason::kQuota), 10);
  EXPECT_EQ(Regret(), 0);
  ASSERT_TRUE(cache_->DropSession(Key("a"), KvReason::kSessionDeleted, Now()).ok());
  Turn(Key("a"), Run(1, 13));
  EXPECT_EQ(Regret(KvReason::kQuota), 10);
}

TEST_F(RegretMeterTest, WhatIsFoundIsNotCharged) {
  Listen();
  Turn(Key("a"), Run(1, 10));
  cache_->Commit(cache_->Plan(6, Now()), KvReason::kCapacity, Key("other"), now_);
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 8);
  Turn(Key("a"), Run(1, 12));
  EXPECT_EQ(Regret(), 2);
}

TEST_F(RegretMeterTest, WhatCameBackByAnImportIsNotCharged) {
  Listen();
  Turn(Key("a"), Run(1, 10));
  EvictAll();
  auto import = cache_->BeginImport(Key("b"), /*secret=*/0, Now());
  ASSERT_TRUE(import.ok());
  WriteTo(*import, Run(1, 8));
  cache_->CommitTurn(*std::move(import), 8, Now());
  Turn(Key("c"), Run(1, 12));
  // The import brought two full blocks, and not the two tokens after them.
  EXPECT_EQ(Regret(), 2);
}

TEST_F(RegretMeterTest, ADifferentHistoryIsNoRegret) {
  Listen();
  Turn(Key("a"), Run(1, 10));
  EvictAll();
  Turn(Key("a"), Run(100, 12));
  EXPECT_EQ(Regret(), 0);
  // Another tenant's equal words are not the ones that were lost.
  Turn(Key("a", "u"), Run(1, 12));
  EXPECT_EQ(Regret(), 0);
}

TEST_F(RegretMeterTest, TheLastTokenOfAPromptIsNeverRegretted) {
  Listen();
  Turn(Key("a"), Run(1, 8));
  EvictAll();
  Turn(Key("a"), Run(1, 8));
  EXPECT_EQ(Regret(), 7);
}

TEST_F(RegretMeterTest, AMoveToALowerTierIsNoRegret) {
  Listen();
  class Taker final : public KvDemoter {
   public:
    std::optional<KvTier> Demote(const DemotionOffer&, absl::Duration) override {
      return KvTier::kDisk;
    }
  } taker;
  cache_->SetDemoter(&taker);
  Turn(Key("a"), Run(1, 10));
  EvictAll();
  Turn(Key("a"), Run(1, 12));
  EXPECT_EQ(Regret(), 0);
}

TEST_F(RegretMeterTest, AShortMemoryShowsAsOverflow) {
  Listen(/*ghosts_max=*/1);
  Turn(Key("a"), Run(1, 10));
  EvictAll();
  Turn(Key("a"), Run(1, 12));
  // Ghosts of 2, 4 and 4 tokens; only the first block's is left.
  EXPECT_EQ(meter_->overflow_tokens(), 6);
  EXPECT_EQ(Regret(), 4);
}

TEST_F(RegretMeterTest, EqualsWhatClientsSeeWhateverIsEvicted) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    KvOptions options;
    options.blocks = 24;
    options.block_tokens = 4;
    options.hash_key = {seed, 9};
    options.sessions_max = 32;
    options.sequences_max = 4;
    auto cache = *KvCache::Create(options);
    RegretMeter meter(cache->hash(), 4, 4096);
    cache->SetObserver(&meter);
    std::vector<std::vector<TokenId>> history(6);
    std::vector<Position> computed(history.size());
    std::int64_t client = 0;
    for (int turn = 0; turn < 400; ++turn) {
      const auto who = static_cast<std::size_t>(random() % history.size());
      auto& tokens = history[who];
      if (tokens.size() > 60) {
        ASSERT_TRUE(
            cache->DropSession(Key(std::to_string(who)), KvReason::kSessionDeleted, Now()).ok());
        tokens.clear();
        computed[who] = 0;
      }
      const std::uint64_t add = 1 + random() % 9;
      // A first token of its own, so that no turn is answered from another session's blocks.
      if (tokens.empty()) tokens.push_back(static_cast<TokenId>(1000 + turn));
      for (std::uint64_t i = 0; i < add; ++i) tokens.push_back(static_cast<TokenId>(random() % 3));
      auto sequence = cache->Begin(Key(std::to_string(who)), tokens, Now());
      ASSERT_TRUE(sequence.ok()) << sequence.status();
      client += std::max(computed[who] - sequence->tokens(), 0);
      const auto size = static_cast<Position>(tokens.size());
      ASSERT_TRUE(cache->Grow(*sequence, size, Now()).ok());
      cache->TakeCopy(*sequence);
      cache->Append(
          *sequence,
          absl::MakeConstSpan(tokens).subspan(static_cast<std::size_t>(sequence->tokens())), Now());
      cache->CommitTurn(*std::move(sequence), size, Now());
      computed[who] = size;
      // The last sampled token is part of the history, its KV is not.
      tokens.push_back(7);
    }
    EXPECT_GT(client, 0);
    EXPECT_EQ(meter.tokens()[At(KvReason::kCapacity)], client) << "seed " << seed;
    EXPECT_EQ(meter.overflow_tokens(), 0);
  }
}

}  // namespace
}  // namespace pintle::kv

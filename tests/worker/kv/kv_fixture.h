// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_WORKER_KV_KV_FIXTURE_H_
#define PINTLE_TESTS_WORKER_KV_KV_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/fakes/eviction_recorder.h"
#include "worker/kv/kv_cache.h"

namespace pintle::kv {

// A cache of 8 blocks of 4 tokens and the few moves its tests are told in. Every test ends with
// the invariants.
class KvFixture : public testing::Test {
 protected:
  KvFixture() : KvFixture(8) {}
  explicit KvFixture(std::int32_t blocks) {
    KvOptions options;
    options.blocks = blocks;
    options.block_tokens = 4;
    options.bytes_per_token = 10;
    options.hash_key = {1, 2};
    options.sessions_max = 4;
    options.sequences_max = 4;
    cache_ = *KvCache::Create(options);
    cache_->SetObserver(&recorder_);
  }
  void TearDown() override { Check(); }

  void Check() {
    const absl::Status status = cache_->CheckInvariants();
    EXPECT_TRUE(status.ok()) << status;
  }

  static SessionKey Key(const std::string& session, const std::string& tenant = "t") {
    return SessionKey{TenantId(tenant), SessionId(session)};
  }
  // Tokens from, from + 1, ... (count of them).
  static std::vector<TokenId> Run(TokenId from, std::int32_t count) {
    std::vector<TokenId> tokens;
    for (std::int32_t i = 0; i < count; ++i) tokens.push_back(from + i);
    return tokens;
  }

  absl::Duration Now() { return now_ += absl::Seconds(1); }

  KvSequence Begin(const SessionKey& key, const std::vector<TokenId>& tokens) {
    auto sequence = cache_->Begin(key, tokens, Now());
    EXPECT_TRUE(sequence.ok()) << sequence.status();
    return sequence.ok() ? *std::move(sequence) : KvSequence();
  }
  // Writes what `tokens` has beyond the sequence's end.
  void WriteTo(KvSequence& sequence, const std::vector<TokenId>& tokens) {
    const auto size = static_cast<Position>(tokens.size());
    const absl::Status grown = cache_->Grow(sequence, size, Now());
    ASSERT_TRUE(grown.ok()) << grown;
    copy_ = cache_->TakeCopy(sequence);
    cache_->Append(sequence,
                   absl::MakeConstSpan(tokens).subspan(static_cast<std::size_t>(sequence.tokens())),
                   Now());
    Check();
  }
  // A whole turn: the session (or one-shot) ends with exactly these tokens written.
  void Turn(const SessionKey& key, const std::vector<TokenId>& tokens) {
    KvSequence sequence = Begin(key, tokens);
    WriteTo(sequence, tokens);
    const Position all = sequence.tokens();
    cache_->CommitTurn(std::move(sequence), all, Now());
    Check();
  }
  std::int64_t Blocks(BlockState state) const { return cache_->Stats().Blocks(state); }

  EvictionRecorder recorder_;
  std::unique_ptr<KvCache> cache_;
  std::optional<BlockCopy> copy_;  // of the last WriteTo
  absl::Duration now_ = absl::ZeroDuration();
};

}  // namespace pintle::kv

#endif  // PINTLE_TESTS_WORKER_KV_KV_FIXTURE_H_

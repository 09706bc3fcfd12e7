// SPDX-License-Identifier: Apache-2.0
#include "tests/worker/engine/engine_bench.h"

#include <utility>

namespace pintle {

EngineBench::EngineBench(Setup setup) : setup_(std::move(setup)) {
  auto decoder = std::make_unique<FakeDecoder>(setup_.decoder);
  decoder_ = decoder.get();
  EXPECT_TRUE(decoder->AllocateKv(setup_.blocks).ok());
  EngineTier tier;
  if (setup_.tier) tier = setup_.tier(decoder->Layout().block_bytes);
  runs_io_ = tier.store != nullptr && !tier.threaded;
  auto engine = Engine::Create(setup_.engine, std::move(decoder), clock_, std::move(tier));
  EXPECT_TRUE(engine.ok()) << engine.status();
  engine_ = *std::move(engine);
}

EngineTurn EngineBench::Turn(std::vector<TokenId> prompt, std::int32_t max_tokens,
                             const char* session, const char* tenant) {
  EngineTurn turn;
  turn.key = {TenantId(tenant), SessionId(session)};
  turn.prompt = std::move(prompt);
  turn.stopping.max_tokens = max_tokens;
  turn.sink = std::make_shared<RecordingSink>();
  return turn;
}

std::vector<TokenId> EngineBench::Prompt(std::size_t count, std::uint32_t salt) {
  std::vector<TokenId> prompt;
  std::uint32_t state = salt * 2654435761U + 1;
  for (std::size_t i = 0; i < count; ++i) {
    state = state * 1664525U + 1013904223U;
    prompt.push_back(10 + static_cast<TokenId>((state >> 8) % 900));
  }
  return prompt;
}

TestTurn EngineBench::Submit(EngineTurn turn) {
  TestTurn test;
  test.sink = std::static_pointer_cast<RecordingSink>(turn.sink);
  const auto id = engine_->Submit(std::move(turn));
  EXPECT_TRUE(id.ok()) << id.status();
  test.id = id.value_or(0);
  return test;
}

absl::Status EngineBench::SubmitError(EngineTurn turn) {
  return engine_->Submit(std::move(turn)).status();
}

bool EngineBench::Round() {
  const bool progress = engine_->RunOnce();
  if (++rounds_ % setup_.rounds_per_check == 0) {
    const absl::Status status = engine_->cache().CheckInvariants();
    EXPECT_TRUE(status.ok()) << status;
    if (engine_->tier() != nullptr) {
      const absl::Status tier = engine_->tier()->tier().CheckInvariants();
      EXPECT_TRUE(tier.ok()) << tier;
    }
  }
  return progress;
}

bool EngineBench::RunIo() { return runs_io_ && engine_->tier()->tier().RunIo(); }

void EngineBench::RunUntilIdle() {
  // Far beyond what any test needs; a loop that makes no progress must fail, not hang.
  for (int round = 0; round < 200000; ++round) {
    if (!Round() && !RunIo()) return;
  }
  FAIL() << "the engine never became idle";
}

SinkRecord EngineBench::Commit(const TestTurn& turn) {
  SinkRecord record = turn.sink->Record();
  engine_->Commit(turn.id, {record.tokens[0]});
  Round();
  return turn.sink->Record();
}

SinkRecord EngineBench::RunTurn(EngineTurn turn) {
  const TestTurn test = Submit(std::move(turn));
  RunUntilIdle();
  return Commit(test);
}

std::int64_t EngineBench::BlocksInUse() const {
  return engine_->cache().Stats().Blocks(kv::BlockState::kInUse);
}

void EngineBench::ExpectAllBlocksFree() const {
  const kv::KvStats stats = engine_->cache().Stats();
  EXPECT_EQ(stats.Blocks(kv::BlockState::kInUse), 0);
  EXPECT_EQ(stats.Blocks(kv::BlockState::kPinned), 0);
  EXPECT_EQ(stats.blocks_reserved, 0);
  EXPECT_EQ(stats.Blocks(kv::BlockState::kFree) + stats.Blocks(kv::BlockState::kEvictable),
            stats.blocks_total);
}

std::vector<TokenId> Join(std::vector<TokenId> first, const std::vector<TokenId>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

}  // namespace pintle

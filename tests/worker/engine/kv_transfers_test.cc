// SPDX-License-Identifier: Apache-2.0
// Sessions as wholes at a running engine: forks, truncations, exports and imports.
#include "worker/engine/kv_transfers.h"

#include <algorithm>

#include "contract/errors.h"
#include "contract/limits.h"
#include "gtest/gtest.h"
#include "tests/worker/engine/engine_bench.h"

namespace pintle {
namespace {

class KvTransfersTest : public testing::Test {
 protected:
  static SessionKey Key(const char* session) {
    return {TenantId("acme"), SessionId(session)};
  }
  // Ends with KV of all tokens but the last one made.
  std::vector<TokenId> Turn(const char* session, std::vector<TokenId> prompt) {
    const SinkRecord record = bench_.RunTurn(EngineBench::Turn(prompt, 5, session));
    return Join(std::move(prompt), record.tokens.at(0));
  }
  absl::StatusOr<EngineReading> Open(const char* session, Position tokens) {
    absl::StatusOr<EngineReading> opened;
    bench_.engine().OpenReading(Key(session), tokens, [&](auto o) { opened = std::move(o); });
    bench_.Round();
    return opened;
  }
  absl::StatusOr<std::string> Read(std::uint64_t number, Position first, std::int32_t count) {
    absl::StatusOr<std::string> bytes;
    bench_.engine().ReadPositions(number, first, count, [&](auto b) { bytes = std::move(b); });
    bench_.Round();
    return bytes;
  }
  // All of a session's KV in portions of seven positions, whatever the blocks are.
  EngineImport Exported(const char* session, const char* as) {
    EngineImport import;
    import.key = Key(as);
    import.secret = 5;
    const auto opened = Open(session, 1000);
    EXPECT_TRUE(opened.ok()) << opened.status();
    import.tokens = opened->tokens;
    const auto end = static_cast<Position>(opened->tokens.size());
    for (Position at = 0; at < end;) {
      const std::int32_t count = std::min({7, 16 - at % 16, end - at});
      const auto bytes = Read(opened->number, at, count);
      EXPECT_TRUE(bytes.ok()) << bytes.status();
      import.portions.push_back({at, count, *bytes, 0});
      at += count;
    }
    bench_.engine().CloseReading(opened->number);
    bench_.Round();
    return import;
  }

  EngineBench bench_;
};

TEST_F(KvTransfersTest, AForkAnswersAsARunWithoutACache) {
  const auto history = Turn("a", EngineBench::Prompt(40, 1));
  absl::Status forked = absl::UnknownError("not called");
  bench_.engine().ForkSession(Key("a"), Key("b"), 30, [&](auto s) { forked = std::move(s); });
  bench_.Round();
  ASSERT_TRUE(forked.ok()) << forked;
  std::vector<TokenId> branch(history.begin(), history.begin() + 30);
  branch = Join(branch, EngineBench::Prompt(9, 2));
  const SinkRecord record = bench_.RunTurn(EngineBench::Turn(branch, 5, "b"));
  EXPECT_EQ(record.tokens.at(0), bench_.Reference(branch, 5));
  EXPECT_EQ(record.started->cached.session, 30);
  const auto onward = Join(history, EngineBench::Prompt(3, 3));
  EXPECT_EQ(bench_.RunTurn(EngineBench::Turn(onward, 5, "a")).tokens.at(0),
            bench_.Reference(onward, 5));
}

TEST_F(KvTransfersTest, AnImportAnswersAsIfItHadNeverMoved) {
  const auto history = Turn("a", EngineBench::Prompt(40, 1));
  EngineImport import = Exported("a", "b");
  absl::StatusOr<Position> held = -1;
  bench_.engine().Import(std::move(import), [&](auto h) { held = std::move(h); });
  bench_.RunUntilIdle();
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_EQ(*held, static_cast<Position>(history.size()) - 1);
  const auto onward = Join(history, EngineBench::Prompt(3, 3));
  const SinkRecord record = bench_.RunTurn(EngineBench::Turn(onward, 5, "b"));
  EXPECT_EQ(record.tokens.at(0), bench_.Reference(onward, 5));
  EXPECT_EQ(record.started->cached.session, *held);
  bench_.ExpectAllBlocksFree();
}

TEST_F(KvTransfersTest, AnImportTakesOnePortionARound) {
  Turn("a", EngineBench::Prompt(40, 1));
  EngineImport import = Exported("a", "b");
  const std::size_t portions = import.portions.size();
  bool done = false;
  bench_.engine().Import(std::move(import), [&](const auto&) { done = true; });
  for (std::size_t round = 0; round < portions; ++round) {
    EXPECT_FALSE(done) << round;
    bench_.Round();
  }
  EXPECT_TRUE(done);
}

TEST_F(KvTransfersTest, AnOpenReadingIsASnapshot) {
  const auto history = Turn("a", EngineBench::Prompt(20, 1));
  const auto opened = Open("a", 10);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->tokens, std::vector<TokenId>(history.begin(), history.begin() + 10));
  const auto before = Read(opened->number, 0, 10);
  bench_.engine().DropSession(Key("a"));
  Turn("c", EngineBench::Prompt(60, 4));
  EXPECT_EQ(*Read(opened->number, 0, 10), *before);
  EXPECT_TRUE(HasReason(Read(opened->number, 9, 2).status(), Reason::kInvalidField));
  bench_.engine().CloseReading(opened->number);
  bench_.Round();
  EXPECT_TRUE(HasReason(Read(opened->number, 0, 1).status(), Reason::kInvalidField));
  bench_.ExpectAllBlocksFree();
}

TEST_F(KvTransfersTest, AReadingNobodyGoesOnWithIsGivenUp) {
  Turn("a", EngineBench::Prompt(20, 1));
  ASSERT_TRUE(Open("a", 100).ok());
  EXPECT_GT(bench_.BlocksInUse(), 0);
  bench_.clock().Advance(limits::kTransferIdle);
  bench_.Round();
  EXPECT_EQ(bench_.BlocksInUse(), 0);
}

TEST_F(KvTransfersTest, TurnsThatNeedTheBlocksComeFirst) {
  EngineBench::Setup setup;
  setup.blocks = 8;
  EngineBench small(setup);
  small.RunTurn(EngineBench::Turn(EngineBench::Prompt(60, 1), 4, "a"));
  bool opened = false;
  small.engine().OpenReading(Key("a"), 1000, [&](const auto& o) { opened = o.ok(); });
  small.Round();
  ASSERT_TRUE(opened);
  EXPECT_GE(small.BlocksInUse(), 4);
  const auto prompt = EngineBench::Prompt(80, 2);
  EXPECT_EQ(small.RunTurn(EngineBench::Turn(prompt, 4, "b")).tokens.at(0),
            small.Reference(prompt, 4));
}

TEST_F(KvTransfersTest, TransfersAreBounded) {
  Turn("a", EngineBench::Prompt(20, 1));
  for (std::size_t i = 0; i < limits::kTransfers; ++i) ASSERT_TRUE(Open("a", 100).ok());
  EXPECT_TRUE(HasReason(Open("a", 100).status(), Reason::kQueueFull));
}

TEST_F(KvTransfersTest, AStoppedEngineAnswersEverybody) {
  Turn("a", EngineBench::Prompt(20, 1));
  EngineImport import = Exported("a", "b");
  ASSERT_TRUE(Open("a", 100).ok());
  absl::StatusOr<Position> held = -1;
  bench_.engine().Import(std::move(import), [&](auto h) { held = std::move(h); });
  bench_.engine().Stop();
  EXPECT_TRUE(HasReason(held.status(), Reason::kDraining));
  absl::Status late;
  bench_.engine().TruncateSession(Key("a"), 3, [&](auto s) { late = std::move(s); });
  EXPECT_TRUE(HasReason(late, Reason::kDraining));
}

}  // namespace
}  // namespace pintle

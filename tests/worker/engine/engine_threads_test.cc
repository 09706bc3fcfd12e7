// SPDX-License-Identifier: Apache-2.0
// The engine with its thread: what the thread sanitizer is to look at, and many streams at once.
#include <atomic>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "gtest/gtest.h"
#include "tests/worker/engine/engine_bench.h"
#include "tests/worker/engine/stream_load.h"

namespace pintle {
namespace {

TEST(EngineThreadsTest, CallersOnManyThreadsNeitherRaceNorHang) {
  SystemClock clock;
  auto decoder = std::make_unique<FakeDecoder>(FakeDecoderOptions());
  ASSERT_TRUE(decoder->AllocateKv(60).ok());
  const FakeDecoder oracle{FakeDecoderOptions()};
  auto engine = *Engine::Create(EngineOptions(), std::move(decoder), clock);
  engine->Start();
  std::atomic<int> committed = 0;
  const auto caller = [&](int number) {
    for (int i = 0; i < 40; ++i) {
      const auto prompt = EngineBench::Prompt(static_cast<std::size_t>(1 + i * 3),
                                              static_cast<std::uint32_t>(number));
      EngineTurn turn = EngineBench::Turn(prompt, 20);
      turn.key.session = SessionId(absl::StrCat("s", number));
      auto sink = std::static_pointer_cast<RecordingSink>(turn.sink);
      const auto id = engine->Submit(std::move(turn));
      ASSERT_TRUE(id.ok()) << id.status();
      if (i % 4 == 1) sink->set_paused(true);
      if (i % 4 == 2) engine->DropSession({TenantId("acme"), SessionId(absl::StrCat("s", number))});
      if (i % 4 == 3) engine->Cancel(*id, absl::CancelledError("test"));
      engine->QuerySessions({}, [](std::vector<kv::KvSessionStats>) {}).IgnoreError();
      EXPECT_GE(engine->Snapshot().steps, 0);
      sink->set_paused(false);
      engine->Wake();
      ASSERT_TRUE(sink->AwaitFinished(1, absl::Minutes(1)));
      SinkRecord record = sink->Record();
      engine->Commit(*id, {record.tokens[0]});
      ASSERT_TRUE(sink->AwaitEnded(absl::Minutes(1)));
      record = sink->Record();
      if (record.ended->status.ok()) {
        EXPECT_EQ(record.tokens[0], oracle.ReferenceTokens(prompt, 20));
        ++committed;
      }
    }
  };
  std::vector<std::thread> callers;
  for (int number = 0; number < 4; ++number) callers.emplace_back(caller, number);
  for (std::thread& thread : callers) thread.join();
  EXPECT_GE(committed, 4 * 20);
  EXPECT_TRUE(engine->AwaitIdle(absl::Minutes(1)));
  engine->Stop();
  EXPECT_TRUE(engine->cache().CheckInvariants().ok());
}

TEST(EngineThreadsTest, StopEndsTurnsThatRunAndReturns) {
  SystemClock clock;
  auto decoder = std::make_unique<FakeDecoder>(FakeDecoderOptions());
  ASSERT_TRUE(decoder->AllocateKv(600).ok());
  auto engine = *Engine::Create(EngineOptions(), std::move(decoder), clock);
  engine->Start();
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (std::uint32_t i = 0; i < 8; ++i) {
    EngineTurn turn = EngineBench::Turn(EngineBench::Prompt(50, i), 8000);
    sinks.push_back(std::static_pointer_cast<RecordingSink>(turn.sink));
    ASSERT_TRUE(engine->Submit(std::move(turn)).ok());
  }
  engine->Stop();
  for (const auto& sink : sinks) {
    EXPECT_TRUE(HasReason(sink->Record().ended->status, Reason::kDraining));
  }
}

TEST(EngineThreadsTest, TwoHundredStreamsHaveNoWrongTokenAndABlockedReaderChangesNone) {
  StreamLoad load(200, 256);
  StreamLoad::Result result = load.Run(absl::ZeroDuration());
  EXPECT_EQ(result.turns, 200);
  EXPECT_EQ(result.tokens, 200 * 256);
  EXPECT_EQ(result.wrong_turns + result.failed_turns, 0);
  load.StartBlocked(300000);
  result = load.Run(absl::ZeroDuration());
  EXPECT_EQ(result.wrong_turns + result.failed_turns, 0);
  const std::int64_t events = load.StopBlocked();
  EXPECT_GE(events, 64);
  EXPECT_LE(events, 64 + 3) << "one step's events and the end may come beyond the bound";
}

}  // namespace
}  // namespace pintle

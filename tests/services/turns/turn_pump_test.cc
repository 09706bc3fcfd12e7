// SPDX-License-Identifier: Apache-2.0
#include "services/turns/turn_pump.h"

#include <memory>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_turn_backend.h"

namespace pintle {
namespace {

TurnRequest Turn(std::int32_t max_tokens) {
  TurnRequest turn;
  turn.request.input = TokensInput{1};
  turn.request.stopping.max_tokens = max_tokens;
  return turn;
}

FakeTurnBackend::Options Scripted() {
  FakeTurnBackend::Options options;
  options.answer_at_once = false;
  return options;
}

class TurnPumpTest : public ::testing::Test {
 protected:
  std::shared_ptr<TurnPump> Pump(bool more) {
    auto stream = backend_.Start(Turn(4));
    return std::make_shared<TurnPump>(*std::move(stream), [this, more](TurnEvent event) {
      events_.push_back(std::move(event));
      return more;
    });
  }

  FakeTurnBackend backend_{Scripted()};
  std::vector<TurnEvent> events_;
};

TEST_F(TurnPumpTest, ABusyConsumerGetsNothingUntilItResumes) {
  const auto pump = Pump(false);
  pump->Start();
  EXPECT_TRUE(events_.empty());
  backend_.last()->StepAll();
  EXPECT_EQ(events_.size(), 1U);
  pump->Resume();
  EXPECT_EQ(events_.size(), 2U);
  while (!IsLast(events_.back())) pump->Resume();
  EXPECT_TRUE(std::holds_alternative<TurnFinished>(events_.back()));
  const std::size_t count = events_.size();
  pump->Resume();
  EXPECT_EQ(events_.size(), count) << "nothing comes after the last event";
}

TEST_F(TurnPumpTest, AConsumerThatWantsMoreGetsAllAtOnce) {
  const auto pump = Pump(true);
  pump->Start();
  backend_.last()->StepAll();
  EXPECT_TRUE(IsLast(events_.back()));
}

TEST_F(TurnPumpTest, EventsThatCameBeforeTheStartAreNotLost) {
  const auto pump = Pump(true);
  backend_.last()->StepAll();
  pump->Start();
  EXPECT_TRUE(IsLast(events_.back()));
}

TEST_F(TurnPumpTest, AnAbandonedConsumerFindsTheFailureWhenItResumes) {
  const auto pump = Pump(false);
  pump->Start();
  const auto turn = backend_.last();
  turn->StepAll();
  const std::optional<std::uint64_t> event = pump->BusyWith();
  ASSERT_TRUE(event.has_value());
  EXPECT_FALSE(pump->Abandon(*event + 1, absl::UnknownError("another event")));
  EXPECT_TRUE(pump->Abandon(*event, absl::UnknownError("too slow")));
  EXPECT_TRUE(turn->released()) << "the turn rolls back while its reader still sleeps";
  EXPECT_EQ(events_.size(), 1U);
  pump->Cancel(CancelMode::kRollback, absl::CancelledError("late"));
  pump->Resume();
  ASSERT_EQ(events_.size(), 2U);
  EXPECT_EQ(std::get<TurnFailed>(events_.back()).status, absl::UnknownError("too slow"));
  pump->Resume();
  EXPECT_EQ(events_.size(), 2U);
}

TEST_F(TurnPumpTest, DroppingThePumpRollsTheTurnBack) {
  auto pump = Pump(true);
  pump->Start();
  const auto turn = backend_.last();
  pump.reset();
  EXPECT_TRUE(turn->released());
}

TEST_F(TurnPumpTest, ACancelStillBringsTheLastEvent) {
  const auto pump = Pump(true);
  pump->Start();
  pump->Cancel(CancelMode::kRollback, absl::CancelledError("enough"));
  ASSERT_FALSE(events_.empty());
  EXPECT_TRUE(std::holds_alternative<TurnFailed>(events_.back()));
}

TEST_F(TurnPumpTest, TheConsumerMayDropThePumpWithTheLastEvent) {
  auto stream = backend_.Start(Turn(4));
  std::shared_ptr<TurnPump> pump;
  bool ended = false;
  pump = std::make_shared<TurnPump>(*std::move(stream), [&](const TurnEvent& event) {
    if (IsLast(event)) {
      ended = true;
      pump.reset();
    }
    return true;
  });
  pump->Start();
  backend_.last()->StepAll();
  EXPECT_TRUE(ended);
}

TEST_F(TurnPumpTest, ResumesAndReadyCallsFromTwoThreadsLoseAndRepeatNothing) {
  for (int round = 0; round < 200; ++round) {
    auto stream = backend_.Start(Turn(64));
    const auto turn = backend_.last();
    absl::Mutex mutex;
    int busy = 0;
    bool over = false;
    std::int32_t next = 0;
    const auto pump = std::make_shared<TurnPump>(*std::move(stream), [&](const TurnEvent& event) {
      if (const auto* chunk = std::get_if<TurnChunk>(&event)) {
        EXPECT_EQ(chunk->first_index, next);
        next += static_cast<std::int32_t>(chunk->tokens.size());
      }
      absl::MutexLock lock(&mutex);
      if (IsLast(event)) over = true;
      ++busy;
      return false;
    });
    pump->Start();
    std::thread producer([&] { turn->StepAll(); });
    while (true) {
      absl::MutexLock lock(&mutex);
      const auto something = [&] { return busy > 0 || over; };
      mutex.Await(absl::Condition(&something));
      if (over) break;
      --busy;
      mutex.Unlock();
      pump->Resume();
      mutex.Lock();
    }
    producer.join();
    EXPECT_EQ(next, 64);
  }
}

}  // namespace
}  // namespace pintle

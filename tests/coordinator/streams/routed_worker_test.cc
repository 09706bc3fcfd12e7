// SPDX-License-Identifier: Apache-2.0
#include "coordinator/streams/routed_worker.h"

#include "tests/coordinator/streams/fleet_fixture.h"

namespace pintle {
namespace {

class RoutedWorkerTest : public testing::Test {
 protected:
  RoutedWorkerTest() {
    connector_.answer_at_once = false;
    WorkerHello hello;
    hello.worker = WorkerId("w");
    hello.incarnation = 1;
    worker_ = std::make_shared<RoutedWorker>(hello, connector_.Connect(hello));
  }
  absl::StatusOr<std::unique_ptr<TurnStream>> Start() {
    TurnRequest turn;
    turn.request.input = TokensInput{1};
    turn.request.stopping.max_tokens = 4;
    return worker_->Start(turn, [this] { ++settled_; });
  }
  FakeTurnBackend& fake() { return *connector_.workers[1]; }

  FakeConnector connector_;
  std::shared_ptr<RoutedWorker> worker_;
  int settled_ = 0;
};

TEST_F(RoutedWorkerTest, RelaysEveryEventAndSettlesAtTheStart) {
  auto stream = Start();
  ASSERT_TRUE(stream.ok());
  fake().last()->Step();
  EXPECT_EQ(FleetFixture::Drain(**stream).size(), 1U);
  EXPECT_EQ(settled_, 0);
  fake().last()->StepAll();
  EXPECT_TRUE(FleetFixture::EndOf(FleetFixture::Drain(**stream)).ok());
  stream->reset();
  EXPECT_EQ(settled_, 1);
}

TEST_F(RoutedWorkerTest, LossEndsASilentWorkersStreamAtOnceAndTellsItsReader) {
  auto stream = Start();
  int ready = 0;
  (*stream)->SetReadyCallback([&ready] { ++ready; });
  fake().last()->Step();
  FleetFixture::Drain(**stream);
  const int before = ready;
  worker_->Lose();
  EXPECT_EQ(ready, before + 1);
  const absl::Status end = FleetFixture::EndOf(FleetFixture::Drain(**stream));
  ASSERT_TRUE(HasReason(end, Reason::kWorkerLost)) << end;
  EXPECT_TRUE(DetailOf(end)->retry_after.has_value());
  // A zombie's later words reach nobody.
  fake().last()->StepAll();
  EXPECT_TRUE(FleetFixture::Drain(**stream).empty());
  EXPECT_EQ(settled_, 1);
}

TEST_F(RoutedWorkerTest, WhatHadArrivedBeforeTheLossIsDelivered) {
  auto stream = Start();
  fake().last()->StepAll();
  worker_->Lose();
  EXPECT_TRUE(FleetFixture::EndOf(FleetFixture::Drain(**stream)).ok());
}

TEST_F(RoutedWorkerTest, LostWorkerStartsNothing) {
  worker_->Lose();
  EXPECT_TRUE(HasReason(Start().status(), Reason::kWorkerLost));
  EXPECT_EQ(settled_, 1);
  EXPECT_EQ(fake().starts(), 0U);
}

TEST_F(RoutedWorkerTest, RefusedStartSettles) {
  fake().FailNextStart(MakeError(Reason::kQueueFull, "full"));
  EXPECT_TRUE(HasReason(Start().status(), Reason::kQueueFull));
  EXPECT_EQ(settled_, 1);
}

TEST_F(RoutedWorkerTest, CancelPassesThroughAndDestructionEndsTheWorkersTurn) {
  auto stream = Start();
  (*stream)->Cancel(CancelMode::kRollback, absl::CancelledError("x"));
  EXPECT_TRUE(fake().last()->cancelled().has_value());
  auto other = Start();
  other->reset();
  EXPECT_TRUE(fake().last()->released());
  EXPECT_EQ(settled_, 1);
}

TEST_F(RoutedWorkerTest, TokenizeIsAnsweredOnceEvenWhenALostWorkerAnswersLater) {
  int answers = 0;
  absl::Status last;
  const auto done = [&](absl::StatusOr<TokenizeResult> result) {
    ++answers;
    last = result.status();
  };
  worker_->Tokenize({}, done);
  worker_->Tokenize({}, done);
  auto& waiting = connector_.texts[1]->waiting;
  ASSERT_EQ(waiting.size(), 2U);
  waiting[0](TokenizeResult());
  EXPECT_EQ(answers, 1);
  EXPECT_TRUE(last.ok());
  worker_->Lose();
  EXPECT_EQ(answers, 2);
  EXPECT_TRUE(HasReason(last, Reason::kWorkerLost));
  waiting[1](TokenizeResult());
  EXPECT_EQ(answers, 2);
  worker_->Tokenize({}, done);
  EXPECT_EQ(answers, 3);
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "sessions/front_turn.h"

#include "tests/sessions/front_fixture.h"

// What a worker may say and what its client gets of it; through the front, as clients do.
namespace pintle {
namespace {

TEST(FrontTurnTest, StaleCopyIsSentTheWholeTranscriptOnceAndTheClientSeesNothingOfIt) {
  FrontFixture f;
  const SessionKey key = f.Create("a");
  Drain(**f.Generate(f.Request("a", {1, 2})));
  f.placer.worker(0).ForgetCopies();
  const auto events = Drain(**f.Generate(f.Request("a", {3})));
  ASSERT_TRUE(EndOf(events).ok()) << EndOf(events);
  ASSERT_EQ(f.placer.worker(0).starts(), 3U);
  EXPECT_EQ(f.placer.worker(0).turn(1)->request().base_turns, 1);
  EXPECT_EQ(f.placer.worker(0).turn(2)->request().base_turns, 0);
  EXPECT_EQ(f.placer.worker(0).turn(2)->request().missing_turns.size(), 1U);
  EXPECT_EQ(f.PositionOf(key), 11);
}

TEST(FrontTurnTest, StaleEpochRaisesItAndSendsTheWhole) {
  FrontFixture f;
  f.Create("a");
  Drain(**f.Generate(f.Request("a", {1, 2})));
  const Epoch before = f.placer.worker(0).last()->request().epoch;
  f.placer.worker(0).FailNextStart(MakeError(Reason::kStaleEpoch, "newer known"));
  const auto events = Drain(**f.Generate(f.Request("a", {3})));
  ASSERT_TRUE(EndOf(events).ok()) << EndOf(events);
  EXPECT_GT(f.placer.worker(0).last()->request().epoch, before);
  EXPECT_EQ(f.placer.worker(0).last()->request().base_turns, 0);
}

TEST(FrontTurnTest, WorkerStillBusyWithATurnThatEndedHereIsFenced) {
  FrontFixture f(/*answer_at_once=*/false);
  f.Create("a");
  auto stream = f.Generate(f.Request("a", {1}));
  const auto refused = f.placer.worker(0).last();
  refused->Say(TurnFailed{MakeError(Reason::kSessionBusy, "another turn")});
  EXPECT_TRUE(Drain(**stream).empty());
  const auto again = f.placer.worker(0).last();
  EXPECT_GT(again->request().epoch, refused->request().epoch);
  again->StepAll();
  EXPECT_TRUE(EndOf(Drain(**stream)).ok());
}

TEST(FrontTurnTest, SecondRefusalOfTheTranscriptReachesTheClient) {
  FrontFixture f(/*answer_at_once=*/false);
  const SessionKey key = f.Create("a");
  auto stream = f.Generate(f.Request("a", {1}));
  for (std::size_t i = 0; i < 2; ++i) {
    f.placer.worker(0).turn(i)->Say(TurnFailed{MakeError(Reason::kPositionMismatch, "no")});
    const auto events = Drain(**stream);
    if (i == 0) {
      EXPECT_TRUE(events.empty());
    } else {
      EXPECT_TRUE(HasReason(EndOf(events), Reason::kPositionMismatch));
    }
  }
  EXPECT_EQ(f.placer.worker(0).starts(), 2U);
  EXPECT_EQ(f.store.Get(key)->running, 0U);
}

TEST(FrontTurnTest, NothingIsSentAgainOnceTheTurnHasStarted) {
  FrontFixture f(/*answer_at_once=*/false);
  f.Create("a");
  auto stream = f.Generate(f.Request("a", {1}));
  const auto fake = f.placer.worker(0).last();
  fake->Step();
  fake->Step();
  fake->Say(TurnFailed{MakeError(Reason::kPositionMismatch, "too late")});
  EXPECT_TRUE(HasReason(EndOf(Drain(**stream)), Reason::kPositionMismatch));
  EXPECT_EQ(f.placer.worker(0).starts(), 1U);
}

TEST(FrontTurnTest, CancelReachesTheStreamThatReplacedAStaleOne) {
  FrontFixture f(/*answer_at_once=*/false);
  f.Create("a");
  auto stream = f.Generate(f.Request("a", {1}));
  f.placer.worker(0).last()->Say(TurnFailed{MakeError(Reason::kPositionMismatch, "no")});
  Drain(**stream);
  ASSERT_EQ(f.placer.worker(0).starts(), 2U);
  (*stream)->Cancel(CancelMode::kRollback, absl::CancelledError("x"));
  EXPECT_TRUE(f.placer.worker(0).last()->cancelled().has_value());
  EXPECT_EQ(EndOf(Drain(**stream)).code(), absl::StatusCode::kCancelled);
}

TEST(FrontTurnTest, CancelledTurnIsNotSentAgain) {
  FrontFixture f(/*answer_at_once=*/false);
  f.Create("a");
  auto stream = f.Generate(f.Request("a", {1}));
  const auto fake = f.placer.worker(0).last();
  fake->IgnoreCancel();
  (*stream)->Cancel(CancelMode::kRollback, absl::CancelledError("x"));
  fake->Say(TurnFailed{MakeError(Reason::kPositionMismatch, "no")});
  EXPECT_EQ(EndOf(Drain(**stream)).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(f.placer.worker(0).starts(), 1U);
}

// A turn that has prepared and started, and what then comes of one more event.
absl::Status AfterStart(TurnEvent event) {
  FrontFixture f(/*answer_at_once=*/false);
  const SessionKey key = f.Create("a");
  auto stream = f.Generate(f.Request("a", {1}));
  const auto fake = f.placer.worker(0).last();
  fake->Step();
  fake->Step();
  const bool last = IsLast(event);
  fake->Say(std::move(event));
  const std::vector<TurnEvent> events = Drain(**stream);
  EXPECT_EQ(f.PositionOf(key), 0);
  if (EndOf(events).code() == absl::StatusCode::kInternal) {
    EXPECT_EQ(events.size(), 2U) << "the faulty event was passed on";
    EXPECT_EQ(f.store.Get(key)->running, 0U);
    EXPECT_EQ(fake->cancelled().has_value(), !last);
  }
  return EndOf(events);
}

TEST(FrontTurnTest, GapOrRepetitionEndsTheTurnAndIsNeverPassedOn) {
  EXPECT_EQ(AfterStart(TurnChunk{0, 1, {5}, "x", {}}).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(AfterStart(TurnChunk{0, -1, {5}, "x", {}}).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(AfterStart(TurnChunk{0, 0, {5}, "x", {}}).code(), absl::StatusCode::kUnknown);
}

TEST(FrontTurnTest, ChunkOfAChoiceNobodyAskedForEndsTheTurn) {
  EXPECT_EQ(AfterStart(TurnChunk{1, 0, {5}, "x", {}}).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(AfterStart(TurnChunk{-1, 0, {5}, "x", {}}).code(), absl::StatusCode::kInternal);
}

TEST(FrontTurnTest, EventsOutOfOrderEndTheTurn) {
  EXPECT_EQ(AfterStart(TurnStarted{}).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(AfterStart(TurnPrepared{}).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(AfterStart(TurnFinished{}).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(AfterStart(TurnChoiceFinished{1, FinishReason::kEos, ""}).code(),
            absl::StatusCode::kInternal);
}

TEST(FrontTurnTest, NothingFollowsAFinishedChoice) {
  FrontFixture f(/*answer_at_once=*/false);
  f.Create("a");
  auto stream = f.Generate(f.Request("a", {1}));
  const auto fake = f.placer.worker(0).last();
  fake->Step();
  fake->Step();
  fake->Say(TurnChoiceFinished{0, FinishReason::kEos, ""});
  fake->Say(TurnChunk{0, 0, {5}, "x", {}});
  EXPECT_EQ(EndOf(Drain(**stream)).code(), absl::StatusCode::kInternal);
}

TEST(FrontTurnTest, CommitTheStoreRefusesFailsTheTurn) {
  FrontFixture f(/*answer_at_once=*/false);
  const SessionKey key = f.Create("a");
  auto stream = f.Generate(f.Request("a", {1}));
  const auto fake = f.placer.worker(0).last();
  TurnPrepared prepared;
  prepared.kept_turns = 3;  // there are none
  fake->Say(prepared);
  fake->Say(TurnStarted{});
  fake->Say(TurnChoiceFinished{0, FinishReason::kEos, ""});
  fake->Say(TurnFinished{});
  EXPECT_EQ(EndOf(Drain(**stream)).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(f.store.Get(key)->running, 0U);
}

TEST(FrontTurnTest, EveryChoiceIsGapFreeOnItsOwn) {
  FrontFixture f;
  GenerationRequest request = f.Request("", {1});
  request.n = 3;
  const auto events = Drain(**f.Generate(request));
  EXPECT_TRUE(EndOf(events).ok());
  EXPECT_EQ(OutputOf(events).size(), 4U);
}

TEST(FrontTurnTest, ReadyCallbackComesForLaterEventsAndNeverInsideNext) {
  FrontFixture f(/*answer_at_once=*/false);
  f.Create("a");
  auto stream = f.Generate(f.Request("a", {1}));
  bool inside = false;
  int calls = 0;
  (*stream)->SetReadyCallback([&] {
    EXPECT_FALSE(inside);
    ++calls;
  });
  const auto next = [&] {
    inside = true;
    auto event = (*stream)->Next();
    inside = false;
    return event;
  };
  EXPECT_FALSE(next().has_value());
  f.placer.worker(0).last()->Say(TurnFailed{MakeError(Reason::kPositionMismatch, "no")});
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(next().has_value());  // sent again in here
  f.placer.worker(0).last()->Step();
  f.placer.worker(0).last()->Step();
  EXPECT_GE(calls, 2);
  EXPECT_TRUE(next().has_value());
  stream->reset();
  f.placer.worker(0).last()->StepAll();
}

TEST(FrontTurnTest, AnswerThatIsReadyWhenSentAgainIsReadWithoutACallback) {
  FrontFixture f;
  f.Create("a");
  Drain(**f.Generate(f.Request("a", {1, 2})));
  f.placer.worker(0).ForgetCopies();
  auto stream = f.Generate(f.Request("a", {3}));
  bool inside = false;
  (*stream)->SetReadyCallback([&] { EXPECT_FALSE(inside); });
  inside = true;
  const auto events = Drain(**stream);
  inside = false;
  EXPECT_TRUE(EndOf(events).ok());
}

TEST(FrontTurnTest, StreamMayBeDestroyedFromItsOwnCallback) {
  FrontFixture f(/*answer_at_once=*/false);
  const SessionKey key = f.Create("a");
  auto stream = f.Generate(f.Request("a", {1}));
  (*stream)->SetReadyCallback([&] { stream->reset(); });
  f.placer.worker(0).last()->Step();
  EXPECT_EQ(f.store.Get(key)->running, 0U);
}

}  // namespace
}  // namespace pintle

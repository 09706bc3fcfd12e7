// SPDX-License-Identifier: Apache-2.0
#include "sessions/turn_front.h"

#include "tests/sessions/front_fixture.h"

namespace pintle {
namespace {

TEST(TurnFrontTest, FinishedTurnIsCommittedBeforeItsClientKnows) {
  FrontFixture f;
  const SessionKey key = f.Create("a");
  auto stream = f.Generate(f.Request("a", {1, 2}));
  ASSERT_TRUE(stream.ok()) << stream.status();
  while (const std::optional<TurnEvent> event = (*stream)->Next()) {
    EXPECT_FALSE(std::holds_alternative<TurnPrepared>(*event));
    const bool finished = std::holds_alternative<TurnFinished>(*event);
    EXPECT_EQ(f.PositionOf(key), finished ? 6 : 0);
  }
  EXPECT_EQ(f.store.Get(key)->running, 0U);
  EXPECT_FALSE((*stream)->Next().has_value());
}

TEST(TurnFrontTest, NextTurnSendsOnlyWhatTheBoundWorkerLacks) {
  FrontFixture f;
  const SessionKey key = f.Create("a");
  Drain(**f.Generate(f.Request("a", {1, 2})));
  Drain(**f.Generate(f.Request("a", {3})));
  const TurnRequest& second = f.placer.worker(0).turn(1)->request();
  EXPECT_EQ(second.base_turns, 1);
  EXPECT_EQ(second.base_position, 6);
  EXPECT_TRUE(second.missing_turns.empty());
  EXPECT_EQ(second.epoch, f.placer.worker(0).turn(0)->request().epoch);
  EXPECT_EQ(second.template_clock, f.store.Get(key)->template_clock);
  EXPECT_EQ(f.PositionOf(key), 11);
}

TEST(TurnFrontTest, ChangedBindingSendsTheWholeTranscriptAndDropsTheOldKv) {
  FrontFixture f;
  const SessionKey key = f.Create("a");
  Drain(**f.Generate(f.Request("a", {1, 2})));
  f.placer.current = 1;
  const auto events = Drain(**f.Generate(f.Request("a", {3})));
  ASSERT_TRUE(EndOf(events).ok()) << EndOf(events);
  const TurnRequest& moved = f.placer.worker(1).turn(0)->request();
  EXPECT_EQ(moved.base_turns, 0);
  EXPECT_EQ(moved.missing_turns.size(), 1U);
  EXPECT_GT(moved.epoch, f.placer.worker(0).turn(0)->request().epoch);
  EXPECT_EQ(f.placer.worker(0).drops(), std::vector<SessionKey>{key});
  // The same tokens as a session that never moved.
  f.placer.current = 0;
  f.Create("b");
  Drain(**f.Generate(f.Request("b", {1, 2})));
  EXPECT_EQ(OutputOf(Drain(**f.Generate(f.Request("b", {3})))), OutputOf(events));
}

TEST(TurnFrontTest, OneShotTouchesNoSession) {
  FrontFixture f;
  const auto events = Drain(**f.Generate(f.Request("", {1, 2})));
  EXPECT_TRUE(EndOf(events).ok());
  EXPECT_EQ(f.placer.worker(0).last()->request().epoch, 0U);
  EXPECT_EQ(f.store.size(), 0U);
}

TEST(TurnFrontTest, LaterFeaturesAreRefusedBeforeAnythingBegins) {
  FrontFixture f;
  f.Create("a");
  GenerationRequest resume = f.Request("a", {1});
  resume.request_id = RequestId("r");
  resume.resume_from_index = 1;
  EXPECT_TRUE(HasReason(f.Generate(resume).status(), Reason::kNotYet));
  GenerationRequest go_on = f.Request("a", {1});
  go_on.request_id = RequestId("r");
  go_on.on_disconnect = OnDisconnect::kContinue;
  EXPECT_TRUE(HasReason(f.Generate(go_on).status(), Reason::kNotYet));
  EXPECT_EQ(f.placer.worker(0).starts(), 0U);
}

TEST(TurnFrontTest, FaultyRequestBeginsNothing) {
  FrontFixture f;
  const SessionKey key = f.Create("a");
  GenerationRequest request = f.Request("a", {1});
  request.sampling.temperature = -1.0F;
  EXPECT_TRUE(HasReason(f.Generate(request).status(), Reason::kInvalidField));
  GenerationRequest model = f.Request("a", {1});
  model.model = std::string("other");
  EXPECT_TRUE(HasReason(f.Generate(model).status(), Reason::kInvalidField));
  EXPECT_EQ(f.store.Get(key)->running, 0U);
  EXPECT_EQ(f.front.running(), 0U);
}

TEST(TurnFrontTest, ExpiredWorkNeverStarts) {
  FrontFixture f;
  const auto late = f.front.Generate(f.tenant, f.Request("", {1}), f.clock.Monotonic());
  EXPECT_EQ(late.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(f.placer.worker(0).starts(), 0U);
}

TEST(TurnFrontTest, StoreAndPlacementErrorsReachTheCallerAndLeaveNoTurn) {
  FrontFixture f;
  const SessionKey key = f.Create("a");
  EXPECT_TRUE(HasReason(f.Generate(f.Request("none", {1})).status(), Reason::kSessionNotFound));
  GenerationRequest request = f.Request("a", {1});
  request.expected_position = 5;
  EXPECT_TRUE(HasReason(f.Generate(request).status(), Reason::kPositionMismatch));
  f.placer.failure = MakeError(Reason::kNoWorker, "none");
  EXPECT_TRUE(HasReason(f.Generate(f.Request("a", {1})).status(), Reason::kNoWorker));
  f.placer.failure = absl::OkStatus();
  f.placer.worker(0).FailNextStart(MakeError(Reason::kQueueFull, "full"));
  EXPECT_TRUE(HasReason(f.Generate(f.Request("a", {1})).status(), Reason::kQueueFull));
  EXPECT_EQ(f.store.Get(key)->running, 0U);
  EXPECT_EQ(f.front.running(), 0U);
  EXPECT_TRUE(EndOf(Drain(**f.Generate(f.Request("a", {1})))).ok());
}

TEST(TurnFrontTest, SecondTurnOfASessionIsBusyAndARequestIdIsUniqueWhileItsTurnRuns) {
  FrontFixture f(/*answer_at_once=*/false);
  f.Create("a");
  GenerationRequest request = f.Request("a", {1});
  request.request_id = RequestId("r");
  auto stream = f.Generate(request);
  ASSERT_TRUE(stream.ok());
  EXPECT_TRUE(HasReason(f.Generate(f.Request("a", {1})).status(), Reason::kSessionBusy));
  GenerationRequest again = f.Request("", {1});
  again.request_id = RequestId("r");
  EXPECT_TRUE(HasReason(f.Generate(again).status(), Reason::kRequestIdReused));
  stream->reset();
  EXPECT_TRUE(f.Generate(again).ok());
}

TEST(TurnFrontTest, DestroyedStreamRollsBackAndFreesTheSession) {
  FrontFixture f(/*answer_at_once=*/false);
  const SessionKey key = f.Create("a");
  auto stream = f.Generate(f.Request("a", {1}));
  const auto fake = f.placer.worker(0).last();
  for (int i = 0; i < 3; ++i) fake->Step();
  EXPECT_EQ(Drain(**stream).size(), 2U);
  stream->reset();
  EXPECT_TRUE(fake->released());
  EXPECT_EQ(f.store.Get(key)->running, 0U);
  EXPECT_EQ(f.PositionOf(key), 0);
  EXPECT_EQ(f.front.running(), 0U);
}

TEST(TurnFrontTest, CancelWithRollbackLeavesTheSessionAsItWas) {
  FrontFixture f(/*answer_at_once=*/false);
  const SessionKey key = f.Create("a");
  auto stream = f.Generate(f.Request("a", {1}));
  for (int i = 0; i < 3; ++i) f.placer.worker(0).last()->Step();
  EXPECT_TRUE(*f.front.CancelGenerate(f.tenant, SessionId("a"), {}, CancelMode::kRollback));
  EXPECT_EQ(EndOf(Drain(**stream)).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(f.PositionOf(key), 0);
  EXPECT_FALSE(*f.front.CancelGenerate(f.tenant, SessionId("a"), {}, CancelMode::kRollback));
}

TEST(TurnFrontTest, CancelWithPartialCommitKeepsWhatWasDelivered) {
  FrontFixture f(/*answer_at_once=*/false);
  const SessionKey key = f.Create("a");
  GenerationRequest request = f.Request("a", {1});
  request.request_id = RequestId("r");
  auto stream = f.Generate(request);
  for (int i = 0; i < 3; ++i) f.placer.worker(0).last()->Step();
  EXPECT_TRUE(*f.front.CancelGenerate(f.tenant, {}, RequestId("r"), CancelMode::kCommitPartial));
  const auto events = Drain(**stream);
  EXPECT_TRUE(EndOf(events).ok());
  EXPECT_EQ(f.PositionOf(key), 3);
  EXPECT_EQ(f.store.Get(key)->transcript.turn(0).output_tokens, 2);
}

TEST(TurnFrontTest, CancelNeedsAnIdAndNeverCrossesTenants) {
  FrontFixture f(/*answer_at_once=*/false);
  f.Create("a");
  auto stream = f.Generate(f.Request("a", {1}));
  EXPECT_TRUE(HasReason(f.front.CancelGenerate(f.tenant, {}, {}, CancelMode::kRollback).status(),
                        Reason::kInvalidField));
  EXPECT_FALSE(
      *f.front.CancelGenerate(TenantId("other"), SessionId("a"), {}, CancelMode::kRollback));
  EXPECT_FALSE(f.placer.worker(0).last()->cancelled().has_value());
}

TEST(TurnFrontTest, DeletedSessionsTurnEndsSessionDeletedAndItsKvIsDropped) {
  FrontFixture f(/*answer_at_once=*/false);
  const SessionKey key = f.Create("a");
  auto stream = f.Generate(f.Request("a", {1}));
  for (int i = 0; i < 3; ++i) f.placer.worker(0).last()->Step();
  ASSERT_TRUE(f.front.DeleteSession(key).ok());
  const auto events = Drain(**stream);
  EXPECT_TRUE(HasReason(EndOf(events), Reason::kSessionDeleted)) << EndOf(events);
  EXPECT_FALSE(f.placer.worker(0).Holds(key));
  EXPECT_TRUE(HasReason(f.front.DeleteSession(key).status(), Reason::kSessionNotFound));
}

TEST(TurnFrontTest, TurnThatFinishedWhileItsSessionWasDeletedDoesNotCommit) {
  FrontFixture f;
  const SessionKey key = f.Create("a");
  auto stream = f.Generate(f.Request("a", {1}));  // the worker has committed already
  ASSERT_TRUE(f.front.DeleteSession(key).ok());
  EXPECT_TRUE(HasReason(EndOf(Drain(**stream)), Reason::kSessionDeleted));
  EXPECT_FALSE(f.placer.worker(0).Holds(key));
  EXPECT_EQ(f.store.size(), 0U);
}

TEST(TurnFrontTest, DeleteSparesTheTurnOfASessionMadeAgain) {
  FrontFixture f(/*answer_at_once=*/false);
  const SessionKey key = f.Create("a");
  auto old_stream = f.Generate(f.Request("a", {1}));
  const auto old_turn = f.placer.worker(0).last();
  ASSERT_TRUE(f.store.Delete(key).ok());
  f.Create("a");
  auto stream = f.Generate(f.Request("a", {2}));
  ASSERT_TRUE(stream.ok());
  old_turn->StepAll();
  EXPECT_TRUE(HasReason(EndOf(Drain(**old_stream)), Reason::kSessionDeleted));
  f.placer.worker(0).last()->StepAll();
  EXPECT_TRUE(EndOf(Drain(**stream)).ok());
  EXPECT_EQ(f.PositionOf(key), 5);
}

TEST(TurnFrontTest, ExpiredSessionsLoseTheirKv) {
  FrontFixture f;
  const SessionKey key = f.Create("a");
  Drain(**f.Generate(f.Request("a", {1})));
  f.clock.Advance(absl::Hours(23));
  EXPECT_EQ(f.front.ExpireIdle(), 0U);
  f.clock.Advance(absl::Hours(1));
  EXPECT_EQ(f.front.ExpireIdle(), 1U);
  EXPECT_FALSE(f.placer.worker(0).Holds(key));
}

class CountingAdmission final : public TurnAdmission {
 public:
  class Ticket final : public AdmissionTicket {
   public:
    explicit Ticket(CountingAdmission& owner) : owner_(owner) { ++owner_.waiting; }
    ~Ticket() override { --(started_ ? owner_.running : owner_.waiting); }
    void Started() override {
      started_ = true;
      --owner_.waiting;
      ++owner_.running;
    }

   private:
    CountingAdmission& owner_;
    bool started_ = false;
  };
  absl::StatusOr<std::unique_ptr<AdmissionTicket>> Admit(const TenantId&,
                                                         const TurnCost& cost) override {
    last = cost;
    if (!open) return MakeError(Reason::kTenantQuota, "closed");
    return std::make_unique<Ticket>(*this);
  }
  bool open = true;
  int waiting = 0;
  int running = 0;
  TurnCost last;
};

TEST(TurnFrontTest, AdmissionCountsATurnFromItsBeginToItsEnd) {
  CountingAdmission admission;
  FrontFixture f(/*answer_at_once=*/false, &admission);
  auto stream = f.Generate(f.Request("", {1, 2, 3}));
  EXPECT_EQ(admission.waiting, 1);
  EXPECT_EQ(admission.last.input_tokens, 3);
  EXPECT_EQ(admission.last.output_tokens, 4);
  f.placer.worker(0).last()->Step();
  f.placer.worker(0).last()->Step();
  Drain(**stream);
  EXPECT_EQ(admission.running, 1);
  f.placer.worker(0).last()->StepAll();
  Drain(**stream);
  EXPECT_EQ(admission.running + admission.waiting, 0);
  admission.open = false;
  EXPECT_TRUE(HasReason(f.Generate(f.Request("", {1})).status(), Reason::kTenantQuota));
}

}  // namespace
}  // namespace pintle

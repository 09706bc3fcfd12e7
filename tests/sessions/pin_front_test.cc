// SPDX-License-Identifier: Apache-2.0
#include "sessions/pin_front.h"

#include <optional>
#include <utility>

#include "tests/fakes/fake_session_kv.h"
#include "tests/sessions/front_fixture.h"

namespace pintle {
namespace {

constexpr Position kBudget = 64;

Pin Guarantee(Position budget = kBudget) {
  return {.kind = PinKind::kGuaranteed, .budget_tokens = budget};
}

absl::Status Refusal() { return MakeError(Reason::kPinBudget, "no room"); }

class PinFrontTest : public ::testing::Test {
 protected:
  using Answer = absl::StatusOr<PinFront::Pinned>;

  Answer Create(const char* id, const Pin& pin) {
    NewSession session;
    session.id = SessionId(id);
    session.pin = pin;
    return Ask([&](PinFront::Done done) { pins_.Create(f_.tenant, session, std::move(done)); });
  }
  Answer Update(const SessionKey& key, const SessionChanges& changes) {
    return Ask([&](PinFront::Done done) { pins_.Update(key, changes, std::move(done)); });
  }
  static Answer Ask(absl::AnyInvocable<void(PinFront::Done)> call) {
    std::optional<Answer> answer;
    call([&answer](Answer given) { answer = std::move(given); });
    return answer.value_or(absl::UnknownError("no answer"));
  }
  SessionKey Key(const char* id) const { return {f_.tenant, SessionId(id)}; }
  // Every session lives on worker 0, as on a worker without a coordinator.
  void LiveAtHome() { kv_.home = {WorkerId("w0"), 1}; }

  FrontFixture f_;
  OneSessionKv kv_;
  PinFront pins_{f_.store, f_.sessions, kv_};
};

TEST_F(PinFrontTest, APinIsDeferredUntilATurnHasFoundAWorkerAndThenGoesWithIt) {
  const auto made = Create("a", Guarantee());
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->verdict, PinVerdict::kDeferred);
  EXPECT_EQ(made->view.session.pin, Guarantee());
  EXPECT_FALSE(kv_.kv->TermsOf(Key("a")));
  Drain(**f_.Generate(f_.Request("a", {1})));
  const TurnRequest turn = f_.placer.worker(0).last()->request();
  ASSERT_TRUE(turn.pin);
  EXPECT_EQ(*turn.pin, Guarantee());
  EXPECT_EQ(turn.lease, limits::kLeaseDefault);
}

TEST_F(PinFrontTest, AtHomeAPinReachesTheCacheAtOnce) {
  LiveAtHome();
  const auto made = Create("a", Guarantee());
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->verdict, PinVerdict::kAccepted);
  EXPECT_EQ(made->view.session.binding.incarnation, 1U);
  ASSERT_TRUE(kv_.kv->TermsOf(Key("a")));
  EXPECT_EQ(*kv_.kv->TermsOf(Key("a"))->pin, Guarantee());
  ASSERT_TRUE(Create("b", Pin{}).ok());
  EXPECT_FALSE(kv_.kv->TermsOf(Key("b")));
}

TEST_F(PinFrontTest, ARefusedPinMakesNoSession) {
  LiveAtHome();
  kv_.kv->Answer(Refusal());
  EXPECT_TRUE(HasReason(Create("a", Guarantee()).status(), Reason::kPinBudget));
  EXPECT_TRUE(HasReason(f_.store.Get(Key("a")).status(), Reason::kSessionNotFound));
}

TEST_F(PinFrontTest, ARefusedChangeChangesNothing) {
  LiveAtHome();
  ASSERT_TRUE(Create("a", Guarantee()).ok());
  f_.clock.Advance(absl::Minutes(1));
  const StoredSession before = *f_.store.Get(Key("a"));
  kv_.kv->Answer(Refusal());
  SessionChanges changes;
  changes.pin = Guarantee(2 * kBudget);
  changes.lease = absl::Minutes(3);
  changes.hints.outlook = SessionOutlook::kClosed;
  EXPECT_TRUE(HasReason(Update(Key("a"), changes).status(), Reason::kPinBudget));
  const StoredSession after = *f_.store.Get(Key("a"));
  EXPECT_EQ(after.pin, before.pin);
  EXPECT_EQ(after.lease, before.lease);
  EXPECT_EQ(after.lease_expires, before.lease_expires);
  EXPECT_EQ(after.outlook, SessionOutlook::kOpen);
}

TEST_F(PinFrontTest, AChangeTellsTheBoundWorkerEverythingThatHolds) {
  f_.Create("a");
  Drain(**f_.Generate(f_.Request("a", {1})));
  SessionChanges changes;
  changes.pin = Guarantee();
  changes.lease = absl::Minutes(3);
  EXPECT_EQ(Update(Key("a"), changes)->verdict, PinVerdict::kAccepted);
  SessionChanges hints;
  hints.hints.expected_return = absl::Seconds(30);
  const auto told = Update(Key("a"), hints);
  ASSERT_TRUE(told.ok());
  EXPECT_EQ(told->view.expected_return, f_.clock.Wall() + absl::Seconds(30));
  const SessionTerms terms = *kv_.kv->TermsOf(Key("a"));
  EXPECT_EQ(*terms.pin, Guarantee());
  EXPECT_EQ(terms.lease, absl::Minutes(3));
  EXPECT_EQ(terms.hints.expected_return, absl::Seconds(30));
  EXPECT_FALSE(terms.hints.outlook);
}

TEST_F(PinFrontTest, AWorkerThatCannotBeAskedGetsThePinWithTheNextTurn) {
  f_.Create("a");
  Drain(**f_.Generate(f_.Request("a", {1})));
  kv_.kv->Answer(MakeError(Reason::kWorkerLost, "silent"));
  SessionChanges changes;
  changes.pin = Guarantee();
  EXPECT_EQ(Update(Key("a"), changes)->verdict, PinVerdict::kDeferred);
  Drain(**f_.Generate(f_.Request("a", {2})));
  EXPECT_EQ(*f_.placer.worker(0).last()->request().pin, Guarantee());
}

TEST_F(PinFrontTest, AFullMailboxIsAnErrorThatChangesNothing) {
  f_.Create("a");
  Drain(**f_.Generate(f_.Request("a", {1})));
  kv_.kv->Answer(MakeError(Reason::kQueueFull, "too much to do"));
  SessionChanges changes;
  changes.pin = Guarantee();
  EXPECT_TRUE(HasReason(Update(Key("a"), changes).status(), Reason::kQueueFull));
  EXPECT_EQ(f_.store.Get(Key("a"))->pin, Pin{});
}

TEST_F(PinFrontTest, AnEndedLeaseDropsThePinAndTheNextTurnGoesWithoutIt) {
  ASSERT_TRUE(Create("a", Guarantee()).ok());
  Drain(**f_.Generate(f_.Request("a", {1})));
  f_.clock.Advance(limits::kLeaseDefault);
  EXPECT_EQ(f_.sessions.Get(Key("a"))->session.pin, Pin{});
  Drain(**f_.Generate(f_.Request("a", {2})));
  EXPECT_EQ(*f_.placer.worker(0).last()->request().pin, Pin{});
  EXPECT_EQ(f_.sessions.Get(Key("a"))->session.pin, Pin{});
}

TEST_F(PinFrontTest, FieldsAreCheckedBeforeAnybodyIsAsked) {
  LiveAtHome();
  EXPECT_TRUE(HasReason(Create("a", Guarantee(0)).status(), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(Update(Key("a"), {}).status(), Reason::kSessionNotFound));
  f_.Create("b");
  SessionChanges changes;
  changes.hints.expected_return = -absl::Seconds(1);
  EXPECT_TRUE(HasReason(Update(Key("b"), changes).status(), Reason::kInvalidField));
  EXPECT_FALSE(kv_.kv->TermsOf(Key("b")));
}

}  // namespace
}  // namespace pintle

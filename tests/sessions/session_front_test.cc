// SPDX-License-Identifier: Apache-2.0
#include "sessions/session_front.h"

#include "contract/limits.h"
#include "tests/sessions/front_fixture.h"

namespace pintle {
namespace {

TEST(SessionFrontTest, CreateFillsInTheOnlyModelAndRefusesUnknownOnes) {
  FrontFixture f;
  const auto made = f.sessions.Create(f.tenant, NewSession());
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->session.model, "m");
  EXPECT_EQ(made->state, SessionState::kCold);
  EXPECT_EQ(made->lease_expires, f.clock.Wall() + limits::kLeaseDefault);
  NewSession other{SessionId(), std::string("other"), {}, limits::kLeaseDefault, {}};
  EXPECT_TRUE(HasReason(f.sessions.Create(f.tenant, other).status(), Reason::kModelNotFound));
  NewSession bad;
  bad.id = SessionId("no spaces");
  EXPECT_TRUE(HasReason(f.sessions.Create(f.tenant, bad).status(), Reason::kInvalidField));
}

TEST(SessionFrontTest, StateFollowsTurnLeaseAndHeldKv) {
  FrontFixture f(/*answer_at_once=*/false);
  const SessionKey key = f.Create("a");
  EXPECT_EQ(f.sessions.Get(key)->state, SessionState::kCold);
  auto stream = f.Generate(f.Request("a", {1}));
  EXPECT_EQ(f.sessions.Get(key)->state, SessionState::kRunning);
  f.placer.worker(0).last()->StepAll();
  Drain(**stream);
  f.placer.held = 5;
  EXPECT_EQ(f.sessions.Get(key)->state, SessionState::kIdle);
  EXPECT_EQ(f.sessions.Get(key)->held_tokens, 5);
  f.clock.Advance(limits::kLeaseDefault);
  EXPECT_EQ(f.sessions.Get(key)->state, SessionState::kExpired);
  f.placer.held = 0;
  EXPECT_EQ(f.sessions.Get(key)->state, SessionState::kCold);
}

TEST(SessionFrontTest, UpdateRenewsTheLease) {
  FrontFixture f;
  const SessionKey key = f.Create("a");
  f.clock.Advance(absl::Minutes(9));
  SessionChanges changes;
  changes.lease = absl::Minutes(2);
  EXPECT_EQ(f.sessions.Update(key, changes)->lease_expires, f.clock.Wall() + absl::Minutes(2));
  changes.lease = absl::Hours(25);
  EXPECT_TRUE(HasReason(f.sessions.Update(key, changes).status(), Reason::kInvalidField));
}

TEST(SessionFrontTest, ListBoundsItsPages) {
  FrontFixture f;
  for (const char* id : {"a", "b", "c"}) f.Create(id);
  EXPECT_EQ(f.sessions.List(f.tenant, 0, "")->sessions.size(), 3U);
  const auto page = f.sessions.List(f.tenant, 2, "");
  EXPECT_EQ(page->sessions.size(), 2U);
  EXPECT_EQ(f.sessions.List(f.tenant, 2, page->next_page_token)->sessions.size(), 1U);
  EXPECT_TRUE(HasReason(f.sessions.List(f.tenant, 1001, "").status(), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(f.sessions.List(f.tenant, -1, "").status(), Reason::kInvalidField));
}

TEST(SessionFrontTest, ADeletedSessionIsGone) {
  FrontFixture f;
  const SessionKey key = f.Create("a");
  Drain(**f.Generate(f.Request("a", {1})));
  ASSERT_TRUE(f.sessions.Delete(key).ok());
  EXPECT_TRUE(HasReason(f.sessions.Delete(key), Reason::kSessionNotFound));
}

TEST(SessionFrontTest, WhatTheWorkerSaysMakesAViewComplete) {
  FrontFixture f;
  const SessionKey key = f.Create("a");
  Drain(**f.Generate(f.Request("a", {1})));
  SessionView view = *f.sessions.Get(key);
  EXPECT_EQ(view.state, SessionState::kIdle) << "unknown is taken for held";
  f.sessions.SetHeld(0, &view);
  EXPECT_EQ(view.state, SessionState::kCold);
  f.clock.Advance(limits::kLeaseDefault);
  f.sessions.SetHeld(7, &view);
  EXPECT_EQ(view.held_tokens, 7);
  EXPECT_EQ(view.state, SessionState::kExpired);
}

}  // namespace
}  // namespace pintle

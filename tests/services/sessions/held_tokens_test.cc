// SPDX-License-Identifier: Apache-2.0
#include "services/sessions/held_tokens.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_session_kv.h"
#include "tests/sessions/front_fixture.h"

namespace pintle {
namespace {

// No worker of any name.
class NobodysKv final : public SessionKvDirectory {
 public:
  std::shared_ptr<SessionKvBackend> KvOf(const WorkerId&, Incarnation) override { return nullptr; }
  std::shared_ptr<SessionKvBackend> KvOfName(const WorkerId&) override { return nullptr; }
};

class HeldTokensTest : public testing::Test {
 protected:
  HeldTokensTest() { fixture_.placer.held = std::nullopt; }

  SessionView Ran(const char* id) {
    const SessionKey key = fixture_.Create(id);
    Drain(**fixture_.Generate(fixture_.Request(id, {1})));
    return *fixture_.sessions.Get(key);
  }
  std::vector<SessionView> Complete(SessionKvDirectory& directory, std::vector<SessionView> views,
                                    absl::Duration bound = absl::Minutes(5)) {
    HeldTokens held(fixture_.sessions, directory, bound);
    std::vector<SessionView> complete;
    absl::Notification done;
    held.Complete(std::move(views), [&](std::vector<SessionView> answer) {
      complete = std::move(answer);
      done.Notify();
    });
    done.WaitForNotification();
    return complete;
  }

  FrontFixture fixture_;
  OneSessionKv one_;
};

TEST_F(HeldTokensTest, WhatTheWorkerSaysDecidesBetweenIdleAndCold) {
  const SessionView full = Ran("full");
  const SessionView empty = Ran("empty");
  EXPECT_EQ(full.held_tokens, std::nullopt) << "nobody was asked yet";
  one_.kv->Put(full.session.key, {1, 2, 3});
  const auto views = Complete(one_, {full, empty});
  ASSERT_EQ(views.size(), 2U);
  EXPECT_EQ(views[0].held_tokens, 3);
  EXPECT_EQ(views[0].state, SessionState::kIdle);
  EXPECT_EQ(views[1].held_tokens, 0);
  EXPECT_EQ(views[1].state, SessionState::kCold);
}

TEST_F(HeldTokensTest, ASessionThatNeverRanHoldsNothingAndNobodyIsAsked) {
  one_.kv->set_silent(true);
  const SessionView fresh = *fixture_.sessions.Get(fixture_.Create("fresh"));
  const auto views = Complete(one_, {fresh});
  EXPECT_EQ(views[0].held_tokens, 0);
  EXPECT_EQ(views[0].state, SessionState::kCold);
}

TEST_F(HeldTokensTest, AWorkerThatIsGoneHoldsNothing) {
  NobodysKv nobody;
  const auto views = Complete(nobody, {Ran("a")});
  EXPECT_EQ(views[0].held_tokens, 0);
  EXPECT_EQ(views[0].state, SessionState::kCold);
}

TEST_F(HeldTokensTest, ASilentWorkerLeavesItUnknownAndItsLateAnswerIsIgnored) {
  one_.kv->set_silent(true);
  const SessionView ran = Ran("a");
  const auto views = Complete(one_, {ran}, absl::Milliseconds(1));
  ASSERT_EQ(views.size(), 1U);
  EXPECT_EQ(views[0].session.key, ran.session.key);
  EXPECT_EQ(views[0].held_tokens, std::nullopt);
  EXPECT_EQ(views[0].state, SessionState::kIdle);
  one_.kv->set_silent(false);
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "sessions/session_record.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

StoredSession Bound() {
  StoredSession session;
  session.binding = SessionBinding{WorkerId("w"), 1, 1, 1};
  session.lease_expires = absl::Minutes(10);
  return session;
}

TEST(SessionRecordTest, RunningTurnComesBeforeEverything) {
  StoredSession session = Bound();
  session.running = 3;
  EXPECT_EQ(StateOf(session, absl::Hours(1), 0), SessionState::kRunning);
}

TEST(SessionRecordTest, WithoutKvItIsColdWhateverTheLease) {
  EXPECT_EQ(StateOf(Bound(), absl::ZeroDuration(), 0), SessionState::kCold);
  EXPECT_EQ(StateOf(StoredSession(), absl::ZeroDuration(), std::nullopt), SessionState::kCold);
}

TEST(SessionRecordTest, LeaseEndMakesIdleExpired) {
  EXPECT_EQ(StateOf(Bound(), absl::Minutes(10) - absl::Nanoseconds(1), 5), SessionState::kIdle);
  EXPECT_EQ(StateOf(Bound(), absl::Minutes(10), 5), SessionState::kExpired);
}

TEST(SessionRecordTest, UnknownKvOfABoundSessionCountsAsHeld) {
  EXPECT_EQ(StateOf(Bound(), absl::ZeroDuration(), std::nullopt), SessionState::kIdle);
}

}  // namespace
}  // namespace pintle

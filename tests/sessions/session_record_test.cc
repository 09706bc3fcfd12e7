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

TEST(SessionRecordTest, AGuaranteeEndsWithTheLeaseUnlessATurnRuns) {
  StoredSession session = Bound();
  session.pin = {.kind = PinKind::kGuaranteed, .budget_tokens = 8};
  EXPECT_EQ(PinOf(session, absl::Minutes(10) - absl::Nanoseconds(1)), session.pin);
  EXPECT_EQ(PinOf(session, absl::Minutes(10)), Pin{});
  session.running = 1;
  EXPECT_EQ(PinOf(session, absl::Hours(1)), session.pin);
}

TEST(SessionRecordTest, ARetainedPinEndsWithTheLastOfItsTimes) {
  StoredSession session = Bound();
  session.used_at = absl::Minutes(1);
  session.pin = {.kind = PinKind::kRetained, .ttl = absl::Minutes(2)};
  EXPECT_EQ(PinOf(session, absl::Minutes(3) - absl::Nanoseconds(1)), session.pin);
  EXPECT_EQ(PinOf(session, absl::Minutes(3)), Pin{});
  session.pin.ranges = {{0, 4, 50, absl::Minutes(5)}, {4, 8, 50, absl::Minutes(20)}};
  EXPECT_EQ(PinOf(session, absl::Minutes(20)), session.pin);
  EXPECT_EQ(PinOf(session, absl::Minutes(21)), Pin{});
  session.pin.ranges = {{.from = 3}};  // as long as the lease
  EXPECT_EQ(PinOf(session, absl::Minutes(9)), session.pin);
  EXPECT_EQ(PinOf(session, absl::Minutes(10)), Pin{});
}

}  // namespace
}  // namespace pintle

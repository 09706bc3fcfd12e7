// SPDX-License-Identifier: Apache-2.0
#include "services/sessions/session_conversion.h"

#include <cstdint>
#include <limits>
#include <string>

#include "contract/errors.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(SessionConversionTest, UnknownHeldTokensStayUnset) {
  SessionView view;
  v1::Session session;
  ToProto(view, &session);
  EXPECT_FALSE(session.has_held_tokens());
  view.held_tokens = 0;
  ToProto(view, &session);
  EXPECT_TRUE(session.has_held_tokens());
}

TEST(SessionConversionTest, EveryStateHasItsName) {
  SessionView view;
  v1::Session session;
  view.state = SessionState::kRunning;
  ToProto(view, &session);
  EXPECT_EQ(session.state(), v1::RUNNING);
  view.state = SessionState::kIdle;
  ToProto(view, &session);
  EXPECT_EQ(session.state(), v1::IDLE);
  view.state = SessionState::kExpired;
  ToProto(view, &session);
  EXPECT_EQ(session.state(), v1::EXPIRED);
  view.state = SessionState::kCold;
  ToProto(view, &session);
  EXPECT_EQ(session.state(), v1::COLD);
}

TEST(SessionConversionTest, AnUnsetLeaseIsTheDefaultAndAnUpdateLeavesItAlone) {
  EXPECT_EQ(FromProto(v1::CreateSessionRequest())->lease, limits::kLeaseDefault);
  EXPECT_FALSE(FromProto(v1::UpdateSessionRequest())->lease.has_value());
  v1::UpdateSessionRequest request;
  request.mutable_lease()->set_seconds(7);
  EXPECT_EQ(FromProto(request)->lease, absl::Seconds(7));
}

TEST(SessionConversionTest, PinsAndHintsAreRead) {
  v1::UpdateSessionRequest request;
  EXPECT_FALSE(FromProto(request)->pin);
  EXPECT_EQ(FromProto(request)->hints, SessionHints{});
  request.mutable_pin()->set_kind(v1::GUARANTEED);
  request.mutable_pin()->set_budget_tokens(77);
  request.set_outlook(v1::AWAITING_TOOL);
  request.mutable_expected_return()->set_seconds(5);
  const absl::StatusOr<SessionChanges> changes = FromProto(request);
  ASSERT_TRUE(changes.ok());
  EXPECT_EQ(changes->pin->kind, PinKind::kGuaranteed);
  EXPECT_EQ(changes->pin->budget_tokens, 77);
  EXPECT_EQ(changes->hints, (SessionHints{SessionOutlook::kAwaitingTool, absl::Seconds(5)}));
  request.mutable_pin()->set_kind(static_cast<v1::PinKind>(9));
  EXPECT_TRUE(HasReason(FromProto(request).status(), Reason::kInvalidField));
}

TEST(SessionConversionTest, AViewShowsPinAndHints) {
  SessionView view;
  v1::Session session;
  ToProto(view, &session);
  EXPECT_EQ(session.pin().kind(), v1::BEST_EFFORT);
  EXPECT_EQ(session.outlook(), v1::OPEN);
  EXPECT_FALSE(session.has_expected_return());
  view.session.pin = {.kind = PinKind::kRetained, .priority = 3};
  view.session.outlook = SessionOutlook::kClosed;
  view.expected_return = absl::UnixEpoch() + absl::Seconds(4);
  ToProto(view, &session);
  EXPECT_EQ(session.pin().kind(), v1::RETAINED);
  EXPECT_EQ(session.pin().priority(), 3);
  EXPECT_EQ(session.outlook(), v1::CLOSED);
  EXPECT_EQ(session.expected_return().seconds(), 4);
}

}  // namespace
}  // namespace pintle

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

TEST(SessionConversionTest, PinsThatAreNotThereYetSaySo) {
  v1::UpdateSessionRequest request;
  for (const v1::PinKind kind : {v1::RETAINED, v1::GUARANTEED}) {
    request.mutable_pin()->set_kind(kind);
    EXPECT_TRUE(HasReason(FromProto(request).status(), Reason::kNotYet));
  }
  request.mutable_pin()->set_kind(static_cast<v1::PinKind>(9));
  EXPECT_TRUE(HasReason(FromProto(request).status(), Reason::kInvalidField));
}

TEST(SessionConversionTest, ANegativeHintIsRefused) {
  v1::UpdateSessionRequest request;
  request.mutable_expected_return()->set_seconds(-1);
  EXPECT_EQ(DetailOf(FromProto(request).status())->fields[0].field, "expected_return");
}

}  // namespace
}  // namespace pintle

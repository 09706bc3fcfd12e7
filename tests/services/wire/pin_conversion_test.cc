// SPDX-License-Identifier: Apache-2.0
#include "services/wire/pin_conversion.h"

#include <cstdint>
#include <limits>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

Pin There(const Pin& pin) {
  v1::Pin proto;
  ToProto(pin, &proto);
  return *FromProto(proto);
}

TEST(PinConversionTest, EveryPinComesBackAsItWent) {
  EXPECT_EQ(There(Pin{}), Pin{});
  const Pin guaranteed{.kind = PinKind::kGuaranteed, .budget_tokens = 4096, .resident = true};
  EXPECT_EQ(There(guaranteed), guaranteed);
  Pin retained{.kind = PinKind::kRetained, .priority = 0, .ttl = absl::Minutes(3)};
  EXPECT_EQ(There(retained), retained);
  retained.ranges = {{0, 10, 90, absl::Hours(1)}, {.from = 20}};
  EXPECT_EQ(There(retained), retained);
}

TEST(PinConversionTest, WhatNoPinCanHoldIsRefused) {
  v1::Pin pin;
  pin.set_kind(static_cast<v1::PinKind>(9));
  EXPECT_TRUE(HasReason(FromProto(pin).status(), Reason::kInvalidField));
  pin.set_kind(v1::GUARANTEED);
  pin.set_budget_tokens(std::int64_t{std::numeric_limits<Position>::max()} + 1);
  EXPECT_TRUE(HasReason(FromProto(pin).status(), Reason::kInvalidField));
  pin.set_budget_tokens(5);
  ASSERT_TRUE(FromProto(pin).ok());
  for (std::size_t i = 0; i <= limits::kPinRanges; ++i) pin.add_ranges();
  EXPECT_TRUE(HasReason(FromProto(pin).status(), Reason::kInvalidField));
}

TEST(PinConversionTest, VerdictsAndOutlooksComeBackAsTheyWent) {
  for (const PinVerdict verdict :
       {PinVerdict::kAccepted, PinVerdict::kClipped, PinVerdict::kDeferred, PinVerdict::kRejected,
        PinVerdict::kMissing}) {
    EXPECT_EQ(FromProto(ToProto(verdict)), verdict);
  }
  for (const SessionOutlook outlook :
       {SessionOutlook::kOpen, SessionOutlook::kAwaitingTool, SessionOutlook::kClosed}) {
    EXPECT_EQ(**FromProto(ToProto(outlook)), outlook);
  }
  EXPECT_FALSE(FromProto(v1::OUTLOOK_UNSPECIFIED)->has_value());
  EXPECT_TRUE(HasReason(FromProto(static_cast<v1::Outlook>(9)).status(), Reason::kInvalidField));
}

TEST(PinConversionTest, TermsKeepWhatIsUnset) {
  v1::UpdateSessionKvRequest request;
  ToProto(SessionTerms{}, &request);
  const SessionTerms none = *FromProto(request);
  EXPECT_FALSE(none.pin);
  EXPECT_EQ(none.hints, SessionHints{});
  SessionTerms terms;
  terms.pin = Pin{.kind = PinKind::kRetained, .priority = 7};
  terms.lease = absl::Seconds(5);
  terms.hints = {SessionOutlook::kClosed, absl::ZeroDuration()};
  ToProto(terms, &request);
  const SessionTerms all = *FromProto(request);
  EXPECT_EQ(*all.pin, *terms.pin);
  EXPECT_EQ(all.lease, terms.lease);
  EXPECT_EQ(all.hints, terms.hints);
}

}  // namespace
}  // namespace pintle

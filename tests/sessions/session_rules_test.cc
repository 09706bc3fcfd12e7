// SPDX-License-Identifier: Apache-2.0
#include "sessions/session_rules.h"

#include <string>

#include "contract/errors.h"
#include "contract/limits.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

std::string FaultyField(const absl::Status& status) {
  const auto detail = DetailOf(status);
  return detail && !detail->fields.empty() ? detail->fields[0].field : "";
}

TEST(SessionRulesTest, DefaultsPass) { EXPECT_TRUE(ValidateNewSession({}).ok()); }

TEST(SessionRulesTest, EachFaultNamesItsField) {
  NewSession session;
  session.id = SessionId("a b");
  EXPECT_EQ(FaultyField(ValidateNewSession(session)), "id");
  session = {};
  session.lease = absl::ZeroDuration();
  EXPECT_EQ(FaultyField(ValidateNewSession(session)), "lease");
  session.lease = limits::kLeaseMax + absl::Nanoseconds(1);
  EXPECT_EQ(FaultyField(ValidateNewSession(session)), "lease");
  session = {};
  session.labels.emplace(std::string(limits::kLabelBytes + 1, 'x'), "v");
  EXPECT_EQ(FaultyField(ValidateNewSession(session)), "labels");
  session.labels = {{"k", std::string(limits::kLabelBytes + 1, 'x')}};
  EXPECT_EQ(FaultyField(ValidateNewSession(session)), "labels");
  session.labels.clear();
  for (std::size_t i = 0; i <= limits::kLabels; ++i) session.labels.emplace(std::to_string(i), "v");
  EXPECT_EQ(FaultyField(ValidateNewSession(session)), "labels");
}

TEST(SessionRulesTest, BoundsThemselvesPass) {
  NewSession session;
  session.id = SessionId(std::string(limits::kNameBytes, 'x'));
  session.lease = limits::kLeaseMax;
  for (std::size_t i = 0; i < limits::kLabels; ++i) {
    session.labels.emplace(std::to_string(i), std::string(limits::kLabelBytes, 'v'));
  }
  EXPECT_TRUE(ValidateNewSession(session).ok());
}

TEST(SessionRulesTest, ChangedLeaseIsHeldToTheSameLimits) {
  SessionChanges changes;
  EXPECT_TRUE(ValidateChanges(changes).ok());
  changes.lease = -absl::Seconds(1);
  EXPECT_EQ(FaultyField(ValidateChanges(changes)), "lease");
}

TEST(SessionRulesTest, EachFaultOfAPinNamesItsField) {
  const auto fault = [](const Pin& pin) {
    NewSession session;
    session.pin = pin;
    SessionChanges changes;
    changes.pin = pin;
    EXPECT_EQ(FaultyField(ValidateChanges(changes)), FaultyField(ValidateNewSession(session)));
    return FaultyField(ValidateNewSession(session));
  };
  constexpr PinKind kRetained = PinKind::kRetained;
  EXPECT_EQ(fault({.kind = kRetained, .priority = -1}), "pin.priority");
  EXPECT_EQ(fault({.kind = kRetained, .priority = 101}), "pin.priority");
  EXPECT_EQ(fault({.kind = kRetained, .ttl = -absl::Seconds(1)}), "pin.ttl");
  EXPECT_EQ(fault({.kind = kRetained, .ttl = limits::kLeaseMax + absl::Seconds(1)}), "pin.ttl");
  EXPECT_EQ(fault({.kind = PinKind::kGuaranteed}), "pin.budget_tokens");
  EXPECT_EQ(fault({.kind = PinKind::kGuaranteed, .budget_tokens = -5}), "pin.budget_tokens");
  EXPECT_EQ(fault({.ranges = {{0, 5}}}), "pin.ranges");
  EXPECT_EQ(fault({.kind = kRetained, .ranges = {{-1, 5}}}), "pin.ranges[0].from");
  EXPECT_EQ(fault({.kind = kRetained, .ranges = {{5, 5}}}), "pin.ranges[0].to");
  EXPECT_EQ(fault({.kind = kRetained, .ranges = {{0, 5}, {4, 9}}}), "pin.ranges[1].from");
  EXPECT_EQ(fault({.kind = kRetained, .ranges = {{0, 5, 101}}}), "pin.ranges[0].priority");
  const PinRange slow{0, 5, 50, absl::Hours(25)};
  EXPECT_EQ(fault({.kind = kRetained, .ranges = {slow}}), "pin.ranges[0].ttl");
  EXPECT_EQ(fault({.kind = kRetained, .ranges = std::vector<PinRange>(limits::kPinRanges + 1)}),
            "pin.ranges");
}

TEST(SessionRulesTest, PinsAtTheirBoundsPass) {
  NewSession session;
  session.pin = {.kind = PinKind::kRetained, .priority = 100, .ttl = limits::kLeaseMax};
  EXPECT_TRUE(ValidateNewSession(session).ok());
  session.pin.ranges = {{0, 5, 0}, {5, 9, 100, limits::kLeaseMax}, {.from = 9}};
  EXPECT_TRUE(ValidateNewSession(session).ok());
  session.pin = {.kind = PinKind::kGuaranteed, .budget_tokens = 1};
  EXPECT_TRUE(ValidateNewSession(session).ok());
}

TEST(SessionRulesTest, AnExpectedReturnIsNeitherPastNorFarOff) {
  SessionChanges changes;
  changes.hints.expected_return = absl::ZeroDuration();
  EXPECT_TRUE(ValidateChanges(changes).ok());
  changes.hints.expected_return = -absl::Nanoseconds(1);
  EXPECT_EQ(FaultyField(ValidateChanges(changes)), "expected_return");
  changes.hints.expected_return = limits::kExpectedReturnMax + absl::Seconds(1);
  EXPECT_EQ(FaultyField(ValidateChanges(changes)), "expected_return");
}

}  // namespace
}  // namespace pintle

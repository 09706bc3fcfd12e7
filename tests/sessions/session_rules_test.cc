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

}  // namespace
}  // namespace pintle

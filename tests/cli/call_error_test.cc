// SPDX-License-Identifier: Apache-2.0
#include "cli/call_error.h"

#include "cli/exit_codes.h"
#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(CallErrorTest, AFaultyFieldIsNamedWithCodeReasonAndNextStep) {
  EXPECT_THAT(
      ErrorLines(InvalidField("sampling.temperature", "is nan, must be finite"), "t"),
      ElementsAre("INVALID_ARGUMENT INVALID_FIELD: sampling.temperature is nan, must be finite",
                  "field: sampling.temperature: is nan, must be finite",
                  StartsWith("next: change the field")));
}

TEST(CallErrorTest, RetryDelayAndBudgetAreShown) {
  ErrorDetail detail;
  detail.reason = Reason::kPinBudget;
  detail.retry_after = absl::Seconds(3);
  detail.quotas = {{"pin budget", "100 tokens asked, 50 left"}};
  detail.metadata = {{"tokens_left", "50"}};
  const auto lines = ErrorLines(MakeError(detail, "no room"), "t");
  EXPECT_EQ(lines[0], "RESOURCE_EXHAUSTED PIN_BUDGET: no room");
  EXPECT_THAT(lines, Contains("budget: pin budget: 100 tokens asked, 50 left"));
  EXPECT_THAT(lines, Contains("tokens_left: 50"));
  EXPECT_THAT(lines, Contains("retry after: 3s"));
}

TEST(CallErrorTest, EveryReasonSaysWhatToDoNext) {
  for (int i = 0; i <= static_cast<int>(Reason::kModelFailed); ++i) {
    const auto reason = static_cast<Reason>(i);
    EXPECT_THAT(ErrorLines(MakeError(reason, "m"), "t").back(), StartsWith("next: "))
        << ReasonName(reason);
  }
}

TEST(CallErrorTest, AServerThatCannotBeReachedIsNamedByItsTarget) {
  const auto lines = ErrorLines(absl::UnavailableError("failed to connect"), "host:1");
  EXPECT_EQ(lines[0], "UNAVAILABLE: no server answers at host:1");
  EXPECT_THAT(lines.back(), HasSubstr("--target"));
}

TEST(CallErrorTest, ACancelledCallSaysWhatBecameOfTheSession) {
  const auto lines = ErrorLines(absl::CancelledError("CANCELLED"), "t");
  EXPECT_EQ(lines[0], "CANCELLED");
  EXPECT_THAT(lines.back(), HasSubstr("as it was before"));
}

TEST(CallErrorTest, ErrorsOfThisMachineCarryNoCode) {
  EXPECT_THAT(ErrorLines(LocalError("--chat-file: cannot open x"), "t"),
              ElementsAre("--chat-file: cannot open x"));
}

TEST(CallErrorTest, AServersMessageCannotCommandTheTerminal) {
  EXPECT_EQ(ErrorLines(absl::InternalError("a\033[2Jb\nc"), "t")[0], "INTERNAL: a^[[2Jb^Jc");
}

}  // namespace
}  // namespace pintle

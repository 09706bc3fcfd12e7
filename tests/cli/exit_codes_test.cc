// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_codes.h"

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(ExitCodesTest, EveryCanonicalCodeHasItsDocumentedNumber) {
  const std::pair<absl::StatusCode, int> expected[] = {{absl::StatusCode::kOk, 0},
                                                       {absl::StatusCode::kCancelled, 130},
                                                       {absl::StatusCode::kUnknown, 7},
                                                       {absl::StatusCode::kInvalidArgument, 3},
                                                       {absl::StatusCode::kDeadlineExceeded, 6},
                                                       {absl::StatusCode::kNotFound, 3},
                                                       {absl::StatusCode::kAlreadyExists, 3},
                                                       {absl::StatusCode::kPermissionDenied, 5},
                                                       {absl::StatusCode::kResourceExhausted, 4},
                                                       {absl::StatusCode::kFailedPrecondition, 3},
                                                       {absl::StatusCode::kAborted, 4},
                                                       {absl::StatusCode::kOutOfRange, 3},
                                                       {absl::StatusCode::kUnimplemented, 3},
                                                       {absl::StatusCode::kInternal, 7},
                                                       {absl::StatusCode::kUnavailable, 4},
                                                       {absl::StatusCode::kDataLoss, 7},
                                                       {absl::StatusCode::kUnauthenticated, 5}};
  for (const auto& [code, number] : expected) {
    EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::Status(code, "m"))), number) << code;
  }
}

TEST(ExitCodesTest, LocalAndUsageErrorsAreNotTheServers) {
  EXPECT_EQ(ExitCodeOf(LocalError("m")), ExitCode::kLocal);
  EXPECT_EQ(ExitCodeOf(UsageError("m")), ExitCode::kUsage);
  EXPECT_TRUE(IsLocal(LocalError("m")));
  EXPECT_TRUE(IsLocal(UsageError("m")));
  EXPECT_FALSE(IsLocal(InvalidField("n", "is 9")));
}

TEST(ExitCodesTest, TheTableNamesEveryNumber) {
  const std::string table = ExitCodeTable();
  for (const char* number :
       {"  0  ", "  1  ", "  2  ", "  3  ", "  4  ", "  5  ", "  6  ", "  7  ", "130  "}) {
    EXPECT_THAT(table, ::testing::HasSubstr(number));
  }
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "contract/status_macros.h"

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace pintle {
namespace {

absl::Status CountAfter(const absl::Status& status, int& count) {
  PINTLE_RETURN_IF_ERROR(status);
  ++count;
  return absl::OkStatus();
}

TEST(ReturnIfErrorTest, GoesOnAfterOk) {
  int count = 0;
  EXPECT_TRUE(CountAfter(absl::OkStatus(), count).ok());
  EXPECT_EQ(count, 1);
}

TEST(ReturnIfErrorTest, ReturnsTheErrorUnchanged) {
  int count = 0;
  absl::Status error = absl::AbortedError("busy");
  error.SetPayload("url", absl::Cord("detail"));
  EXPECT_EQ(CountAfter(error, count), error);
  EXPECT_EQ(count, 0);
}

absl::StatusOr<std::string> Joined(absl::StatusOr<std::string> first,
                                   absl::StatusOr<std::string> second) {
  PINTLE_ASSIGN_OR_RETURN(std::string result, std::move(first));
  PINTLE_ASSIGN_OR_RETURN(const std::string end, std::move(second));
  result += end;
  return result;
}

TEST(AssignOrReturnTest, AssignsValues) { EXPECT_EQ(*Joined("a", "b"), "ab"); }

TEST(AssignOrReturnTest, ReturnsTheFirstError) {
  EXPECT_EQ(Joined(absl::NotFoundError("1"), absl::AbortedError("2")).status(),
            absl::NotFoundError("1"));
  EXPECT_EQ(Joined("a", absl::AbortedError("2")).status(), absl::AbortedError("2"));
}

absl::StatusOr<int> Unwrapped(absl::StatusOr<std::unique_ptr<int>> owned) {
  PINTLE_ASSIGN_OR_RETURN(std::unique_ptr<int> value, std::move(owned));
  return *value;
}

TEST(AssignOrReturnTest, MovesWhatCannotBeCopied) {
  EXPECT_EQ(*Unwrapped(std::make_unique<int>(5)), 5);
}

}  // namespace
}  // namespace pintle

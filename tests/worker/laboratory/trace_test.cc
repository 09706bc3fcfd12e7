// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/trace.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle::laboratory {
namespace {

using testing::ElementsAre;

TEST(TraceTest, EqualPrefixesShareNodesAndEqualIdsAfterOthersDoNot) {
  Trace trace;
  trace.Add(absl::Seconds(0), {7, 8}, "");
  trace.Add(absl::Seconds(0), {7, 9}, "");
  trace.Add(absl::Seconds(1), {9, 8}, "");
  EXPECT_THAT(trace.Path(0), ElementsAre(0, 1));
  EXPECT_THAT(trace.Path(1), ElementsAre(0, 2));
  EXPECT_THAT(trace.Path(2), ElementsAre(3, 4));
  EXPECT_EQ(trace.Parent(1), 0);
  EXPECT_EQ(trace.Parent(3), kNoNode);
  EXPECT_EQ(trace.nodes(), 5);
}

TEST(TraceTest, CountsUniqueIdsReferencesAndTheLongestRequest) {
  Trace trace;
  trace.Add(absl::Seconds(0), {1, 2, 3}, "");
  trace.Add(absl::Seconds(2), {1}, "");
  EXPECT_EQ(trace.requests(), 2);
  EXPECT_EQ(trace.unique_blocks(), 3);
  EXPECT_EQ(trace.references(), 4);
  EXPECT_EQ(trace.longest(), 3);
  EXPECT_EQ(trace.At(1), absl::Seconds(2));
}

TEST(TraceTest, SessionsAreNumberedInOrderOfAppearance) {
  Trace trace;
  trace.Add(absl::Seconds(0), {1}, "b");
  trace.Add(absl::Seconds(0), {2}, "");
  trace.Add(absl::Seconds(0), {3}, "a");
  trace.Add(absl::Seconds(0), {1}, "b");
  EXPECT_EQ(trace.Session(0), 0);
  EXPECT_EQ(trace.Session(1), -1);
  EXPECT_EQ(trace.Session(2), 1);
  EXPECT_EQ(trace.Session(3), 0);
  EXPECT_EQ(trace.sessions(), 2);
}

}  // namespace
}  // namespace pintle::laboratory

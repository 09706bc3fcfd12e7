// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/chain_sessions.h"

#include "gtest/gtest.h"

namespace pintle::laboratory {
namespace {

Trace TraceOf(const std::vector<std::vector<std::int64_t>>& requests) {
  Trace trace;
  std::int64_t at = 0;
  for (const auto& ids : requests) trace.Add(absl::Seconds(at++), ids, "");
  return trace;
}

TEST(ChainSessionsTest, ARequestThatExtendsAChainIsItsNextTurn) {
  // The last block was partly full: the next turn has another in its place.
  const auto turns =
      FindSessions(TraceOf({{1, 2, 3}, {1, 2, 4, 5}, {1, 2, 4, 5, 6}, {1, 2, 4, 5, 6}}));
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(turns[i].session, 0);
    EXPECT_EQ(turns[i].number, static_cast<std::int32_t>(i) + 1);
  }
}

TEST(ChainSessionsTest, WhatShareOnlyTheirBeginningAreTwoSessions) {
  const auto turns = FindSessions(TraceOf({{1, 2, 3, 4}, {1, 2, 5, 6}, {1, 2, 3, 7}}));
  EXPECT_EQ(turns[0].session, 0);
  EXPECT_EQ(turns[1].session, 1);
  EXPECT_EQ(turns[1].number, 1);
  EXPECT_EQ(turns[2].session, 0);
  EXPECT_EQ(turns[2].number, 2);
}

TEST(ChainSessionsTest, ASharedPromptIsNobodysConversation) {
  const auto turns =
      FindSessions(TraceOf({{1, 2, 9}, {1, 3, 9}, {1, 4, 9}, {1, 5}, {1, 6}, {1, 7}}));
  EXPECT_EQ(turns[3].number, 1);
  EXPECT_EQ(turns[4].number, 1);
  EXPECT_EQ(turns[5].number, 1);
}

TEST(ChainSessionsTest, NamedSessionsAreWhatTheTraceSays) {
  Trace trace;
  trace.Add(absl::Seconds(0), {1, 2}, "x");
  trace.Add(absl::Seconds(1), {1, 2, 3}, "y");
  trace.Add(absl::Seconds(2), {8}, "x");
  trace.Add(absl::Seconds(3), {1, 2, 3, 4}, "");
  const auto turns = FindSessions(trace);
  EXPECT_EQ(turns[0].session, 0);
  EXPECT_EQ(turns[1].session, 1);
  EXPECT_EQ(turns[2].session, 0);
  EXPECT_EQ(turns[2].number, 2);
  EXPECT_EQ(turns[3].session, 2);
}

}  // namespace
}  // namespace pintle::laboratory

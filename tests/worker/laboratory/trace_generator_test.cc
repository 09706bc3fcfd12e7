// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/trace_generator.h"

#include <map>
#include <sstream>
#include <string>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "worker/laboratory/chain_sessions.h"
#include "worker/laboratory/trace_reader.h"

namespace pintle::laboratory {
namespace {

std::string Text(const Trace& trace) {
  std::ostringstream out;
  WriteTrace(trace, out);
  return out.str();
}

WorkloadShape Small(absl::string_view kind) {
  WorkloadShape shape = *ShapeOf(kind);
  shape.requests = 400;
  return shape;
}

TEST(TraceGeneratorTest, ASeedFixesTheTrace) {
  for (const absl::string_view kind : WorkloadKinds()) {
    EXPECT_EQ(Text(GenerateTrace(Small(kind), 1)), Text(GenerateTrace(Small(kind), 1))) << kind;
    EXPECT_NE(Text(GenerateTrace(Small(kind), 1)), Text(GenerateTrace(Small(kind), 2))) << kind;
  }
}

TEST(TraceGeneratorTest, WhatIsWrittenReadsBackEqual) {
  const Trace trace = GenerateTrace(Small("agents"), 3);
  std::istringstream in(Text(trace));
  const auto back = ReadTrace(in);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(Text(*back), Text(trace));
}

TEST(TraceGeneratorTest, HasConversationsOneShotsAndSharedPrompts) {
  const Trace trace = GenerateTrace(Small("chat"), 4);
  std::int32_t first = 0;
  std::int32_t later = 0;
  for (const Turn& turn : FindSessions(trace)) ++(turn.number == 1 ? first : later);
  EXPECT_EQ(trace.requests(), 400);
  EXPECT_GT(first, 100);
  EXPECT_GT(later, 50);
  EXPECT_LT(trace.unique_blocks(), trace.references());
}

TEST(TraceGeneratorTest, SessionsHaveTheirTurnsAndAThirdLeavesAfterTwo) {
  const Trace trace = GenerateSessions(SessionLoad{}, 5);
  std::map<std::int32_t, int> turns;
  for (std::int32_t r = 0; r < trace.requests(); ++r) ++turns[trace.Session(r)];
  int left = 0;
  for (const auto& [session, count] : turns) {
    EXPECT_TRUE(count == 2 || count == 6) << session << " has " << count;
    left += count == 2 ? 1 : 0;
  }
  EXPECT_EQ(turns.size(), 40U);
  EXPECT_EQ(left, 13);
}

TEST(TraceGeneratorTest, ATurnRepeatsAllOfItsSessionButTheLastBlock) {
  const Trace trace = GenerateSessions(SessionLoad{}, 6);
  std::map<std::int32_t, std::size_t> blocks;
  std::size_t fresh = 0;
  for (std::int32_t r = 0; r < trace.requests(); ++r) {
    const std::size_t length = trace.Path(r).size();
    std::size_t& before = blocks[trace.Session(r)];
    ASSERT_GT(length, before);
    fresh += length - (before == 0 ? 0 : before - 1);
    before = length;
  }
  EXPECT_EQ(trace.unique_blocks(), static_cast<std::int64_t>(fresh));
}

TEST(TraceGeneratorTest, NamedSessionsReadBackEqual) {
  SessionLoad load;
  load.pareto = 1.5;
  load.pace_spread = 0.5;
  const Trace trace = GenerateSessions(load, 7);
  std::istringstream in(Text(trace));
  const auto back = ReadTrace(in);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->sessions(), 40);
  EXPECT_EQ(Text(*back), Text(trace));
}

TEST(TraceGeneratorTest, AnUnknownKindIsRefused) {
  EXPECT_TRUE(HasReason(ShapeOf("nonsense").status(), Reason::kInvalidField));
}

}  // namespace
}  // namespace pintle::laboratory

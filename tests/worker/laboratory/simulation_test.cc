// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/simulation.h"

#include <map>

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/kv/policy_registry.h"
#include "worker/laboratory/trace_generator.h"

namespace pintle::laboratory {
namespace {

using testing::ElementsAre;

TEST(SimulationTest, AllPoliciesAreTheWorkersAndTheBound) {
  const auto all = ParsePolicies("all");
  ASSERT_TRUE(all.ok());
  EXPECT_EQ(all->size(), kv::PolicyNames().size() + 1);
  EXPECT_EQ(all->back(), "belady");
  EXPECT_THAT(*ParsePolicies("belady,lru,belady"), ElementsAre("belady", "lru"));
  for (const char* text : {"", "lru,", "LRU", "lru,nope"}) {
    EXPECT_TRUE(HasReason(ParsePolicies(text).status(), Reason::kInvalidField)) << text;
  }
}

TEST(SimulationTest, ACapacityWithADecimalPointIsAFractionRoundedDown) {
  EXPECT_THAT(*ParseCapacities("0.01,0.5,1.0,7", 182790), ElementsAre(1827, 91395, 182790, 7));
  EXPECT_THAT(*ParseCapacities("0.29,0.57", 100), ElementsAre(29, 57));
  EXPECT_THAT(*ParseCapacities("0.001", 100), ElementsAre(0));
  for (const char* text : {"", "0", "-1", "0.0", "-0.5", "x", "1,", "nan", "1.5.2",
                           "99999999999"}) {
    EXPECT_TRUE(HasReason(ParseCapacities(text, 100).status(), Reason::kInvalidField)) << text;
  }
}

TEST(SimulationTest, ACacheOfNoBlocksNeverHits) {
  Trace trace;
  trace.Add(absl::Seconds(0), {1, 2}, "");
  trace.Add(absl::Seconds(1), {1, 2}, "");
  const auto points = Simulate(trace, *ParsePolicies("all"), {0}, 1, nullptr);
  ASSERT_TRUE(points.ok()) << points.status();
  for (const SimulationPoint& point : *points) EXPECT_EQ(point.hit_ratio, 0) << point.policy;
}

TEST(SimulationTest, ThreadsDoNotChangeTheAnswer) {
  WorkloadShape shape = *ShapeOf("bursts");
  shape.requests = 500;
  const Trace trace = GenerateTrace(shape, 1);
  std::int32_t told = 0;
  const auto one = Simulate(trace, *ParsePolicies("all"), {50, 500}, 1, nullptr);
  const auto many = Simulate(trace, *ParsePolicies("all"), {50, 500}, 4,
                             [&](std::int32_t, std::int32_t) { ++told; });
  ASSERT_TRUE(one.ok() && many.ok()) << one.status() << many.status();
  EXPECT_EQ(*one, *many);
  EXPECT_EQ(static_cast<std::size_t>(told), many->size());
  EXPECT_EQ((*one)[0].capacity_blocks, 50);
  EXPECT_EQ((*one)[1].capacity_blocks, 500);
}

// The promise of session_aware, on workloads of different character: never much below LRU, never
// above the bound, and where memory is short well above LRU. Bounds lie under what was measured.
TEST(SimulationTest, SessionAwareNeverLosesMuchToLruAndWinsWhereMemoryIsShort) {
  const std::map<absl::string_view, double> gain = {
      {"chat", 1.15}, {"agents", 1.0}, {"documents", 1.05}, {"bursts", 1.05}, {"scans", 1.25}};
  for (const absl::string_view kind : WorkloadKinds()) {
    WorkloadShape shape = *ShapeOf(kind);
    shape.requests = 4000;
    const Trace trace = GenerateTrace(shape, 7);
    const auto capacities =
        *ParseCapacities("0.01,0.02,0.05,0.10,0.20,0.50", trace.unique_blocks());
    const auto points =
        Simulate(trace, {"lru", "session_aware", "belady"}, capacities, 2, nullptr);
    ASSERT_TRUE(points.ok()) << points.status();
    const std::size_t n = capacities.size();
    for (std::size_t i = 0; i < n; ++i) {
      const double lru = (*points)[i].hit_ratio;
      const double aware = (*points)[n + i].hit_ratio;
      EXPECT_GE(aware, lru - 0.005) << kind << " at " << capacities[i];
      EXPECT_LE(aware, (*points)[2 * n + i].hit_ratio) << kind << " at " << capacities[i];
    }
    EXPECT_GE((*points)[n + 1].hit_ratio, gain.at(kind) * (*points)[1].hit_ratio) << kind;
  }
}

// Forty conversations over a cache for half of their blocks, a third of them abandoned after two
// turns and none closed: the policy starts with nothing and has learned within the minutes of one
// such load which sessions are over. Whatever the law of the think times, it reads again at most
// 0.8 of what LRU does; measured is 0.04 to 0.35.
TEST(SimulationTest, SessionAwareLearnsWithinFortySessionsWhichOnesAreOver) {
  SessionLoad heavy;
  heavy.think_spread = 1.8;
  SessionLoad light;
  light.think_spread = 1.2;
  SessionLoad power;
  power.pareto = 1.5;
  SessionLoad paced;
  paced.think_spread = 1;
  paced.pace_spread = 0.8;
  for (SessionLoad load : {SessionLoad{}, heavy, light, power, paced}) {
    load.arrivals_seconds = 20;  // there is less time to learn
    double again[] = {0, 0};
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      const Trace trace = GenerateSessions(load, seed);
      const auto half = static_cast<std::int32_t>(trace.unique_blocks() / 2);
      const auto points = Simulate(trace, {"lru", "session_aware"}, {half}, 1, nullptr);
      ASSERT_TRUE(points.ok()) << points.status();
      for (std::size_t i = 0; i < 2; ++i) {
        again[i] += static_cast<double>(trace.references()) * (1 - (*points)[i].hit_ratio) -
                    static_cast<double>(trace.unique_blocks());
      }
    }
    EXPECT_GT(again[0], 12 * 50) << "the load does not press";
    EXPECT_LE(again[1], 0.8 * again[0])
        << "think spread " << load.think_spread << ", pareto " << load.pareto;
  }
}

}  // namespace
}  // namespace pintle::laboratory

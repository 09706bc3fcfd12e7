// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/belady_policy.h"

#include <algorithm>
#include <bit>
#include <map>
#include <random>
#include <set>

#include "gtest/gtest.h"
#include "worker/laboratory/replay.h"

namespace pintle::laboratory {
namespace {

std::int64_t BeladyHits(const Trace& trace, std::int32_t capacity) {
  const Foresight foresight(trace);
  const auto result =
      Replay(trace, FindSessions(trace), capacity,
             [&](std::int32_t blocks, const ReplayTree& tree) {
               return std::make_unique<BeladyPolicy>(blocks, tree, foresight);
             });
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? result->hits : -1;
}

// The most hits any eviction order reaches: all choices of what to keep, request by request.
std::int64_t MostHits(const Trace& trace, std::int32_t capacity) {
  std::map<std::set<Node>, std::int64_t> best = {{{}, 0}};
  for (std::int32_t r = 0; r < trace.requests(); ++r) {
    std::map<std::set<Node>, std::int64_t> next;
    for (const auto& [kept, hits] : best) {
      std::set<Node> all = kept;
      std::int64_t more = 0;
      bool hit = true;
      for (const Node node : trace.Path(r)) {
        hit = hit && kept.count(node) > 0;
        more += hit ? 1 : 0;
        all.insert(node);
      }
      const std::vector<Node> nodes(all.begin(), all.end());
      const auto keep = std::min<std::size_t>(nodes.size(), static_cast<std::size_t>(capacity));
      for (std::uint32_t mask = 0; mask < 1U << nodes.size(); ++mask) {
        if (static_cast<std::size_t>(std::popcount(mask)) != keep) continue;
        std::set<Node> chosen;
        for (std::size_t i = 0; i < nodes.size(); ++i) {
          if ((mask >> i & 1) != 0) chosen.insert(nodes[i]);
        }
        auto& most = next.try_emplace(chosen, 0).first->second;
        most = std::max(most, hits + more);
      }
    }
    best = std::move(next);
  }
  std::int64_t most = 0;
  for (const auto& [kept, hits] : best) most = std::max(most, hits);
  return most;
}

TEST(BeladyPolicyTest, NoOrderOfEvictionHitsMoreOnTinyTraces) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 60; ++round) {
    Trace trace;
    for (int r = 0; r < 8; ++r) {
      std::vector<std::int64_t> ids;
      const std::uint64_t length = 1 + random() % 3;
      for (std::uint64_t i = 0; i < length; ++i) {
        ids.push_back(static_cast<std::int64_t>(random() % 2));
      }
      trace.Add(absl::Seconds(r), ids, "");
    }
    for (const std::int32_t capacity : {1, 2, 4}) {
      ASSERT_EQ(BeladyHits(trace, capacity), MostHits(trace, capacity))
          << "round " << round << ", capacity " << capacity;
    }
  }
}

TEST(BeladyPolicyTest, ForesightFindsTheFirstUseFromARequestOn) {
  Trace trace;
  trace.Add(absl::Seconds(0), {1, 2}, "");
  trace.Add(absl::Seconds(1), {3}, "");
  trace.Add(absl::Seconds(2), {1}, "");
  const Foresight foresight(trace);
  EXPECT_EQ(foresight.NextUse(0, 0), 0);
  EXPECT_EQ(foresight.NextUse(0, 1), 2);
  EXPECT_EQ(foresight.NextUse(1, 1), 3);
}

TEST(BeladyPolicyTest, TheFarthestGoesFirstAndOfEqualsTheDeeper) {
  Trace trace;
  trace.Add(absl::Seconds(0), {1, 2, 3}, "");
  trace.Add(absl::Seconds(1), {1, 2}, "");
  const std::vector<Turn> turns = FindSessions(trace);
  ReplayTree tree(trace, turns, 3);
  const Foresight foresight(trace);
  BeladyPolicy policy(3, tree, foresight);
  for (Node node = 0; node < 3; ++node) policy.Insert(tree.Take(node), absl::Seconds(0));
  for (Node node = 2; node >= 0; --node) policy.Evictable(tree.Find(node), absl::Seconds(0));
  std::vector<kv::Victim> victims;
  policy.Propose(3, absl::Seconds(0), kv::OfferAll, &victims);
  ASSERT_EQ(victims.size(), 3U);
  EXPECT_EQ(victims[0].block, tree.Find(2));
  EXPECT_EQ(victims[1].block, tree.Find(1));
  EXPECT_EQ(victims[2].block, tree.Find(0));
  EXPECT_TRUE(policy.CheckInvariants().ok());
  policy.Erase(tree.Find(2));
  EXPECT_FALSE(policy.IsEvictable(tree.Find(2)));
  EXPECT_TRUE(policy.IsEvictable(tree.Find(1)));
}

}  // namespace
}  // namespace pintle::laboratory

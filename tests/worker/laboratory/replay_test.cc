// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/replay.h"

#include <algorithm>
#include <list>
#include <string>

#include "gtest/gtest.h"
#include "worker/kv/lru_policy.h"
#include "worker/laboratory/trace_generator.h"

namespace pintle::laboratory {
namespace {

absl::StatusOr<ReplayResult> ReplayLru(const Trace& trace, std::int32_t capacity) {
  return Replay(trace, FindSessions(trace), capacity,
                [](std::int32_t blocks, const ReplayTree& tree) {
                  return std::make_unique<kv::LruPolicy>(blocks, tree);
                });
}

// Least recently used over a plain list: a prefix is newer than its suffix.
std::int64_t NaiveLruHits(const Trace& trace, std::int32_t capacity) {
  std::list<Node> newest_first;
  std::int64_t hits = 0;
  for (std::int32_t r = 0; r < trace.requests(); ++r) {
    const auto path = trace.Path(r);
    const auto there = [&](Node node) {
      return std::find(newest_first.begin(), newest_first.end(), node) != newest_first.end();
    };
    for (std::size_t i = 0; i < path.size() && there(path[i]); ++i) ++hits;
    for (std::size_t i = path.size(); i-- > 0;) {
      newest_first.remove(path[i]);
      newest_first.push_front(path[i]);
    }
    while (newest_first.size() > static_cast<std::size_t>(capacity)) newest_first.pop_back();
  }
  return hits;
}

TEST(ReplayTest, LruEqualsANaiveSimulation) {
  WorkloadShape shape = *ShapeOf("chat");
  shape.requests = 300;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Trace trace = GenerateTrace(shape, seed);
    for (const std::int32_t capacity : {20, 100, 700}) {
      const auto result = ReplayLru(trace, capacity);
      ASSERT_TRUE(result.ok()) << result.status();
      EXPECT_EQ(result->hits, NaiveLruHits(trace, capacity)) << seed << ", " << capacity;
      EXPECT_EQ(result->references, trace.references());
    }
  }
}

TEST(ReplayTest, ABlockIsHitOnlyWhenAllBeforeItAre) {
  Trace trace;
  trace.Add(absl::Seconds(0), {1, 2, 3}, "");
  trace.Add(absl::Seconds(1), {1, 2, 3}, "");
  trace.Add(absl::Seconds(2), {4, 2, 3}, "");
  trace.Add(absl::Seconds(3), {1, 2, 3}, "");
  // Of 4 blocks, the third request's three leave one: 1.
  EXPECT_EQ(ReplayLru(trace, 4)->hits, 3 + 1);
  EXPECT_EQ(ReplayLru(trace, 6)->hits, 3 + 3);
  EXPECT_DOUBLE_EQ(ReplayLru(trace, 6)->hit_ratio(), 0.5);
}

TEST(ReplayTest, ARequestLongerThanTheCacheIsCutToItsBeginning) {
  Trace trace;
  trace.Add(absl::Seconds(0), {1, 2, 3, 4}, "");
  trace.Add(absl::Seconds(1), {1, 2, 3, 4}, "");
  EXPECT_EQ(ReplayLru(trace, 2)->hits, 2);
}

// Proposes nothing, whatever is asked.
class Miser : public kv::LruPolicy {
 public:
  using LruPolicy::LruPolicy;
  void Propose(std::int32_t, absl::Duration, kv::Offer, std::vector<kv::Victim>*) const override {}
};

TEST(ReplayTest, APolicyThatGivesTooLittleIsAnError) {
  Trace trace;
  trace.Add(absl::Seconds(0), {1, 2}, "");
  const auto result = Replay(trace, FindSessions(trace), 1,
                             [](std::int32_t blocks, const ReplayTree& tree) {
                               return std::make_unique<Miser>(blocks, tree);
                             });
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace pintle::laboratory

// SPDX-License-Identifier: Apache-2.0
#include "cli/top_frame.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TopSnapshot Snapshot(int seconds, int stored, int queried, int hit) {
  TopSnapshot snapshot;
  snapshot.at = absl::Seconds(seconds);
  snapshot.wall = absl::FromUnixSeconds(1700000000);
  v1::WorkerCache& worker = *snapshot.cache.add_workers();
  worker.set_worker("worker-1");
  worker.mutable_prefix()->set_query_tokens(queried);
  worker.mutable_prefix()->set_hit_tokens_session(hit);
  v1::TierStats& tier = *worker.add_tiers();
  tier.set_tokens_stored(stored);
  tier.set_blocks_free(10);
  return snapshot;
}

TEST(TopFrameTest, RatesAreDifferencesOverTime) {
  const auto rates = RatesBetween(Snapshot(10, 100, 50, 0), Snapshot(12, 300, 90, 20));
  ASSERT_TRUE(rates);
  EXPECT_DOUBLE_EQ(rates->stored, 100);
  EXPECT_DOUBLE_EQ(rates->queried, 20);
  EXPECT_DOUBLE_EQ(rates->hit, 10);
  EXPECT_DOUBLE_EQ(rates->removed, 0);
}

TEST(TopFrameTest, ACounterThatFellGivesNoRate) {
  EXPECT_FALSE(RatesBetween(Snapshot(10, 100, 50, 0), Snapshot(12, 99, 60, 0)));
  EXPECT_FALSE(RatesBetween(Snapshot(10, 100, 50, 0), Snapshot(10, 200, 60, 0)));
  TopSnapshot failed = Snapshot(12, 300, 90, 20);
  failed.cache_status = absl::UnavailableError("gone");
  EXPECT_FALSE(RatesBetween(Snapshot(10, 100, 50, 0), failed));
}

TEST(TopFrameTest, AFrameShowsWorkersCacheRatesAndTheSessionsUsedLast) {
  TopSnapshot snapshot = Snapshot(10, 100, 50, 25);
  snapshot.fleet.add_workers()->set_id("worker-1");
  for (int i = 0; i < 12; ++i) {
    v1::Session& session = *snapshot.sessions.add_sessions();
    session.set_id(absl::StrCat("session-", i, "."));
    session.set_state(v1::COLD);
    session.mutable_last_used()->set_seconds(1699999000 + i);
  }
  const std::string frame = TopFrame(snapshot, TopRates{1, 2, 3, 4, 5, 6});
  EXPECT_THAT(frame, HasSubstr("50.0 %"));
  EXPECT_THAT(frame, HasSubstr("1.0 computed into KV"));
  EXPECT_THAT(frame, HasSubstr("5.0 of them evicted, 6.0 computed again"));
  EXPECT_THAT(frame, HasSubstr("12 (0 running, 0 idle, 0 expired, 12 cold)"));
  EXPECT_THAT(frame, HasSubstr("session-11."));
  EXPECT_THAT(frame, HasSubstr("session-2."));
  EXPECT_THAT(frame, Not(HasSubstr("session-1.")));
}

TEST(TopFrameTest, PartsThatFailSaySoAndTheOthersStay) {
  TopSnapshot snapshot = Snapshot(10, 100, 50, 25);
  snapshot.fleet_status = absl::UnimplementedError("x");
  snapshot.sessions_status = absl::UnavailableError("gone\033[2J");
  const std::string frame = TopFrame(snapshot, std::nullopt);
  EXPECT_THAT(frame, HasSubstr("this target is a worker"));
  EXPECT_THAT(frame, HasSubstr("sessions: gone^[[2J"));
  EXPECT_THAT(frame, HasSubstr("worker-1"));
}

}  // namespace
}  // namespace pintle

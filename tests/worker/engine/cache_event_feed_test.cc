// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/cache_event_feed.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "worker/kv/block_pool.h"

namespace pintle {
namespace {

class CacheEventFeedTest : public testing::Test {
 protected:
  // `count` events, each of a full block of four tokens.
  void Happen(int count) {
    for (int i = 0; i < count; ++i) {
      log_.Stored(0, 4, absl::ZeroDuration());
      log_.Removed(0, 4, kv::KvReason::kTruncated);
    }
  }
  std::vector<std::uint64_t> Sequences(std::uint64_t after, std::size_t max = 100) {
    std::vector<CacheEvent> events;
    EXPECT_TRUE(feed_.Read(after, max, &events));
    std::vector<std::uint64_t> sequences;
    for (const CacheEvent& event : events) sequences.push_back(event.sequence);
    return sequences;
  }

  kv::BlockPool tree_{1, 4};
  kv::EventLog log_{{1, 4, 10, 4, 8}, tree_};
  CacheEventFeed feed_{5, 6};
};

TEST_F(CacheEventFeedTest, ReadersHaveTheirOwnPlaces) {
  Happen(2);
  feed_.Publish(log_, EngineSnapshot(), true);
  EXPECT_EQ(Sequences(0), (std::vector<std::uint64_t>{1, 2, 3, 4}));
  EXPECT_EQ(Sequences(0, 2), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(Sequences(3), (std::vector<std::uint64_t>{4}));
  EXPECT_EQ(Sequences(4), std::vector<std::uint64_t>());
  EXPECT_EQ(feed_.epoch(), 5U);
}

TEST_F(CacheEventFeedTest, AReaderThatIsTooSlowIsTold) {
  for (int i = 0; i < 4; ++i) {
    Happen(1);
    feed_.Publish(log_, EngineSnapshot(), true);
  }
  // Eight events in a ring of six: the first two are gone.
  std::vector<CacheEvent> events;
  EXPECT_FALSE(feed_.Read(1, 100, &events));
  EXPECT_EQ(Sequences(2).size(), 6U);
  EXPECT_FALSE(feed_.Read(9, 100, &events)) << "a sequence that was never given";
}

TEST_F(CacheEventFeedTest, EventsLostBeforeTheyWerePublishedAreAGap) {
  Happen(1);
  feed_.Publish(log_, EngineSnapshot(), true);
  Happen(5);  // ten events in a log of eight
  feed_.Publish(log_, EngineSnapshot(), true);
  std::vector<CacheEvent> events;
  EXPECT_FALSE(feed_.Read(2, 100, &events));
  EXPECT_EQ(feed_.last_sequence(), 12U);
  EXPECT_EQ(Sequences(6).size(), 6U);
}

TEST_F(CacheEventFeedTest, FiguresAreThoseOfTheLastFlush) {
  EngineSnapshot figures;
  figures.steps = 1;
  feed_.Publish(log_, figures, true);
  Happen(1);
  figures.steps = 2;
  feed_.Publish(log_, figures, false);
  std::uint64_t sequence = 99;
  EXPECT_EQ(feed_.Figures(&sequence).steps, 1);
  EXPECT_EQ(sequence, 0U);
  feed_.Publish(log_, figures, true);
  EXPECT_EQ(feed_.Figures(&sequence).steps, 2);
  EXPECT_EQ(sequence, 2U);
}

TEST_F(CacheEventFeedTest, AwaitEndsWithAnEventAndWithTheFeed) {
  Happen(1);
  feed_.Publish(log_, EngineSnapshot(), true);
  EXPECT_TRUE(feed_.Await(0, absl::InfiniteDuration()));
  EXPECT_TRUE(feed_.Await(2, absl::ZeroDuration())) << "nothing new is no end";
  std::thread closer([this] { feed_.Close(); });
  EXPECT_FALSE(feed_.Await(2, absl::InfiniteDuration()));
  closer.join();
}

}  // namespace
}  // namespace pintle

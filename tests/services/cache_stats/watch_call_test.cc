// SPDX-License-Identifier: Apache-2.0
#include "services/cache_stats/watch_call.h"

#include <memory>

#include "gtest/gtest.h"
#include "pintle/v1/cache.grpc.pb.h"
#include "tests/services/service_world.h"

namespace pintle {
namespace {

using testing::ServiceWorld;

// The fake cache has epoch 77 and events 1 to 5, each of 16 tokens stored.
class WatchCallTest : public ::testing::Test {
 protected:
  ~WatchCallTest() override {
    for (auto& context : contexts_) context->TryCancel();
  }

  using Reader = std::unique_ptr<grpc::ClientReader<v1::WatchCacheEventsResponse>>;
  Reader Watch(std::uint64_t epoch = 0, std::uint64_t sequence = 0) {
    v1::WatchCacheEventsRequest request;
    request.set_epoch(epoch);
    request.set_sequence(sequence);
    contexts_.push_back(std::make_unique<grpc::ClientContext>());
    return stub_->WatchCacheEvents(contexts_.back().get(), request);
  }
  static v1::WatchCacheEventsResponse Next(const Reader& reader) {
    v1::WatchCacheEventsResponse response;
    EXPECT_TRUE(reader->Read(&response));
    EXPECT_EQ(response.epoch(), 77U);
    return response;
  }

  ServiceWorld world_;
  std::unique_ptr<v1::CacheStats::Stub> stub_ = v1::CacheStats::NewStub(world_.channel());
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts_;
};

TEST_F(WatchCallTest, ASnapshotComesFirstThenWhatHappensAfterIt) {
  const Reader reader = Watch();
  v1::WatchCacheEventsResponse response = Next(reader);
  EXPECT_EQ(response.sequence(), 5U);
  EXPECT_EQ(response.snapshot().cache().tiers(0).tokens_stored(), 80);
  world_.cache_desk().Add();
  response = Next(reader);
  EXPECT_EQ(response.sequence(), 6U);
  ASSERT_EQ(response.events().events_size(), 1);
  EXPECT_EQ(response.events().events(0).sequence(), 6U);
  EXPECT_EQ(response.events().events(0).session(), "tea");
}

TEST_F(WatchCallTest, AWatchGoesOnWhereItWasLeft) {
  const v1::WatchCacheEventsResponse response = Next(Watch(77, 2));
  ASSERT_EQ(response.events().events_size(), 3);
  EXPECT_EQ(response.events().events(0).sequence(), 3U);
  EXPECT_EQ(response.sequence(), 5U);
}

TEST_F(WatchCallTest, EventsThatAreGoneAreNamedAndASnapshotFollows) {
  world_.cache_desk().Forget(4);
  const Reader reader = Watch(77, 2);
  const v1::WatchCacheEventsResponse gap = Next(reader);
  EXPECT_EQ(gap.gap().first_missing(), 3U);
  EXPECT_EQ(gap.gap().last_missing(), 5U);
  EXPECT_EQ(gap.sequence(), 5U);
  EXPECT_TRUE(Next(reader).has_snapshot());
}

TEST_F(WatchCallTest, AnotherEpochOrAFutureSequenceIsAGap) {
  const Reader other = Watch(78, 2);
  EXPECT_EQ(Next(other).gap().first_missing(), 0U);
  EXPECT_TRUE(Next(other).has_snapshot());
  const Reader future = Watch(77, 9);
  EXPECT_TRUE(Next(future).has_gap());
  EXPECT_TRUE(Next(future).has_snapshot());
}

}  // namespace
}  // namespace pintle

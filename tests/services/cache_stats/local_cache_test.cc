// SPDX-License-Identifier: Apache-2.0
#include "services/cache_stats/local_cache.h"

#include <memory>
#include <vector>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "pintle/v1/cache.grpc.pb.h"
#include "tests/services/service_world.h"

namespace pintle {
namespace {

using testing::Of;
using testing::ServiceWorld;

// The test world lets four watchers in.
class LocalCacheTest : public ::testing::Test {
 protected:
  struct Watcher {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::WatchCacheEventsResponse>> reader;
  };
  std::unique_ptr<Watcher> Watch() {
    auto watcher = std::make_unique<Watcher>();
    watcher->reader = stub_->WatchCacheEvents(&watcher->context, v1::WatchCacheEventsRequest());
    return watcher;
  }

  ServiceWorld world_;
  std::unique_ptr<v1::CacheStats::Stub> stub_ = v1::CacheStats::NewStub(world_.channel());
};

TEST_F(LocalCacheTest, WatchersAreBoundedAndALeaverMakesRoom) {
  v1::WatchCacheEventsResponse response;
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < 4; ++i) {
    watchers.push_back(Watch());
    ASSERT_TRUE(watchers.back()->reader->Read(&response));
  }
  const auto refused = Watch();
  EXPECT_FALSE(refused->reader->Read(&response));
  EXPECT_TRUE(HasReason(Of(refused->reader->Finish()), Reason::kQueueFull));
  watchers.back()->context.TryCancel();
  while (watchers.back()->reader->Read(&response)) {
  }
  EXPECT_FALSE(watchers.back()->reader->Finish().ok());
  // The server notices a moment after the client.
  bool let_in = false;
  for (int i = 0; i < 10000 && !let_in; ++i) {
    const auto next = Watch();
    let_in = next->reader->Read(&response);
    next->context.TryCancel();
    next->reader->Finish();
  }
  EXPECT_TRUE(let_in);
  for (const auto& watcher : watchers) watcher->context.TryCancel();
}

TEST_F(LocalCacheTest, EveryWatcherHearsOfANewEvent) {
  v1::WatchCacheEventsResponse response;
  const auto first = Watch();
  const auto second = Watch();
  ASSERT_TRUE(first->reader->Read(&response));
  ASSERT_TRUE(second->reader->Read(&response));
  world_.cache_desk().Add();
  ASSERT_TRUE(first->reader->Read(&response));
  EXPECT_EQ(response.sequence(), 6U);
  ASSERT_TRUE(second->reader->Read(&response));
  EXPECT_EQ(response.sequence(), 6U);
  first->context.TryCancel();
  second->context.TryCancel();
}

TEST_F(LocalCacheTest, TheEndOfTheCacheEndsItsWatchers) {
  v1::WatchCacheEventsResponse response;
  const auto watcher = Watch();
  ASSERT_TRUE(watcher->reader->Read(&response));
  world_.cache_desk().Close();
  while (watcher->reader->Read(&response)) {
  }
  EXPECT_TRUE(HasReason(Of(watcher->reader->Finish()), Reason::kDraining));
}

}  // namespace
}  // namespace pintle

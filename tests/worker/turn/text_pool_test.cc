// SPDX-License-Identifier: Apache-2.0
#include "worker/turn/text_pool.h"

#include <atomic>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(TextPoolTest, RunsEveryJobOnce) {
  std::atomic<int> runs{0};
  absl::BlockingCounter done(100);
  TextPool pool(2, 1000);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(pool.TryPost([&] {
      ++runs;
      done.DecrementCount();
    }));
  }
  done.Wait();
  EXPECT_EQ(runs, 100);
}

TEST(TextPoolTest, RefusesNewWorkBeyondItsBoundButTakesRunningTurns) {
  absl::Notification release, started;
  std::atomic<int> runs{0};
  {
    TextPool pool(1, 2);
    pool.Post([&] {
      started.Notify();
      release.WaitForNotification();
    });
    started.WaitForNotification();
    EXPECT_TRUE(pool.TryPost([&] { ++runs; }));
    EXPECT_TRUE(pool.TryPost([&] { ++runs; }));
    EXPECT_FALSE(pool.TryPost([&] { ++runs; }));
    pool.Post([&] { ++runs; });
    release.Notify();
  }
  EXPECT_EQ(runs, 3) << "the destructor runs what was queued, and nothing that was refused";
}

}  // namespace
}  // namespace pintle

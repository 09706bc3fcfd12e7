// SPDX-License-Identifier: Apache-2.0
#include "worker/turn/text_pool.h"

#include <atomic>
#include <cstddef>
#include <set>
#include <thread>

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

TEST(TextPoolTest, WhatOneStepBringsStaysOnOneThread) {
  absl::Notification release, started;
  absl::BlockingCounter done(TextPool::kBatch);
  std::set<std::thread::id> threads;
  TextPool pool(3, 10);
  pool.Post([&] {
    started.Notify();
    release.WaitForNotification();
  });
  started.WaitForNotification();
  for (std::size_t i = 0; i < TextPool::kBatch; ++i) {
    pool.Post([&] {
      threads.insert(std::this_thread::get_id());  // unguarded: one thread at a time
      done.DecrementCount();
    });
  }
  release.Notify();
  done.Wait();
  EXPECT_EQ(threads.size(), 1U);
}

TEST(TextPoolTest, ABacklogWakesAnotherThread) {
  absl::Notification release, started, ran;
  TextPool pool(2, 10);
  pool.Post([&] {
    started.Notify();
    release.WaitForNotification();
  });
  started.WaitForNotification();
  pool.Post([&] { ran.Notify(); });
  for (std::size_t i = 0; i < TextPool::kBatch; ++i) pool.Post([] {});
  ran.WaitForNotification();
  release.Notify();
}

TEST(TextPoolTest, WhatIsPostedQuietlyRunsOnceWoken) {
  for (int round = 0; round < 50; ++round) {
    absl::BlockingCounter done(40);
    TextPool pool(2, 10);
    for (int i = 0; i < 40; ++i) pool.PostQuietly([&] { done.DecrementCount(); });
    pool.Wake();
    pool.Wake();
    done.Wait();
  }
}

TEST(TextPoolTest, ABracketIsAroundWhatRunningTurnsGetInOneGo) {
  std::atomic<int> open{0};
  std::atomic<int> inside{0};
  std::atomic<int> outside{0};
  {
    TextPool pool(1, 10, {[&] { ++open; }, [&] { --open; }});
    for (int i = 0; i < 10; ++i) pool.Post([&] { inside += open; });
    ASSERT_TRUE(pool.TryPost([&] { outside += open; }));
  }
  EXPECT_EQ(inside, 10);
  EXPECT_EQ(outside, 0);
  EXPECT_EQ(open, 0);
}

TEST(TextPoolTest, NewWorkIsNotKeptWaitingByRunningTurns) {
  absl::Notification release, started, ran;
  TextPool pool(2, 10);
  pool.Post([&] {
    started.Notify();
    release.WaitForNotification();
  });
  started.WaitForNotification();
  pool.PostAccepted([&] { ran.Notify(); });
  ran.WaitForNotification();
  release.Notify();
}

TEST(TextPoolTest, EndsWithAllJobsRunHoweverTheyWereQueued) {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> runs{0};
    {
      TextPool pool(3, 1000);
      for (int i = 0; i < 100; ++i) {
        pool.Post([&] { ++runs; });
        pool.PostAccepted([&] { pool.Post([&] { ++runs; }); });
      }
    }
    EXPECT_EQ(runs, 200);
  }
}

}  // namespace
}  // namespace pintle

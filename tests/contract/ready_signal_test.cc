// SPDX-License-Identifier: Apache-2.0
#include "contract/ready_signal.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

class ReadySignalTest : public testing::Test {
 protected:
  void Count() {
    signal_.SetCallback([this] { ++calls_; });
  }

  ReadySignal signal_;
  std::atomic<int> calls_{0};
};

TEST_F(ReadySignalTest, EachNotifyCalls) {
  Count();
  EXPECT_EQ(calls_, 0);
  signal_.Notify();
  signal_.Notify();
  EXPECT_EQ(calls_, 2);
}

TEST_F(ReadySignalTest, ANotifyBeforeTheCallbackIsRemembered) {
  signal_.Notify();
  Count();
  EXPECT_EQ(calls_, 1);
}

TEST_F(ReadySignalTest, AHeldSignalWaitsAndTellsOnce) {
  Count();
  signal_.Hold();
  signal_.Notify();
  EXPECT_EQ(calls_, 0);
  EXPECT_TRUE(signal_.ReleaseUnlessNotified());
  EXPECT_FALSE(signal_.ReleaseUnlessNotified());
  signal_.Notify();
  EXPECT_EQ(calls_, 1);
}

TEST_F(ReadySignalTest, ANotifyFromTheCallbackRunsItAgainAfterwards) {
  int depth = 0;
  signal_.SetCallback([&] {
    EXPECT_EQ(depth, 0);
    ++depth;
    if (++calls_ < 3) signal_.Notify();
    --depth;
  });
  signal_.Notify();
  EXPECT_EQ(calls_, 3);
}

TEST_F(ReadySignalTest, NothingIsCalledAfterClose) {
  Count();
  signal_.Close();
  signal_.Notify();
  EXPECT_EQ(calls_, 0);
}

TEST_F(ReadySignalTest, CloseFromTheCallbackDoesNotWaitForItself) {
  signal_.SetCallback([this] {
    ++calls_;
    signal_.Close();
  });
  signal_.Notify();
  signal_.Notify();
  EXPECT_EQ(calls_, 1);
}

TEST_F(ReadySignalTest, CloseWaitsForACallbackOnAnotherThread) {
  absl::Notification entered, leave;
  std::atomic<bool> left{false};
  signal_.SetCallback([&] {
    entered.Notify();
    leave.WaitForNotification();
    left = true;
  });
  std::thread notifier([this] { signal_.Notify(); });
  entered.WaitForNotification();
  std::thread closer([&] {
    signal_.Close();
    EXPECT_TRUE(left);
  });
  leave.Notify();
  closer.join();
  notifier.join();
}

TEST_F(ReadySignalTest, CallbacksNeverOverlap) {
  std::atomic<int> inside{0};
  signal_.SetCallback([&] {
    EXPECT_EQ(++inside, 1);
    ++calls_;
    --inside;
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (int n = 0; n < 1000; ++n) signal_.Notify();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(calls_, 1);
  EXPECT_LE(calls_, 4000);
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/tier/store_queue.h"

#include <atomic>
#include <memory>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_block_store.h"

namespace pintle::tier {
namespace {

class StoreQueueTest : public testing::Test {
 protected:
  static constexpr std::size_t kBytes = 64;

  void Make(bool threaded, FakeBlockStore::Faults faults = {}) {
    queue_ = std::make_unique<StoreQueue>(
        std::make_unique<FakeBlockStore>(medium_, 8, kBytes, std::move(faults)),
        StoreQueue::Options{2, 2, threaded}, clock_, [this] { ++told_; });
  }
  void Write(std::uint64_t ticket, std::int32_t slot, std::byte value) {
    BlockBuffer buffer = queue_->TakeBuffer(StoreOp::kWrite);
    ASSERT_NE(buffer, nullptr);
    std::fill_n(buffer.get(), kBytes, value);
    BlockLabel label;
    label.tokens = {static_cast<TokenId>(value)};
    queue_->Write(ticket, slot, label, std::move(buffer));
  }
  void Read(std::uint64_t ticket, std::int32_t slot) {
    BlockBuffer buffer = queue_->TakeBuffer(StoreOp::kRead);
    ASSERT_NE(buffer, nullptr);
    queue_->Read(ticket, slot, std::move(buffer));
  }
  std::vector<StoreDone> Poll() {
    std::vector<StoreDone> done;
    queue_->Poll(&done);
    return done;
  }

  SystemClock clock_;
  std::shared_ptr<FakeMedium> medium_ = std::make_shared<FakeMedium>();
  std::atomic<int> told_{0};
  std::unique_ptr<StoreQueue> queue_;
};

TEST_F(StoreQueueTest, CarriesOperationsOutOnItsOwnThreadAndTells) {
  Make(/*threaded=*/true);
  Write(1, 3, std::byte{5});
  ASSERT_TRUE(queue_->AwaitIdle(absl::Seconds(10)));
  Read(2, 3);
  ASSERT_TRUE(queue_->AwaitIdle(absl::Seconds(10)));
  const std::vector<StoreDone> done = Poll();
  ASSERT_EQ(done.size(), 2U);
  EXPECT_EQ(done[0].ticket, 1U);
  EXPECT_EQ(done[1].ticket, 2U);
  ASSERT_TRUE(done[1].status.ok());
  EXPECT_EQ(done[1].buffer[0], std::byte{5});
}

TEST_F(StoreQueueTest, ReadsOvertakeWritesOfOtherSlots) {
  Make(/*threaded=*/false);
  Write(1, 0, std::byte{1});
  Write(2, 1, std::byte{2});
  Read(3, 5);
  while (queue_->RunOne()) {
  }
  const std::vector<StoreDone> done = Poll();
  ASSERT_EQ(done.size(), 3U);
  EXPECT_EQ(done[0].ticket, 3U);
}

TEST_F(StoreQueueTest, AReadSeesWhatWasToBeWrittenBeforeIt) {
  Make(/*threaded=*/false);
  Write(1, 0, std::byte{1});
  Read(2, 0);
  Write(3, 0, std::byte{9});
  while (queue_->RunOne()) {
  }
  const std::vector<StoreDone> done = Poll();
  ASSERT_EQ(done.size(), 3U);
  EXPECT_EQ(done[1].ticket, 2U);
  EXPECT_EQ(done[1].buffer[0], std::byte{1});
}

TEST_F(StoreQueueTest, HandsOutOnlyAsManyBuffersAsItMay) {
  Make(/*threaded=*/false);
  BlockBuffer first = queue_->TakeBuffer(StoreOp::kRead);
  BlockBuffer second = queue_->TakeBuffer(StoreOp::kRead);
  EXPECT_EQ(queue_->TakeBuffer(StoreOp::kRead), nullptr);
  EXPECT_NE(queue_->TakeBuffer(StoreOp::kWrite), nullptr);  // the other direction's own
  queue_->GiveBack(StoreOp::kRead, std::move(first));
  EXPECT_NE(queue_->TakeBuffer(StoreOp::kRead), nullptr);
}

TEST_F(StoreQueueTest, AFailureIsItsOperationsAlone) {
  FakeBlockStore::Faults faults;
  faults.on_write = [](std::int32_t slot) {
    return slot == 0 ? absl::ResourceExhaustedError("full") : absl::OkStatus();
  };
  Make(/*threaded=*/false, std::move(faults));
  Write(1, 0, std::byte{1});
  Write(2, 1, std::byte{2});
  while (queue_->RunOne()) {
  }
  const std::vector<StoreDone> done = Poll();
  ASSERT_EQ(done.size(), 2U);
  EXPECT_TRUE(absl::IsResourceExhausted(done[0].status));
  EXPECT_TRUE(done[1].status.ok());
}

TEST_F(StoreQueueTest, EndsWithoutWaitingForWhatIsQueued) {
  FakeBlockStore::Faults faults;
  absl::Notification begun;
  absl::Notification go;
  faults.on_write = [&](std::int32_t slot) {
    if (slot == 0) {
      begun.Notify();
      go.WaitForNotification();
    }
    return absl::OkStatus();
  };
  Make(/*threaded=*/true, std::move(faults));
  Write(1, 0, std::byte{1});
  Write(2, 1, std::byte{2});
  begun.WaitForNotification();
  EXPECT_FALSE(queue_->AwaitIdle(absl::ZeroDuration()));
  std::thread release([&] { go.Notify(); });
  queue_.reset();
  release.join();
  EXPECT_TRUE(medium_->slots[0].label.has_value());
}

}  // namespace
}  // namespace pintle::tier

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TIER_STORE_QUEUE_H_
#define PINTLE_WORKER_TIER_STORE_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/clock.h"
#include "worker/tier/block_label.h"
#include "worker/tier/block_store.h"

namespace pintle::tier {

// The content of one block on its way. Its room comes from a StoreQueue and goes back there.
using BlockBuffer = std::unique_ptr<std::byte[]>;

enum class StoreOp : std::uint8_t { kWrite, kRead, kErase };

// An operation that is over, well or badly.
struct StoreDone {
  StoreOp op = StoreOp::kWrite;
  std::uint64_t ticket = 0;
  std::int32_t slot = 0;
  absl::Status status;
  BlockLabel label;    // of a read
  BlockBuffer buffer;  // of reads and writes, to be given back
  absl::Duration took = absl::ZeroDuration();
};

// Carries out a store's operations on a thread of its own, so that the engine never waits for a
// medium: reads before writes, except that a read of a slot comes after what was to be written
// there.
// Thread: all methods are called by one thread, its owner's; `ready` is called on the queue's own.
// Owns the store and a bounded number of buffers: who gets none does without.
// Fails: per operation, in StoreDone::status.
class StoreQueue {
 public:
  struct Options {
    std::int32_t read_buffers = 8;
    std::int32_t write_buffers = 8;
    // Without a thread RunOne carries the operations out: tests decide when.
    bool threaded = true;
  };
  // `ready` is told when Poll has something to answer; it must not call the queue.
  StoreQueue(std::unique_ptr<BlockStore> store, const Options& options, const Clock& clock,
             absl::AnyInvocable<void()> ready);
  // Ends after the operation at hand; the others are dropped.
  ~StoreQueue();
  StoreQueue(const StoreQueue&) = delete;
  StoreQueue& operator=(const StoreQueue&) = delete;

  // Null when as many are on their way as there may be; `urgent` may have twice as many.
  BlockBuffer TakeBuffer(StoreOp op, bool urgent = false);
  void GiveBack(StoreOp op, BlockBuffer buffer);

  void Write(std::uint64_t ticket, std::int32_t slot, BlockLabel label, BlockBuffer buffer);
  void Read(std::uint64_t ticket, std::int32_t slot, BlockBuffer buffer);
  void Erase(std::int32_t slot);
  // Anything else that must not hold the engine up, after what is queued already.
  void Run(absl::AnyInvocable<void()> work);

  // Moves what is over to the end of `done`.
  void Poll(std::vector<StoreDone>* done);
  // Whether everything queued is over; waits for that up to `timeout` of real time.
  bool AwaitIdle(absl::Duration timeout);
  // Carries out the next operation on the caller's thread; false when there is none. Requires: not
  // threaded.
  bool RunOne();

  // For start-up, before anything is queued.
  BlockStore& store() { return *store_; }

 private:
  struct Job {
    StoreDone done;
    absl::AnyInvocable<void()> work;
  };
  void Loop();
  void Enqueue(Job job, bool first);
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !reads_.empty() || !others_.empty();
  }
  bool IsIdle() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return !busy_ && reads_.empty() && others_.empty();
  }
  Job TakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CarryOut(Job job);

  const std::unique_ptr<BlockStore> store_;
  const Options options_;
  const Clock& clock_;
  absl::AnyInvocable<void()> ready_;
  std::vector<BlockBuffer> spare_;  // the owner's
  std::int32_t reads_out_ = 0;
  std::int32_t writes_out_ = 0;
  // Guards the queues; held for O(1) only.
  absl::Mutex mutex_;
  std::deque<Job> reads_ ABSL_GUARDED_BY(mutex_);
  std::deque<Job> others_ ABSL_GUARDED_BY(mutex_);
  // Slots named by a job of `others_`, or by the one at hand, and by how many.
  absl::flat_hash_map<std::int32_t, std::int32_t> awaited_ ABSL_GUARDED_BY(mutex_);
  std::vector<StoreDone> done_ ABSL_GUARDED_BY(mutex_);
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace pintle::tier

#endif  // PINTLE_WORKER_TIER_STORE_QUEUE_H_

// SPDX-License-Identifier: Apache-2.0
#include "worker/tier/store_queue.h"

#include <iterator>
#include <utility>

#include "contract/check.h"

namespace pintle::tier {

StoreQueue::StoreQueue(std::unique_ptr<BlockStore> store, const Options& options,
                       const Clock& clock, absl::AnyInvocable<void()> ready)
    : store_(std::move(store)), options_(options), clock_(clock), ready_(std::move(ready)) {
  if (options_.threaded) thread_ = std::thread([this] { Loop(); });
}

StoreQueue::~StoreQueue() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

BlockBuffer StoreQueue::TakeBuffer(StoreOp op, bool urgent) {
  const bool read = op == StoreOp::kRead;
  std::int32_t& out = read ? reads_out_ : writes_out_;
  const std::int32_t most = read ? options_.read_buffers : options_.write_buffers;
  if (out >= (urgent ? 2 * most : most)) return nullptr;
  ++out;
  if (spare_.empty()) return std::make_unique_for_overwrite<std::byte[]>(store_->block_bytes());
  BlockBuffer buffer = std::move(spare_.back());
  spare_.pop_back();
  return buffer;
}

void StoreQueue::GiveBack(StoreOp op, BlockBuffer buffer) {
  PINTLE_CHECK(buffer != nullptr, "a buffer is given back once");
  --(op == StoreOp::kRead ? reads_out_ : writes_out_);
  spare_.push_back(std::move(buffer));
}

void StoreQueue::Write(std::uint64_t ticket, std::int32_t slot, BlockLabel label,
                       BlockBuffer buffer) {
  Job job;
  job.done.op = StoreOp::kWrite;
  job.done.ticket = ticket;
  job.done.slot = slot;
  job.done.label = std::move(label);
  job.done.buffer = std::move(buffer);
  Enqueue(std::move(job), /*first=*/false);
}

void StoreQueue::Read(std::uint64_t ticket, std::int32_t slot, BlockBuffer buffer) {
  Job job;
  job.done.op = StoreOp::kRead;
  job.done.ticket = ticket;
  job.done.slot = slot;
  job.done.buffer = std::move(buffer);
  Enqueue(std::move(job), /*first=*/true);
}

void StoreQueue::Erase(std::int32_t slot) {
  Job job;
  job.done.op = StoreOp::kErase;
  job.done.slot = slot;
  Enqueue(std::move(job), /*first=*/false);
}

void StoreQueue::Run(absl::AnyInvocable<void()> work) {
  Job job;
  job.done.slot = -1;
  job.work = std::move(work);
  Enqueue(std::move(job), /*first=*/false);
}

void StoreQueue::Enqueue(Job job, bool first) {
  absl::MutexLock lock(&mutex_);
  if (first && !awaited_.contains(job.done.slot)) {
    reads_.push_back(std::move(job));
    return;
  }
  ++awaited_[job.done.slot];
  others_.push_back(std::move(job));
}

void StoreQueue::Poll(std::vector<StoreDone>* done) {
  absl::MutexLock lock(&mutex_);
  done->insert(done->end(), std::make_move_iterator(done_.begin()),
               std::make_move_iterator(done_.end()));
  done_.clear();
}

bool StoreQueue::AwaitIdle(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(this, &StoreQueue::IsIdle), timeout);
}

StoreQueue::Job StoreQueue::TakeNext() {
  std::deque<Job>& from = reads_.empty() ? others_ : reads_;
  Job job = std::move(from.front());
  from.pop_front();
  busy_ = true;
  if (&from == &reads_) ++awaited_[job.done.slot];
  return job;
}

bool StoreQueue::RunOne() {
  PINTLE_CHECK(!options_.threaded, "a threaded queue runs by itself");
  Job job;
  {
    absl::MutexLock lock(&mutex_);
    if (reads_.empty() && others_.empty()) return false;
    job = TakeNext();
  }
  CarryOut(std::move(job));
  return true;
}

void StoreQueue::Loop() {
  while (true) {
    Job job;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &StoreQueue::HasWork));
      if (stopping_) return;
      job = TakeNext();
    }
    CarryOut(std::move(job));
  }
}

void StoreQueue::CarryOut(Job job) {
  StoreDone& done = job.done;
  const absl::Duration start = clock_.Monotonic();
  const std::size_t size = store_->block_bytes();
  if (job.work) {
    job.work();
  } else if (done.op == StoreOp::kWrite) {
    done.status =
        store_->Write(done.slot, done.label, absl::MakeConstSpan(done.buffer.get(), size));
  } else if (done.op == StoreOp::kRead) {
    done.status = store_->Read(done.slot, &done.label, absl::MakeSpan(done.buffer.get(), size));
  } else {
    done.status = store_->Erase(done.slot);
  }
  done.took = clock_.Monotonic() - start;
  const bool tell = !job.work;
  {
    absl::MutexLock lock(&mutex_);
    busy_ = false;
    const auto awaited = awaited_.find(done.slot);
    if (--awaited->second == 0) awaited_.erase(awaited);
    if (tell) done_.push_back(std::move(done));
  }
  if (tell && ready_) ready_();
}

}  // namespace pintle::tier

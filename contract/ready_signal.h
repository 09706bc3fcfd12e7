// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_READY_SIGNAL_H_
#define PINTLE_CONTRACT_READY_SIGNAL_H_

#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace pintle {

// The ready callback of a TurnStream, kept to its rules: never called under a lock, by one thread
// at a time, and never after Close. Shared between a stream and whoever feeds it, because a feeder
// may still notify while the stream is destroyed.
// Thread: Notify from any thread. SetCallback and Close belong to the stream's consumer.
// Fails: never. Close waits for a callback that runs on another thread, so it must not be called
// under a lock that the callback takes.
class ReadySignal {
 public:
  // Requires: no callback was set before. Calls it at once if a Notify came earlier.
  void SetCallback(absl::AnyInvocable<void()> callback);
  // Calls the callback, or remembers to.
  void Notify();
  // Holds the callback back, for a consumer inside its stream's Next, which nobody may call back.
  void Hold();
  // Lets it go again, unless a Notify came meanwhile: then true, once, and it stays held, because
  // the consumer has to look again first. False when nothing is held.
  bool ReleaseUnlessNotified();
  // After it the callback is not running (unless this is called from it) and never runs again.
  void Close();

 private:
  // Runs the callback until no Notify came meanwhile.
  void Run() ABSL_LOCKS_EXCLUDED(mutex_);

  // Guards the flags below; `callback_` itself is touched only by the thread that set running_.
  absl::Mutex mutex_;
  absl::AnyInvocable<void()> callback_;
  bool has_callback_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  bool pending_ ABSL_GUARDED_BY(mutex_) = false;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread::id runner_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pintle

#endif  // PINTLE_CONTRACT_READY_SIGNAL_H_

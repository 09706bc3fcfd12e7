// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_INTERRUPT_H_
#define PINTLE_CLI_INTERRUPT_H_

#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace pintle {

// Ctrl-C (and SIGTERM) as an event: a running call is cancelled, a wait ends.
// Thread: safe from any thread. Never fails.
class Interrupt {
 public:
  // Runs `cancel` if the interrupt comes while this lives. One at a time.
  class Watch {
   public:
    Watch(Interrupt& interrupt, std::function<void()> cancel);
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Interrupt& interrupt_;
  };

  // Blocks both signals in this thread and those it makes, and takes them in a thread of its own.
  // While nobody watches or waits a signal ends the process with code 130. To be called once,
  // before any other thread runs; `this` then lives as long as the process.
  void ListenToSignals();

  // What a signal does. Answers whether somebody watched or waited.
  bool Trigger();
  // Whether it came since Clear.
  bool requested() const;
  void Clear();
  // Waits at most `span`; true when interrupted.
  bool WaitFor(absl::Duration span);

 private:
  // Guards everything below.
  mutable absl::Mutex mutex_;
  std::function<void()> cancel_ ABSL_GUARDED_BY(mutex_);
  bool requested_ ABSL_GUARDED_BY(mutex_) = false;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace pintle

#endif  // PINTLE_CLI_INTERRUPT_H_

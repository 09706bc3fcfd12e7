// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_HOST_STOP_SIGNAL_H_
#define PINTLE_SERVICES_HOST_STOP_SIGNAL_H_

#include <csignal>

namespace pintle {

// SIGTERM and SIGINT as something to wait for instead of a handler that may do nearly nothing.
// Thread: construct it in main before any other thread, so that all inherit the mask.
class StopSignal {
 public:
  // Also ignores SIGPIPE: a peer that closes its connection must not end the process.
  StopSignal();
  // Returns when the first of them came. A second one, from then on, ends the process at once: an
  // operator who asks twice means it.
  void Wait();

 private:
  sigset_t signals_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_HOST_STOP_SIGNAL_H_

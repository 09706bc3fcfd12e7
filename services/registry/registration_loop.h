// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_REGISTRY_REGISTRATION_LOOP_H_
#define PINTLE_SERVICES_REGISTRY_REGISTRATION_LOOP_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "pintle/v1/registry.grpc.pb.h"

namespace pintle {

struct RegistrationOptions {
  std::string cluster_token;  // empty for none
  v1::WorkerHello hello;
  // Fills a report; called from the loop's thread, never waits long.
  std::function<void(v1::WorkerLoad*)> load;
  // Told when the worker joined (OK) or why it is out; for logs and readiness.
  std::function<void(const absl::Status&)> state;
  // Draws jitter in [0, 1), so that a fleet does not come back in one instant.
  std::function<double()> jitter;
};

// Keeps one worker registered at one coordinator: a stream for the worker's whole life, reports at
// the interval the coordinator asks for, reconnection with bounded backoff for ever.
// Thread: a thread of its own, because a blocking stream is the simplest that is right.
// Shares the channel; a DNS name behind it is resolved anew at each connection. The destructor ends
// the stream, which the coordinator takes as leaving.
// Fails: never; what goes wrong is told to `state` and tried again.
class RegistrationLoop {
 public:
  RegistrationLoop(RegistrationOptions options, const std::shared_ptr<grpc::Channel>& channel);
  ~RegistrationLoop();
  RegistrationLoop(const RegistrationLoop&) = delete;
  RegistrationLoop& operator=(const RegistrationLoop&) = delete;

  // Sends a report now, for example because the worker began to drain.
  void ReportNow();

 private:
  void Run();
  // One stream from its start to its end.
  absl::Status RunStream();
  // Sleeps, or returns early when stopping or asked to report; false when stopping.
  bool Wait(absl::Duration time);

  const RegistrationOptions options_;
  const std::unique_ptr<v1::Registry::Stub> stub_;
  // Guards the flags and the context that the destructor cancels.
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool report_now_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::thread thread_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_REGISTRY_REGISTRATION_LOOP_H_

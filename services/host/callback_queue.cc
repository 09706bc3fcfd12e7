// SPDX-License-Identifier: Apache-2.0
#include "services/host/callback_queue.h"

#include <grpc/support/cpu.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <atomic>
#include <chrono>
#include <memory>

namespace pintle {
namespace {

// gRPC 1.51 runs callbacks on clamp(cores / 2, 2, 16) threads. Below this many cores there are two.
constexpr unsigned kCoresForMoreThreads = 6;
// A thread that saw no event for a second sleeps for a tenth of one, deaf.
constexpr auto kBeat = std::chrono::milliseconds(500);

// Calls to nobody on a channel of their own. A channel takes its part of the queue with its first
// call by callback, whatever becomes of it, and keeps it while it lives.
class KeptChannel {
 public:
  void Begin() {
    if (gpr_cpu_num_cores() < kCoresForMoreThreads) {
      Call(std::chrono::milliseconds(0), [this] { Park(); });
    }
    Beat();
  }

 private:
  // Keeps the thread that runs it, for good.
  void Park() {
    while (true) parked_.wait(1);
  }
  // One event every now and then, so that the one thread left never sleeps.
  void Beat() {
    Call(kBeat, [this] { Beat(); });
  }

  template <typename Done>
  void Call(std::chrono::milliseconds after, Done done) {
    struct Parts {
      grpc::ClientContext context;
      grpc::Slice nothing;
      // Empty, but there: without any slice it would be no message.
      grpc::ByteBuffer request{&nothing, 1};
      grpc::ByteBuffer response;
    };
    auto parts = std::make_shared<Parts>();
    // Fails when its time is over, and not before.
    parts->context.set_wait_for_ready(true);
    parts->context.set_deadline(std::chrono::system_clock::now() + after);
    stub_.UnaryCall(&parts->context, "/pintle.v1.None/None", grpc::StubOptions(), &parts->request,
                    &parts->response, [parts, done](const grpc::Status&) { done(); });
  }

  // Nobody listens there: nobody can.
  grpc::GenericStub stub_{
      grpc::CreateChannel("unix:/dev/null/none", grpc::InsecureChannelCredentials())};
  std::atomic<int> parked_{1};
};

}  // namespace

void KeepCallbackQueue() {
  static KeptChannel* const kept = [] {
    // Never freed: that is what it is for.
    auto* made = new KeptChannel();
    made->Begin();
    return made;
  }();
  static_cast<void>(kept);
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/host/callback_queue.h"

#include <grpc/support/cpu.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/slice.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <set>
#include <thread>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"

#include "services/host/grpc_host.h"

namespace pintle {
namespace {

// Without it about one process in a hundred aborts here.
TEST(CallbackQueueTest, TheLastServerOfAProcessMayGoAndTheNextMayCome) {
  KeepCallbackQueue();
  KeepCallbackQueue();
  for (int i = 0; i < 50; ++i) {
    GrpcHostOptions options;
    options.listen = "127.0.0.1:0";
    auto host = GrpcHost::Start(options, *TransportSecurity::Load({}), {});
    ASSERT_TRUE(host.ok()) << host.status();
  }
}

// Calls to nobody, whose callbacks are run by whoever runs the queue.
struct FailingCalls {
  struct Call {
    grpc::ClientContext context;
    grpc::ByteBuffer response;
  };

  template <typename Done>
  void Begin(Done done) {
    Call& call = calls.emplace_back();
    stub.UnaryCall(&call.context, "/pintle.v1.None/None", grpc::StubOptions(), &request,
                   &call.response, [done](const grpc::Status&) { done(); });
  }

  std::shared_ptr<grpc::Channel> channel =
      grpc::CreateChannel("unix:/dev/null/none", grpc::InsecureChannelCredentials());
  grpc::GenericStub stub{channel};
  grpc::Slice nothing;
  grpc::ByteBuffer request{&nothing, 1};
  std::deque<Call> calls;
};

TEST(CallbackQueueTest, OneThreadRunsTheCallbacksWhereGrpcWouldStartTwo) {
  if (gpr_cpu_num_cores() >= 6) GTEST_SKIP() << "gRPC starts more than two threads here";
  KeepCallbackQueue();
  FailingCalls failing;
  std::set<std::thread::id> threads;
  // At first the other thread may not be parked yet.
  for (int round = 0; threads.size() != 1 && round < 1000; ++round) {
    absl::BlockingCounter done(50);
    absl::Mutex mutex;
    threads.clear();
    for (int i = 0; i < 50; ++i) {
      failing.Begin([&] {
        {
          absl::MutexLock lock(&mutex);
          threads.insert(std::this_thread::get_id());
        }
        done.DecrementCount();
      });
    }
    done.Wait();
  }
  EXPECT_EQ(threads.size(), 1U);
}

}  // namespace
}  // namespace pintle

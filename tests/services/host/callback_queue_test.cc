// SPDX-License-Identifier: Apache-2.0
#include "services/host/callback_queue.h"

#include <gtest/gtest.h>

#include <memory>

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

}  // namespace
}  // namespace pintle

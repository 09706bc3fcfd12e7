// SPDX-License-Identifier: Apache-2.0
#include "services/turns/refused_call.h"

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "pintle/v1/cache.grpc.pb.h"
#include "tests/services/service_world.h"

namespace pintle {
namespace {

TEST(RefusedCallTest, AStreamEndsWithTheStatusAndNoMessage) {
  testing::ServiceWorld world;
  const auto stub = v1::CacheStats::NewStub(world.channel());
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    auto reader = stub->WatchCacheEvents(&context, v1::WatchCacheEventsRequest());
    v1::WatchCacheEventsResponse event;
    EXPECT_FALSE(reader->Read(&event));
    EXPECT_TRUE(HasReason(testing::Of(reader->Finish()), Reason::kNotYet));
  }
}

}  // namespace
}  // namespace pintle

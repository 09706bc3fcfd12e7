// SPDX-License-Identifier: Apache-2.0
#include "services/turns/refused_call.h"

#include <utility>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "pintle/v1/cache.grpc.pb.h"
#include "services/identity/tenant_table.h"
#include "tests/services/service_world.h"

namespace pintle {
namespace {

TEST(RefusedCallTest, AStreamEndsWithTheStatusAndNoMessage) {
  testing::ServiceWorld::Options options;
  options.identity.loopback = false;
  // The digest of "alice-token", which this client does not show.
  options.identity.tenants =
      *TenantTable::Parse("alice 9c220f200955d76c0a38d308225e0ef10c5f971acaf2f8d1d8f732affa5bd1dc");
  testing::ServiceWorld world(std::move(options));
  const auto stub = v1::CacheStats::NewStub(world.channel());
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    auto reader = stub->WatchCacheEvents(&context, v1::WatchCacheEventsRequest());
    v1::WatchCacheEventsResponse event;
    EXPECT_FALSE(reader->Read(&event));
    EXPECT_TRUE(HasReason(testing::Of(reader->Finish()), Reason::kBadToken));
  }
}

}  // namespace
}  // namespace pintle

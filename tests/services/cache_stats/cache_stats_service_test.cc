// SPDX-License-Identifier: Apache-2.0
#include "services/cache_stats/cache_stats_service.h"

#include <memory>
#include <string>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "pintle/v1/cache.grpc.pb.h"
#include "tests/services/service_world.h"

namespace pintle {
namespace {

using testing::Of;
using testing::ServiceWorld;

class CacheStatsServiceTest : public ::testing::Test {
 protected:
  ServiceWorld world_;
  std::unique_ptr<v1::CacheStats::Stub> stub_ = v1::CacheStats::NewStub(world_.channel());
};

TEST_F(CacheStatsServiceTest, FiguresComeWithTheirSum) {
  grpc::ClientContext context;
  v1::GetCacheStatsResponse response;
  ASSERT_TRUE(stub_->GetCacheStats(&context, v1::GetCacheStatsRequest(), &response).ok());
  ASSERT_EQ(response.workers_size(), 1);
  EXPECT_EQ(response.workers(0).worker(), "fake");
  EXPECT_EQ(response.workers(0).held_size(), 0);
  ASSERT_EQ(response.total_size(), 1);
  EXPECT_EQ(response.total(0).blocks_total(), 14) << "two rows of the same tier, 7 blocks each";
}

TEST_F(CacheStatsServiceTest, SessionsOfTheCallerAreListedWhenAsked) {
  grpc::ClientContext context;
  v1::GetCacheStatsRequest request;
  v1::GetCacheStatsResponse response;
  request.set_include_sessions(true);
  ASSERT_TRUE(stub_->GetCacheStats(&context, request, &response).ok());
  ASSERT_EQ(response.workers(0).held_size(), 1);
  EXPECT_EQ(response.workers(0).held(0).id(), "default") << "the fake names it after the tenant";
}

TEST_F(CacheStatsServiceTest, WhatIsNotThereYetSaysSo) {
  grpc::ClientContext explain;
  v1::ExplainEvictionResponse explained;
  EXPECT_TRUE(
      HasReason(Of(stub_->ExplainEviction(&explain, v1::ExplainEvictionRequest(), &explained)),
                Reason::kNotYet));
  grpc::ClientContext set;
  v1::SetEvictionPolicyResponse was;
  EXPECT_TRUE(HasReason(Of(stub_->SetEvictionPolicy(&set, v1::SetEvictionPolicyRequest(), &was)),
                        Reason::kNotYet));
  grpc::ClientContext watch;
  auto reader = stub_->WatchCacheEvents(&watch, v1::WatchCacheEventsRequest());
  v1::WatchCacheEventsResponse event;
  EXPECT_FALSE(reader->Read(&event));
  EXPECT_TRUE(HasReason(Of(reader->Finish()), Reason::kNotYet));
}

}  // namespace
}  // namespace pintle

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
  v1::GetCacheStatsResponse Get(const v1::GetCacheStatsRequest& request) {
    grpc::ClientContext context;
    v1::GetCacheStatsResponse response;
    const grpc::Status status = stub_->GetCacheStats(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  absl::Status Failure(const v1::GetCacheStatsRequest& request) {
    grpc::ClientContext context;
    v1::GetCacheStatsResponse response;
    return Of(stub_->GetCacheStats(&context, request, &response));
  }

  ServiceWorld world_;
  std::unique_ptr<v1::CacheStats::Stub> stub_ = v1::CacheStats::NewStub(world_.channel());
};

TEST_F(CacheStatsServiceTest, FiguresComeWithTheirSum) {
  const v1::GetCacheStatsResponse response = Get({});
  ASSERT_EQ(response.workers_size(), 1);
  EXPECT_EQ(response.workers(0).worker(), "fake");
  EXPECT_EQ(response.workers(0).held_size(), 0);
  ASSERT_EQ(response.total_size(), 1);
  EXPECT_EQ(response.total(0).blocks_total(), 14) << "two rows of the same tier, 7 blocks each";
}

TEST_F(CacheStatsServiceTest, SessionsOfTheCallerAreListedWhenAskedPageByPage) {
  v1::GetCacheStatsRequest request;
  request.set_include_sessions(true);
  EXPECT_EQ(Get(request).workers(0).held_size(), 3);
  EXPECT_EQ(Get(request).next_page_token(), "");
  request.set_page_size(2);
  v1::GetCacheStatsResponse page = Get(request);
  ASSERT_EQ(page.workers(0).held_size(), 2);
  EXPECT_EQ(page.workers(0).held(0).id(), "default") << "the fake names it after the tenant";
  EXPECT_EQ(page.next_page_token(), "default-2");
  request.set_page_token(page.next_page_token());
  page = Get(request);
  ASSERT_EQ(page.workers(0).held_size(), 1);
  EXPECT_EQ(page.workers(0).held(0).id(), "default-3");
  EXPECT_EQ(page.next_page_token(), "");
}

TEST_F(CacheStatsServiceTest, TheReadMaskLeavesOutTheRest) {
  v1::GetCacheStatsRequest request;
  request.mutable_read_mask()->add_paths("total.blocks_total");
  const v1::GetCacheStatsResponse response = Get(request);
  EXPECT_EQ(response.workers_size(), 0);
  EXPECT_EQ(response.total(0).blocks_total(), 14);
}

TEST_F(CacheStatsServiceTest, OneWorkerIsAskedForByName) {
  v1::GetCacheStatsRequest request;
  request.set_worker("fake");
  EXPECT_EQ(Get(request).workers_size(), 1);
  EXPECT_EQ(Get(request).total_size(), 0);
  request.set_worker("nobody");
  EXPECT_EQ(testing::FieldOf(Failure(request)), "worker");
}

TEST_F(CacheStatsServiceTest, ImpossibleRequestsNameTheField) {
  v1::GetCacheStatsRequest mask;
  mask.mutable_read_mask()->add_paths("no.such");
  EXPECT_EQ(testing::FieldOf(Failure(mask)), "read_mask");
  v1::GetCacheStatsRequest size;
  size.set_page_size(-1);
  EXPECT_EQ(testing::FieldOf(Failure(size)), "page_size");
  v1::GetCacheStatsRequest token;
  token.set_page_token("not ours!");
  EXPECT_EQ(testing::FieldOf(Failure(token)), "page_token");
}

TEST_F(CacheStatsServiceTest, AnExplanationComesFromTheCache) {
  v1::ExplainEvictionRequest request;
  v1::ExplainEvictionResponse response;
  grpc::ClientContext bad;
  EXPECT_EQ(testing::FieldOf(Of(stub_->ExplainEviction(&bad, request, &response))),
            "tokens_needed");
  request.set_tokens_needed(5);
  grpc::ClientContext good;
  ASSERT_TRUE(stub_->ExplainEviction(&good, request, &response).ok());
  EXPECT_EQ(response.blocks_needed(), 5);
  EXPECT_EQ(response.victims(0).sessions(0), "tea") << "everyone is the admin here";
}

TEST_F(CacheStatsServiceTest, SettingThePolicyAnswersThePreviousOne) {
  const auto set = [this](const std::string& policy, v1::SetEvictionPolicyResponse* response) {
    grpc::ClientContext context;
    v1::SetEvictionPolicyRequest request;
    request.set_policy(policy);
    return Of(stub_->SetEvictionPolicy(&context, request, response));
  };
  v1::SetEvictionPolicyResponse response;
  ASSERT_TRUE(set("fifo", &response).ok());
  EXPECT_EQ(response.previous_policy(), "lru");
  ASSERT_TRUE(set("lru", &response).ok());
  EXPECT_EQ(response.previous_policy(), "fifo");
  EXPECT_EQ(testing::FieldOf(set("dice", &response)), "policy");
}

}  // namespace
}  // namespace pintle

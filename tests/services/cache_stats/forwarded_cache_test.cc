// SPDX-License-Identifier: Apache-2.0
#include "services/cache_stats/forwarded_cache.h"

#include <memory>
#include <string>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "services/cache_stats/cache_stats_service.h"
#include "services/host/grpc_host.h"
#include "tests/services/service_world.h"

namespace pintle {
namespace {

using testing::Of;
using testing::ServiceWorld;

// A coordinator's service in front of the one of a test world, which is worker "w".
class ForwardedCacheTest : public ::testing::Test, public CachePeers {
 protected:
  ForwardedCacheTest()
      : rules_(*CallerRules::Create(IdentityConfig())),
        forwarded_(*this),
        service_(source_, forwarded_, rules_) {
    GrpcHostOptions options;
    options.listen = std::string("127.0.0.1:0");
    host_ = *GrpcHost::Start(options, *TransportSecurity::Load({}), {&service_});
    stub_ = v1::CacheStats::NewStub(TransportSecurity::Load({})->Dial(host_->address()));
  }
  ~ForwardedCacheTest() override {
    worker_.reset();
    host_.reset();
  }

  absl::StatusOr<CachePeer> FindPeer(const std::string& worker) override {
    if (worker != "w") return InvalidField("worker", "names no worker of the fleet");
    return CachePeer{v1::CacheStats::NewStub(channel_), ""};
  }

  std::unique_ptr<ServiceWorld> worker_ = std::make_unique<ServiceWorld>();
  std::shared_ptr<grpc::Channel> channel_ = worker_->channel();
  testing::FakeCacheStats source_;
  const CallerRules rules_;
  ForwardedCache forwarded_;
  CacheStatsService service_;
  std::unique_ptr<GrpcHost> host_;
  std::unique_ptr<v1::CacheStats::Stub> stub_;
};

TEST_F(ForwardedCacheTest, AWatcherHearsTheNamedWorkerThroughTheCoordinator) {
  grpc::ClientContext context;
  v1::WatchCacheEventsRequest request;
  request.set_worker("w");
  auto reader = stub_->WatchCacheEvents(&context, request);
  v1::WatchCacheEventsResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.snapshot().cache().tiers(0).tokens_stored(), 80);
  worker_->cache_desk().Add();
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.events().events(0).sequence(), 6U);
  context.TryCancel();
  while (reader->Read(&response)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
}

TEST_F(ForwardedCacheTest, TheWorkersEndEndsTheWatch) {
  grpc::ClientContext context;
  v1::WatchCacheEventsRequest request;
  request.set_worker("w");
  auto reader = stub_->WatchCacheEvents(&context, request);
  v1::WatchCacheEventsResponse response;
  ASSERT_TRUE(reader->Read(&response));
  worker_->cache_desk().Close();
  while (reader->Read(&response)) {
  }
  EXPECT_TRUE(HasReason(Of(reader->Finish()), Reason::kDraining));
}

TEST_F(ForwardedCacheTest, QuestionsAndAnswersPassAsTheyAre) {
  grpc::ClientContext explain;
  v1::ExplainEvictionRequest question;
  v1::ExplainEvictionResponse explained;
  question.set_worker("w");
  question.set_tokens_needed(3);
  ASSERT_TRUE(stub_->ExplainEviction(&explain, question, &explained).ok());
  EXPECT_EQ(explained.blocks_needed(), 3);
  grpc::ClientContext set;
  v1::SetEvictionPolicyRequest change;
  v1::SetEvictionPolicyResponse was;
  change.set_worker("w");
  change.set_policy("dice");
  EXPECT_EQ(testing::FieldOf(Of(stub_->SetEvictionPolicy(&set, change, &was))), "policy");
}

TEST_F(ForwardedCacheTest, AWorkerNobodyKnowsIsAnInvalidField) {
  grpc::ClientContext explain;
  v1::ExplainEvictionRequest question;
  v1::ExplainEvictionResponse explained;
  EXPECT_EQ(testing::FieldOf(Of(stub_->ExplainEviction(&explain, question, &explained))), "worker");
  grpc::ClientContext watch;
  auto reader = stub_->WatchCacheEvents(&watch, v1::WatchCacheEventsRequest());
  v1::WatchCacheEventsResponse response;
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(testing::FieldOf(Of(reader->Finish())), "worker");
}

TEST_F(ForwardedCacheTest, AWorkerThatIsGoneIsLost) {
  worker_.reset();
  grpc::ClientContext explain;
  v1::ExplainEvictionRequest question;
  v1::ExplainEvictionResponse explained;
  question.set_worker("w");
  question.set_tokens_needed(3);
  EXPECT_TRUE(
      HasReason(Of(stub_->ExplainEviction(&explain, question, &explained)), Reason::kWorkerLost));
}

}  // namespace
}  // namespace pintle

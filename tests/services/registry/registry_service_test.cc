// SPDX-License-Identifier: Apache-2.0
#include "services/registry/registry_service.h"

#include <memory>
#include <string>
#include <utility>

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pintle/v1/registry.grpc.pb.h"
#include "tests/services/service_world.h"

namespace pintle {
namespace {

using ::testing::ElementsAre;
using testing::FieldOf;
using testing::Of;
using testing::ServiceWorld;

v1::WorkerReport Hello(const std::string& worker) {
  v1::WorkerReport report;
  report.set_sequence(1);
  report.mutable_hello()->set_worker(worker);
  return report;
}

v1::WorkerReport Load(std::uint64_t sequence, bool draining = false) {
  v1::WorkerReport report;
  report.set_sequence(sequence);
  report.mutable_load()->set_draining(draining);
  return report;
}

class RegistryServiceTest : public ::testing::Test {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::WorkerReport, v1::CoordinatorDirective>;

  std::unique_ptr<Stream> Register() { return stub_->Register(&context_); }
  // The end of a stream whose first report was refused.
  absl::Status Refused(const v1::WorkerReport& first) {
    auto stream = Register();
    stream->Write(first);
    v1::CoordinatorDirective directive;
    EXPECT_FALSE(stream->Read(&directive));
    return Of(stream->Finish());
  }

  ServiceWorld world_;
  std::unique_ptr<v1::Registry::Stub> stub_ = v1::Registry::NewStub(world_.channel());
  grpc::ClientContext context_;
};

TEST_F(RegistryServiceTest, AWorkerJoinsIsWelcomedReportsAndLeaves) {
  auto stream = Register();
  ASSERT_TRUE(stream->Write(Hello("w")));
  v1::CoordinatorDirective directive;
  ASSERT_TRUE(stream->Read(&directive));
  EXPECT_EQ(directive.welcome().report_interval_ms(), 500);
  ASSERT_TRUE(stream->Write(Load(2)));
  ASSERT_TRUE(stream->Write(Load(3)));
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_THAT(world_.fleet().WaitFor(4),
              ElementsAre("join w 1", "report 41 2", "report 41 3", "leave 41"));
}

TEST_F(RegistryServiceTest, ABrokenStreamIsALeave) {
  auto stream = Register();
  ASSERT_TRUE(stream->Write(Hello("w")));
  v1::CoordinatorDirective directive;
  ASSERT_TRUE(stream->Read(&directive));
  context_.TryCancel();
  stream->Finish();
  EXPECT_THAT(world_.fleet().WaitFor(2), ElementsAre("join w 1", "leave 41"));
}

TEST_F(RegistryServiceTest, ARefusedWorkerHearsWhy) {
  EXPECT_TRUE(HasReason(Refused(Hello("full")), Reason::kQueueFull));
}

TEST_F(RegistryServiceTest, AStreamThatDoesNotBeginWithHelloIsRefused) {
  EXPECT_EQ(FieldOf(Refused(Load(1))), "hello");
}

TEST_F(RegistryServiceTest, ARefusedReportEndsTheMembership) {
  auto stream = Register();
  ASSERT_TRUE(stream->Write(Hello("w")));
  v1::CoordinatorDirective directive;
  ASSERT_TRUE(stream->Read(&directive));
  ASSERT_TRUE(stream->Write(Load(2, true)));
  EXPECT_FALSE(stream->Read(&directive));
  EXPECT_TRUE(HasReason(Of(stream->Finish()), Reason::kWorkerLost));
  EXPECT_THAT(world_.fleet().WaitFor(3), ElementsAre("join w 1", "report 41 2", "leave 41"));
}

TEST(RegistryServiceIdentityTest, OthersThanTheClusterCannotJoin) {
  ServiceWorld::Options options;
  options.identity.kind = ProcessKind::kCoordinator;
  options.identity.cluster_token = TokenDigest::Of("c");
  ServiceWorld world(std::move(options));
  const auto stub = v1::Registry::NewStub(world.channel());
  grpc::ClientContext context;
  testing::Authorize("wrong", context);
  auto stream = stub->Register(&context);
  v1::CoordinatorDirective directive;
  EXPECT_FALSE(stream->Read(&directive));
  EXPECT_TRUE(HasReason(Of(stream->Finish()), Reason::kNotCluster));
}

}  // namespace
}  // namespace pintle

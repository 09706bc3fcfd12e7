// SPDX-License-Identifier: Apache-2.0
#include "services/fleet/fleet_service.h"

#include <memory>
#include <string>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "pintle/v1/fleet.grpc.pb.h"
#include "tests/services/service_world.h"

namespace pintle {
namespace {

using testing::Of;
using testing::ServiceWorld;

TEST(FleetServiceTest, WorkersAreListed) {
  ServiceWorld world;
  const auto stub = v1::Fleet::NewStub(world.channel());
  grpc::ClientContext context;
  v1::ListWorkersResponse response;
  ASSERT_TRUE(stub->ListWorkers(&context, v1::ListWorkersRequest(), &response).ok());
  ASSERT_EQ(response.workers_size(), 1);
  EXPECT_EQ(response.workers(0).id(), "fake");
}

TEST(FleetServiceTest, WhatIsNotThereYetSaysSo) {
  ServiceWorld world;
  const auto stub = v1::Fleet::NewStub(world.channel());
  grpc::ClientContext drain;
  v1::DrainWorkerResponse drained;
  EXPECT_TRUE(HasReason(Of(stub->DrainWorker(&drain, v1::DrainWorkerRequest(), &drained)),
                        Reason::kNotYet));
  grpc::ClientContext resume;
  v1::ResumeWorkerResponse resumed;
  EXPECT_TRUE(HasReason(Of(stub->ResumeWorker(&resume, v1::ResumeWorkerRequest(), &resumed)),
                        Reason::kNotYet));
  grpc::ClientContext migrate;
  v1::MigrateSessionResponse migrated;
  EXPECT_TRUE(HasReason(Of(stub->MigrateSession(&migrate, v1::MigrateSessionRequest(), &migrated)),
                        Reason::kNotYet));
}

}  // namespace
}  // namespace pintle

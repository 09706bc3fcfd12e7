// SPDX-License-Identifier: Apache-2.0
// Every rpc asked by every identity over real gRPC: who is let in, and why others are not.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "pintle/v1/cache.pb.h"
#include "pintle/v1/execution.pb.h"
#include "pintle/v1/fleet.pb.h"
#include "pintle/v1/inference.pb.h"
#include "pintle/v1/registry.pb.h"
#include "pintle/v1/sessions.pb.h"
#include "services/wire/status_conversion.h"
#include "tests/services/host/health_call.h"
#include "tests/services/service_world.h"

namespace pintle {
namespace {

using testing::ServiceWorld;

enum class Who { kNobody, kStranger, kTenant, kCluster, kAdmin };

std::string TokenOf(Who who) {
  switch (who) {
    case Who::kNobody: return "";
    case Who::kStranger: return "stranger-token";
    case Who::kTenant: return "alice-token";
    case Who::kCluster: return "cluster-token";
    case Who::kAdmin: return "admin-token";
  }
  return "";
}

// What identity an rpc wants; the test below holds that every rpc of the API is listed.
enum class Wants { kClient, kReader, kCluster, kAdmin, kOperator };

std::vector<std::pair<std::string, Wants>> Methods() {
  std::vector<std::pair<std::string, Wants>> methods;
  const auto add = [&](const google::protobuf::FileDescriptor* file, Wants wants) {
    for (int s = 0; s < file->service_count(); ++s) {
      const auto* service = file->service(s);
      for (int m = 0; m < service->method_count(); ++m) {
        methods.emplace_back(
            absl::StrCat("/", service->full_name(), "/", service->method(m)->name()), wants);
      }
    }
  };
  add(v1::GenerateRequest::descriptor()->file(), Wants::kClient);
  add(v1::GetSessionRequest::descriptor()->file(), Wants::kClient);
  add(v1::GetCacheStatsRequest::descriptor()->file(), Wants::kReader);
  add(v1::RunTurnRequest::descriptor()->file(), Wants::kCluster);
  add(v1::WorkerReport::descriptor()->file(), Wants::kCluster);
  add(v1::ListWorkersRequest::descriptor()->file(), Wants::kAdmin);
  for (auto& [name, wants] : methods) {
    if (name == "/pintle.v1.CacheStats/SetEvictionPolicy") wants = Wants::kOperator;
  }
  return methods;
}

// The refusal an identity must get, nullopt when it is let in.
std::optional<Reason> RefusalOf(Wants wants, Who who, ProcessKind kind) {
  switch (wants) {
    case Wants::kCluster:
      return who == Who::kCluster ? std::nullopt : std::optional(Reason::kNotCluster);
    case Wants::kAdmin: return who == Who::kAdmin ? std::nullopt : std::optional(Reason::kNotAdmin);
    case Wants::kOperator:
      // A coordinator has asked for the admin's token already.
      if (kind == ProcessKind::kWorkerOfCoordinator && who == Who::kCluster) return std::nullopt;
      return who == Who::kAdmin ? std::nullopt : std::optional(Reason::kNotAdmin);
    case Wants::kReader:
      // The admin reads all names; so does a coordinator, for its admin.
      if (who == Who::kAdmin) return std::nullopt;
      if (kind == ProcessKind::kWorkerOfCoordinator && who == Who::kCluster) return std::nullopt;
      return who == Who::kTenant ? std::nullopt : std::optional(Reason::kBadToken);
    case Wants::kClient:
      if (kind == ProcessKind::kWorkerOfCoordinator && who != Who::kCluster) {
        return Reason::kUseCoordinator;
      }
      return who == Who::kTenant ? std::nullopt : std::optional(Reason::kBadToken);
  }
  return std::nullopt;
}

class IdentityMatrixTest : public ::testing::TestWithParam<ProcessKind> {};

TEST_P(IdentityMatrixTest, EveryRpcLetsInExactlyWhomItShould) {
  ServiceWorld::Options options;
  options.identity.kind = GetParam();
  options.identity.loopback = false;
  options.identity.cluster_token = TokenDigest::Of(TokenOf(Who::kCluster));
  options.identity.admin_token = TokenDigest::Of(TokenOf(Who::kAdmin));
  // The digest of "alice-token".
  options.identity.tenants =
      *TenantTable::Parse("alice 9c220f200955d76c0a38d308225e0ef10c5f971acaf2f8d1d8f732affa5bd1dc");
  ServiceWorld world(std::move(options));
  // A watch would never end otherwise.
  world.cache_desk().Close();
  const auto channel = world.channel();
  const auto methods = Methods();
  EXPECT_EQ(methods.size(), 5U + 9U + 4U + 4U + 1U + 9U) << "a new rpc is a new row of the matrix";
  const std::vector<Reason> refusals = {Reason::kBadToken, Reason::kNotCluster, Reason::kNotAdmin,
                                        Reason::kUseCoordinator};
  for (const auto& [method, wants] : methods) {
    for (const Who who : {Who::kNobody, Who::kStranger, Who::kTenant, Who::kCluster, Who::kAdmin}) {
      std::string response;
      const absl::Status status =
          FromGrpcStatus(testing::RawCall(channel, method, "", &response, TokenOf(who)));
      const std::optional<Reason> want = RefusalOf(wants, who, GetParam());
      if (want) {
        EXPECT_TRUE(HasReason(status, *want)) << method << " as " << TokenOf(who) << ": " << status;
        continue;
      }
      for (const Reason reason : refusals) {
        EXPECT_FALSE(HasReason(status, reason))
            << method << " as " << TokenOf(who) << ": " << status;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, IdentityMatrixTest,
                         ::testing::Values(ProcessKind::kCoordinator, ProcessKind::kWorker,
                                           ProcessKind::kWorkerOfCoordinator));

}  // namespace
}  // namespace pintle

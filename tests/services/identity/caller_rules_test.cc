// SPDX-License-Identifier: Apache-2.0
#include "services/identity/caller_rules.h"

#include <string>
#include <utility>

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The digests of "alice-token" and "bob-token".
constexpr char kTenants[] =
    "alice 9c220f200955d76c0a38d308225e0ef10c5f971acaf2f8d1d8f732affa5bd1dc\n"
    "bob 97dd3707015dcf069cf73022ed7173b1165db6eff24b441cb57fd069a8c4e525\n";

CallCredentials Bearer(const std::string& token) { return {"Bearer " + token, ""}; }

IdentityConfig Config(ProcessKind kind, bool loopback) {
  IdentityConfig config;
  config.kind = kind;
  config.loopback = loopback;
  return config;
}

CallerRules Rules(IdentityConfig config) {
  absl::StatusOr<CallerRules> rules = CallerRules::Create(std::move(config));
  EXPECT_TRUE(rules.ok()) << rules.status();
  return *std::move(rules);
}

TEST(CallerRulesTest, OnLoopbackWithoutFilesEveryCallerCountsAsBoth) {
  for (const ProcessKind kind :
       {ProcessKind::kCoordinator, ProcessKind::kWorker, ProcessKind::kWorkerOfCoordinator}) {
    const CallerRules rules = Rules(Config(kind, true));
    EXPECT_TRUE(rules.RequireCluster({}).ok());
    EXPECT_TRUE(rules.RequireAdmin({}).ok());
    EXPECT_EQ(*rules.TenantOf({}), TenantId("default"));
    EXPECT_EQ(*rules.ClientTenantOf({}), TenantId("default"));
  }
}

TEST(CallerRulesTest, OffLoopbackMembersOfAClusterRefuseToStartWithoutItsToken) {
  for (const ProcessKind kind : {ProcessKind::kCoordinator, ProcessKind::kWorkerOfCoordinator}) {
    const absl::Status status = CallerRules::Create(Config(kind, false)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(status.message()), HasSubstr("--cluster-token-file"));
  }
}

TEST(CallerRulesTest, OffLoopbackAWorkerAloneStartsAndNobodyIsClusterOrAdmin) {
  const CallerRules rules = Rules(Config(ProcessKind::kWorker, false));
  EXPECT_TRUE(HasReason(rules.RequireCluster(Bearer("x")), Reason::kNotCluster));
  EXPECT_TRUE(HasReason(rules.RequireAdmin(Bearer("x")), Reason::kNotAdmin));
  EXPECT_EQ(*rules.ClientTenantOf({}), TenantId("default"));
}

TEST(CallerRulesTest, OffLoopbackWithoutTheAdminsFileAdminCallsAreRefused) {
  IdentityConfig config = Config(ProcessKind::kCoordinator, false);
  config.cluster_token = TokenDigest::Of("c");
  const CallerRules rules = Rules(std::move(config));
  EXPECT_TRUE(HasReason(rules.RequireAdmin(Bearer("c")), Reason::kNotAdmin));
  EXPECT_TRUE(rules.RequireCluster(Bearer("c")).ok());
}

TEST(CallerRulesTest, WithFilesOnLoopbackTheTokensDecide) {
  IdentityConfig config = Config(ProcessKind::kCoordinator, true);
  config.cluster_token = TokenDigest::Of("c");
  config.admin_token = TokenDigest::Of("a");
  const CallerRules rules = Rules(std::move(config));
  EXPECT_TRUE(rules.RequireCluster(Bearer("c")).ok());
  EXPECT_TRUE(rules.RequireAdmin(Bearer("a")).ok());
  for (const CallCredentials& call : {CallCredentials{}, Bearer("a"), Bearer("cc"), Bearer(""),
                                      CallCredentials{"c", ""}, CallCredentials{"Basic c", ""}}) {
    EXPECT_TRUE(HasReason(rules.RequireCluster(call), Reason::kNotCluster)) << call.authorization;
  }
  EXPECT_TRUE(HasReason(rules.RequireAdmin(Bearer("c")), Reason::kNotAdmin));
}

TEST(CallerRulesTest, TenantsAreTheirTokens) {
  IdentityConfig config = Config(ProcessKind::kWorker, false);
  config.tenants = *TenantTable::Parse(kTenants);
  const CallerRules rules = Rules(std::move(config));
  EXPECT_EQ(*rules.ClientTenantOf(Bearer("alice-token")), TenantId("alice"));
  EXPECT_EQ(*rules.ClientTenantOf({"bearer bob-token", ""}), TenantId("bob"));
  for (const CallCredentials& call :
       {CallCredentials{}, Bearer("wrong"), Bearer("alice-token "), CallCredentials{"", "alice"}}) {
    EXPECT_TRUE(HasReason(rules.ClientTenantOf(call).status(), Reason::kBadToken));
  }
}

TEST(CallerRulesTest, NoMessageHoldsTheToken) {
  IdentityConfig config = Config(ProcessKind::kCoordinator, true);
  config.tenants = *TenantTable::Parse(kTenants);
  config.cluster_token = TokenDigest::Of("c");
  config.admin_token = TokenDigest::Of("a");
  const CallerRules rules = Rules(std::move(config));
  const CallCredentials call = Bearer("sesame");
  for (const absl::Status& status :
       {rules.TenantOf(call).status(), rules.RequireCluster(call), rules.RequireAdmin(call)}) {
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("sesame")));
  }
}

TEST(CallerRulesTest, TenantMetadataIsBelievedOnlyByAWorkerOfACoordinatorFromTheCluster) {
  const CallCredentials from_cluster{"Bearer c", "alice"};
  for (const ProcessKind kind :
       {ProcessKind::kCoordinator, ProcessKind::kWorker, ProcessKind::kWorkerOfCoordinator}) {
    IdentityConfig config = Config(kind, false);
    config.cluster_token = TokenDigest::Of("c");
    const CallerRules rules = Rules(std::move(config));
    const bool believed = kind == ProcessKind::kWorkerOfCoordinator;
    EXPECT_EQ(*rules.TenantOf(from_cluster), TenantId(believed ? "alice" : "default"));
    EXPECT_EQ(*rules.TenantOf({"Bearer wrong", "alice"}), TenantId("default"));
  }
}

TEST(CallerRulesTest, ATenantInMetadataIsHeldToTheRulesOfNames) {
  const CallerRules rules = Rules(Config(ProcessKind::kWorkerOfCoordinator, true));
  EXPECT_TRUE(HasReason(rules.TenantOf({"", "a b"}).status(), Reason::kInvalidField));
}

TEST(CallerRulesTest, AWorkerOfACoordinatorSendsOthersThere) {
  IdentityConfig config = Config(ProcessKind::kWorkerOfCoordinator, false);
  config.cluster_token = TokenDigest::Of("c");
  const CallerRules rules = Rules(std::move(config));
  EXPECT_TRUE(HasReason(rules.ClientTenantOf({}).status(), Reason::kUseCoordinator));
  EXPECT_TRUE(rules.ClientTenantOf(Bearer("c")).ok());
  // CacheStats stays readable.
  EXPECT_TRUE(rules.TenantOf({}).ok());
}

}  // namespace
}  // namespace pintle

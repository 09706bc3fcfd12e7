// SPDX-License-Identifier: Apache-2.0
#include "services/identity/caller_rules.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "contract/errors.h"
#include "contract/request_rules.h"
#include "contract/status_macros.h"

namespace pintle {
namespace {

// Long enough for any signed token, short enough that hashing it costs nothing.
constexpr std::size_t kTokenBytes = 4096;

std::optional<TokenDigest> TokenOf(const CallCredentials& call) {
  constexpr absl::string_view kScheme = "bearer ";
  // The scheme's name has no case (RFC 9110).
  if (!absl::StartsWithIgnoreCase(call.authorization, kScheme)) return std::nullopt;
  const absl::string_view token = absl::string_view(call.authorization).substr(kScheme.size());
  if (token.empty() || token.size() > kTokenBytes) return std::nullopt;
  return TokenDigest::Of(token);
}

// Without the file everyone on loopback counts, and nobody elsewhere.
bool Holds(const std::optional<TokenDigest>& secret, bool loopback, const CallCredentials& call) {
  if (!secret) return loopback;
  const std::optional<TokenDigest> token = TokenOf(call);
  return token && token->Equals(*secret);
}

}  // namespace

absl::StatusOr<CallerRules> CallerRules::Create(IdentityConfig config) {
  if (!config.loopback && !config.cluster_token && config.kind != ProcessKind::kWorker) {
    return absl::FailedPreconditionError(
        "listening beyond loopback as a member of a cluster needs --cluster-token-file FILE, the "
        "same token on the coordinator and on its workers");
  }
  return CallerRules(std::move(config));
}

bool CallerRules::IsCluster(const CallCredentials& call) const {
  return Holds(config_.cluster_token, config_.loopback, call);
}

absl::StatusOr<TenantId> CallerRules::TenantOf(const CallCredentials& call) const {
  if (config_.kind == ProcessKind::kWorkerOfCoordinator && !call.tenant.empty() &&
      IsCluster(call)) {
    PINTLE_RETURN_IF_ERROR(ValidateName("x-pintle-tenant", call.tenant));
    return TenantId(call.tenant);
  }
  if (!config_.tenants) return TenantId(kDefaultTenant);
  if (const std::optional<TokenDigest> token = TokenOf(call)) {
    if (std::optional<TenantId> tenant = config_.tenants->Find(*token)) return *std::move(tenant);
    return MakeError(Reason::kBadToken, "the bearer token belongs to no tenant");
  }
  return MakeError(Reason::kBadToken,
                   "this server wants the metadata \"authorization: Bearer TOKEN\"");
}

absl::StatusOr<TenantId> CallerRules::ClientTenantOf(const CallCredentials& call) const {
  if (config_.kind == ProcessKind::kWorkerOfCoordinator && !IsCluster(call)) {
    return MakeError(Reason::kUseCoordinator,
                     "this worker serves a coordinator; send the call there");
  }
  return TenantOf(call);
}

absl::StatusOr<CacheSight> CallerRules::SightOf(const CallCredentials& call) const {
  const bool cluster = config_.kind == ProcessKind::kWorkerOfCoordinator && IsCluster(call);
  absl::StatusOr<TenantId> tenant = TenantOf(call);
  if (tenant.ok() && cluster && !call.tenant.empty()) return CacheSight{false, *tenant};
  // A tenant's own token says who calls, also where everyone would count as the admin.
  if (tenant.ok() && config_.tenants) return CacheSight{false, *tenant};
  if (cluster || RequireAdmin(call).ok()) {
    return CacheSight{true, tenant.ok() ? *tenant : TenantId()};
  }
  if (!tenant.ok()) return tenant.status();
  return CacheSight{false, *std::move(tenant)};
}

absl::Status CallerRules::RequireOperator(const CallCredentials& call) const {
  if (config_.kind == ProcessKind::kWorkerOfCoordinator && IsCluster(call)) return absl::OkStatus();
  return RequireAdmin(call);
}

absl::Status CallerRules::RequireCluster(const CallCredentials& call) const {
  if (IsCluster(call)) return absl::OkStatus();
  return MakeError(Reason::kNotCluster, "this call is for members of the cluster only");
}

absl::Status CallerRules::RequireAdmin(const CallCredentials& call) const {
  if (Holds(config_.admin_token, config_.loopback, call)) return absl::OkStatus();
  return MakeError(Reason::kNotAdmin, config_.admin_token
                                          ? "this call is for the admin identity only"
                                          : "this server has no --admin-token-file, so it takes "
                                            "no admin calls beyond loopback");
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_IDENTITY_CALLER_RULES_H_
#define PINTLE_SERVICES_IDENTITY_CALLER_RULES_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "contract/cache_sight.h"
#include "contract/ids.h"
#include "services/identity/tenant_table.h"
#include "services/identity/token_digest.h"

namespace pintle {

// What a process is, which decides whom it believes.
enum class ProcessKind { kCoordinator, kWorker, kWorkerOfCoordinator };

struct IdentityConfig {
  ProcessKind kind = ProcessKind::kWorker;
  // Whether every address it listens on is a loopback one.
  bool loopback = true;
  // Unset: everyone is tenant "default".
  std::optional<TenantTable> tenants;
  std::optional<TokenDigest> cluster_token;
  std::optional<TokenDigest> admin_token;
};

// What one call says about its caller, as its metadata has it; empty where it says nothing.
struct CallCredentials {
  std::string authorization;  // "Bearer TOKEN"
  std::string tenant;         // "x-pintle-tenant"
};

// Who may call what: design section 8, without gRPC.
// Thread: immutable; safe from any thread.
// Fails: UNAUTHENTICATED BAD_TOKEN, PERMISSION_DENIED NOT_ADMIN and NOT_CLUSTER,
// FAILED_PRECONDITION USE_COORDINATOR. Messages never contain a token.
class CallerRules {
 public:
  // FAILED_PRECONDITION, naming the flag, for a coordinator or a worker with --coordinator off
  // loopback without a cluster token: anybody could feed it turns or workers.
  static absl::StatusOr<CallerRules> Create(IdentityConfig config);

  // The tenant of a call. BAD_TOKEN when --tenants is given and the token is none of its.
  absl::StatusOr<TenantId> TenantOf(const CallCredentials& call) const;
  // The same for Inference and Sessions: USE_COORDINATOR on a worker with --coordinator unless the
  // caller is the cluster.
  absl::StatusOr<TenantId> ClientTenantOf(const CallCredentials& call) const;
  // Whose names the caller may see in figures of the cache: a tenant its own, the admin and a
  // coordinator that asks without a tenant all. Errors as TenantOf.
  absl::StatusOr<CacheSight> SightOf(const CallCredentials& call) const;
  // RequireAdmin, or a coordinator that has required it already.
  absl::Status RequireOperator(const CallCredentials& call) const;
  absl::Status RequireCluster(const CallCredentials& call) const;
  absl::Status RequireAdmin(const CallCredentials& call) const;
  // What --tenants says of tenants' shares of a worker's KV pool; none without the file.
  absl::Span<const TenantKvLimits> kv_limits() const {
    if (!config_.tenants) return {};
    return config_.tenants->limits();
  }

 private:
  explicit CallerRules(IdentityConfig config) : config_(std::move(config)) {}

  bool IsCluster(const CallCredentials& call) const;

  IdentityConfig config_;
};

// The tenant of a process without --tenants.
inline constexpr char kDefaultTenant[] = "default";

}  // namespace pintle

#endif  // PINTLE_SERVICES_IDENTITY_CALLER_RULES_H_

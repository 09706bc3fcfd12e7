// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_IDENTITY_TENANT_TABLE_H_
#define PINTLE_SERVICES_IDENTITY_TENANT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "contract/ids.h"
#include "services/identity/token_digest.h"

namespace pintle {

// What a tenant may take of each worker's KV pool, and what of it others may not take.
struct TenantKvLimits {
  TenantId tenant;
  std::int64_t kv_quota_tokens = 0;  // 0: no bound
  std::int64_t kv_floor_tokens = 0;

  friend bool operator==(const TenantKvLimits&, const TenantKvLimits&) = default;
};

// Which bearer token is which tenant: the content of --tenants. One line each: the tenant's name
// ([A-Za-z0-9._-]{1,64}), spaces, the SHA-256 of its token in hex, and if wanted kv_quota_tokens=N
// and kv_floor_tokens=N. Empty lines and lines that begin with # are skipped. A tenant may have
// several tokens, so that they can be rotated; its limits stand in one of its lines.
// Thread: immutable once parsed.
class TenantTable {
 public:
  // More tenants than this want a directory service; each costs one comparison a call.
  static constexpr std::size_t kMaxTokens = 10000;

  // INVALID_FIELD "tenants" naming the line at fault.
  static absl::StatusOr<TenantTable> Parse(absl::string_view text);

  // Compares with every row, found or not, so that the time tells nothing. O(rows).
  std::optional<TenantId> Find(const TokenDigest& token) const;

  std::size_t size() const { return rows_.size(); }
  // Of the tenants that have any, in the order of the file; at most limits::kLimitedTenants.
  const std::vector<TenantKvLimits>& limits() const { return limits_; }

 private:
  // The words of a line after the digest. INVALID_FIELD as Parse.
  absl::Status AddLimits(const TenantId& tenant, const std::string& where,
                         absl::Span<const absl::string_view> words);

  std::vector<std::pair<TokenDigest, TenantId>> rows_;
  std::vector<TenantKvLimits> limits_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_IDENTITY_TENANT_TABLE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_IDENTITY_TENANT_TABLE_H_
#define PINTLE_SERVICES_IDENTITY_TENANT_TABLE_H_

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "contract/ids.h"
#include "services/identity/token_digest.h"

namespace pintle {

// Which bearer token is which tenant: the content of --tenants. One line each: the tenant's name
// ([A-Za-z0-9._-]{1,64}), spaces, the SHA-256 of its token in hex. Empty lines and lines that begin
// with # are skipped. A tenant may have several tokens, so that they can be rotated.
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

 private:
  std::vector<std::pair<TokenDigest, TenantId>> rows_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_IDENTITY_TENANT_TABLE_H_

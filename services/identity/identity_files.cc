// SPDX-License-Identifier: Apache-2.0
#include "services/identity/identity_files.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "contract/status_macros.h"

namespace pintle {
namespace {

constexpr std::size_t kTenantsFileBytes = 2 << 20;  // TenantTable::kMaxTokens lines of 200 bytes
constexpr std::size_t kTokenFileBytes = 4096;

absl::Status Bad(const std::string& flag, const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(flag, " ", path, ": ", what));
}

}  // namespace

absl::StatusOr<std::string> ReadSecretFile(const std::string& flag, const std::string& path,
                                           std::size_t limit) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat(flag, " ", path, ": cannot be opened"));
  std::string text(limit + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return Bad(flag, path, "cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  // A directory opens and reads nothing.
  if (text.empty()) return Bad(flag, path, "is empty");
  if (text.size() > limit) return Bad(flag, path, absl::StrCat("is larger than ", limit, " bytes"));
  return text;
}

absl::StatusOr<std::string> ReadTokenFile(const std::string& flag, const std::string& path) {
  PINTLE_ASSIGN_OR_RETURN(std::string text, ReadSecretFile(flag, path, kTokenFileBytes));
  absl::StripAsciiWhitespace(&text);
  if (text.empty()) return Bad(flag, path, "holds no token");
  const bool visible =
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
  // Anything else cannot travel in a header, and a second line is a mistake.
  if (!visible) return Bad(flag, path, "must hold one token of visible ASCII");
  return text;
}

absl::StatusOr<CallerRules> LoadCallerRules(ProcessKind kind, bool loopback,
                                            const IdentityFiles& files) {
  IdentityConfig config;
  config.kind = kind;
  config.loopback = loopback;
  if (!files.tenants.empty()) {
    PINTLE_ASSIGN_OR_RETURN(const std::string text,
                            ReadSecretFile("--tenants", files.tenants, kTenantsFileBytes));
    absl::StatusOr<TenantTable> table = TenantTable::Parse(text);
    if (!table.ok()) return Bad("--tenants", files.tenants, std::string(table.status().message()));
    config.tenants = *std::move(table);
  }
  if (!files.cluster_token.empty()) {
    PINTLE_ASSIGN_OR_RETURN(const std::string token,
                            ReadTokenFile("--cluster-token-file", files.cluster_token));
    config.cluster_token = TokenDigest::Of(token);
  }
  if (!files.admin_token.empty()) {
    PINTLE_ASSIGN_OR_RETURN(const std::string token,
                            ReadTokenFile("--admin-token-file", files.admin_token));
    config.admin_token = TokenDigest::Of(token);
  }
  return CallerRules::Create(std::move(config));
}

}  // namespace pintle

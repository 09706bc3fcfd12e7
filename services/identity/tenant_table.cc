// SPDX-License-Identifier: Apache-2.0
#include "services/identity/tenant_table.h"

#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/request_rules.h"
#include "contract/status_macros.h"

namespace pintle {
namespace {

// Positions are 32 bits, so no pool holds more.
constexpr std::int64_t kLimitTokensMax = std::numeric_limits<std::int32_t>::max();

}  // namespace

absl::StatusOr<TenantTable> TenantTable::Parse(absl::string_view text) {
  TenantTable table;
  std::size_t number = 0;
  for (const absl::string_view raw : absl::StrSplit(text, '\n')) {
    ++number;
    const absl::string_view line = absl::StripAsciiWhitespace(raw);
    if (line.empty() || line.front() == '#') continue;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    const std::string where = absl::StrCat("line ", number, " ");
    if (words.size() < 2) {
      return InvalidField("tenants", where + "is not a tenant's name and the SHA-256 of its token");
    }
    if (!ValidateName("tenant", words[0]).ok()) {
      return InvalidField("tenants", where + "has a name that is not [A-Za-z0-9._-]{1,64}");
    }
    const std::optional<TokenDigest> digest = TokenDigest::FromHex(words[1]);
    if (!digest) {
      return InvalidField("tenants", where + "has a digest that is not 64 hexadecimal digits");
    }
    if (table.Find(*digest)) {
      return InvalidField("tenants", where + "has the digest of an earlier line");
    }
    if (table.rows_.size() == kMaxTokens) {
      return InvalidField("tenants", absl::StrCat(where, "is beyond the limit of ", kMaxTokens));
    }
    table.rows_.emplace_back(*digest, TenantId(words[0]));
    PINTLE_RETURN_IF_ERROR(
        table.AddLimits(TenantId(words[0]), where, absl::MakeConstSpan(words).subspan(2)));
  }
  // An empty table would lock everyone out; it is a mistake, not a wish.
  if (table.rows_.empty()) return InvalidField("tenants", "names no tenant");
  return table;
}

absl::Status TenantTable::AddLimits(const TenantId& tenant, const std::string& where,
                                    absl::Span<const absl::string_view> words) {
  if (words.empty()) return absl::OkStatus();
  TenantKvLimits row{tenant, 0, 0};
  bool quota = false;
  bool floor = false;
  for (const absl::string_view word : words) {
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(word, absl::MaxSplits('=', 1));
    const bool is_quota = parts.first == "kv_quota_tokens";
    if (!is_quota && parts.first != "kv_floor_tokens") {
      return InvalidField("tenants", where + "has a word after the digest that is not "
                                             "kv_quota_tokens=N or kv_floor_tokens=N");
    }
    if (std::exchange(is_quota ? quota : floor, true)) {
      return InvalidField("tenants", absl::StrCat(where, "has ", parts.first, " twice"));
    }
    std::int64_t& tokens = is_quota ? row.kv_quota_tokens : row.kv_floor_tokens;
    if (!absl::SimpleAtoi(parts.second, &tokens) || tokens < 1 || tokens > kLimitTokensMax) {
      return InvalidField("tenants", absl::StrCat(where, "has a ", parts.first,
                                                  " that is not 1 to ", kLimitTokensMax));
    }
  }
  if (quota && row.kv_floor_tokens > row.kv_quota_tokens) {
    return InvalidField("tenants", absl::StrCat(where, "has a kv_floor_tokens of ",
                                                row.kv_floor_tokens, ", limit is its quota of ",
                                                row.kv_quota_tokens));
  }
  for (const TenantKvLimits& other : limits_) {
    if (other.tenant == tenant) {
      return InvalidField("tenants", where + "gives limits that an earlier line of the tenant has");
    }
  }
  if (limits_.size() == limits::kLimitedTenants) {
    return InvalidField("tenants", absl::StrCat(where, "is the tenant with limits beyond ",
                                                limits::kLimitedTenants));
  }
  limits_.push_back(std::move(row));
  return absl::OkStatus();
}

std::optional<TenantId> TenantTable::Find(const TokenDigest& token) const {
  const std::pair<TokenDigest, TenantId>* found = nullptr;
  for (const auto& row : rows_) {
    if (row.first.Equals(token)) found = &row;
  }
  if (found == nullptr) return std::nullopt;
  return found->second;
}

}  // namespace pintle

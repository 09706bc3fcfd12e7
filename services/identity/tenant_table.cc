// SPDX-License-Identifier: Apache-2.0
#include "services/identity/tenant_table.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "contract/errors.h"
#include "contract/request_rules.h"

namespace pintle {

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
    if (words.size() != 2) {
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
  }
  // An empty table would lock everyone out; it is a mistake, not a wish.
  if (table.rows_.empty()) return InvalidField("tenants", "names no tenant");
  return table;
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

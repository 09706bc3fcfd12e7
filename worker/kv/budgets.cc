// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/budgets.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"

namespace pintle::kv {
namespace {

// Guarantees end with their leases, minutes from now: asking again sooner is of no use.
constexpr absl::Duration kRetryAfter = absl::Seconds(30);

absl::Status Exceeded(Reason reason, const std::string& subject, const std::string& message) {
  ErrorDetail detail;
  detail.reason = reason;
  detail.retry_after = kRetryAfter;
  detail.quotas.push_back({subject, message});
  return MakeError(std::move(detail), message);
}

}  // namespace

Budgets::Budgets(const Options& options) : options_(options) {
  for (const TenantLimit& tenant : options.tenants) {
    numbers_.emplace(tenant.tenant, size());
    Account account;
    account.quota = tenant.quota_tokens == 0
                        ? std::numeric_limits<std::int32_t>::max()
                        : tenant.quota_tokens / options.block_tokens;
    account.floor = (tenant.floor_tokens + options.block_tokens - 1) / options.block_tokens;
    lacking_ += Lacking(account);
    has_floors_ = has_floors_ || account.floor > 0;
    accounts_.push_back(account);
  }
}

std::int32_t Budgets::Find(const TenantId& tenant) const {
  const auto found = numbers_.find(tenant);
  return found == numbers_.end() ? -1 : found->second;
}

std::int64_t Budgets::Lacking(const Account& it) {
  return std::max<std::int64_t>(it.floor - it.used - it.promised, 0);
}

template <typename Change>
void Budgets::Alter(std::int32_t limit, Change change) {
  change(all_);
  if (limit == -1) return;
  Account& it = At(limit);
  lacking_ -= Lacking(it);
  change(it);
  lacking_ += Lacking(it);
}

void Budgets::Reside(std::int32_t limit, std::int64_t blocks) {
  Alter(limit, [blocks](Account& it) { it.resident += blocks; });
}

void Budgets::Use(std::int32_t limit, std::int64_t blocks) {
  Alter(limit, [blocks](Account& it) { it.used += blocks; });
}

void Budgets::Promise(std::int32_t limit, std::int64_t blocks) {
  Alter(limit, [blocks](Account& it) { it.promised += blocks; });
}

std::int64_t Budgets::Room(std::int32_t limit) const {
  const std::int64_t pool =
      options_.blocks - all_.guaranteed - all_.used - all_.promised - lacking_;
  if (limit == -1) return pool;
  const Account& it = account(limit);
  // Its own floor is there for it.
  return std::min(pool + Lacking(it), it.quota - it.guaranteed - it.used - it.promised);
}

absl::Status Budgets::CheckQuota(std::int32_t limit, std::int64_t blocks) const {
  if (limit == -1) return absl::OkStatus();
  const Account& it = account(limit);
  if (blocks <= it.quota - it.guaranteed) return absl::OkStatus();
  return Exceeded(Reason::kTenantQuota, "tenant",
                  absl::StrCat("the turn needs ", blocks * options_.block_tokens,
                               " tokens of KV, the tenant's quota leaves ",
                               (it.quota - it.guaranteed) * options_.block_tokens));
}

absl::Status Budgets::CheckQuotaRoom(std::int32_t limit, std::int64_t blocks) const {
  if (limit == -1) return absl::OkStatus();
  const Account& it = account(limit);
  const std::int64_t room = it.quota - it.guaranteed - it.used - it.promised;
  if (blocks <= room) return absl::OkStatus();
  return Exceeded(Reason::kTenantQuota, "tenant",
                  absl::StrCat("the turn needs ", blocks * options_.block_tokens,
                               " tokens of KV more, running turns leave ",
                               std::max<std::int64_t>(room, 0) * options_.block_tokens,
                               " of the tenant's quota of ", it.quota * options_.block_tokens));
}

std::int64_t Budgets::OverQuota(std::int32_t limit, std::int64_t fresh) const {
  if (limit == -1) return 0;
  return std::max<std::int64_t>(account(limit).resident + fresh - account(limit).quota, 0);
}

std::int64_t Budgets::AboveFloor(std::int32_t limit) const {
  if (limit == -1) return std::numeric_limits<std::int64_t>::max();
  return std::max<std::int64_t>(account(limit).resident - account(limit).floor, 0);
}

absl::Status Budgets::Admit(std::int32_t limit, std::int64_t tokens, std::int64_t blocks) const {
  if (tokens > 0 && guaranteed_tokens_ + tokens > options_.pin_tokens) {
    return Exceeded(Reason::kPinBudget, "pin_budget_tokens",
                    absl::StrCat("the pin asks for ", tokens, " tokens more, the pin budget has ",
                                 options_.pin_tokens - guaranteed_tokens_, " of ",
                                 options_.pin_tokens, " left"));
  }
  if (blocks > 0 && all_.guaranteed + blocks > options_.pin_blocks) {
    return Exceeded(Reason::kPinBudget, "pin_budget_blocks",
                    absl::StrCat("the pin asks for ", blocks, " blocks more, guarantees have ",
                                 options_.pin_blocks - all_.guaranteed, " of ",
                                 options_.pin_blocks, " left"));
  }
  if (limit == -1 || blocks <= 0) return absl::OkStatus();
  const Account& it = account(limit);
  if (it.guaranteed + blocks <= it.quota) return absl::OkStatus();
  return Exceeded(Reason::kTenantQuota, "tenant",
                  absl::StrCat("the pin asks for ", blocks * options_.block_tokens,
                               " tokens of KV, the tenant's quota leaves ",
                               (it.quota - it.guaranteed) * options_.block_tokens));
}

void Budgets::Guarantee(std::int32_t limit, std::int64_t tokens, std::int64_t blocks) {
  guaranteed_tokens_ += tokens;
  Alter(limit, [blocks](Account& it) { it.guaranteed += blocks; });
}

bool Budgets::Crowded(std::int32_t limit) const {
  if (options_.blocks - all_.guaranteed - all_.used - all_.promised - lacking_ < 0) return true;
  if (limit == -1) return false;
  const Account& it = account(limit);
  return it.quota - it.guaranteed - it.used - it.promised < 0;
}

absl::Status Budgets::CheckInvariants() const {
  std::int64_t lacking = 0;
  Account sum;
  for (const Account& it : accounts_) {
    lacking += Lacking(it);
    sum.used += it.used;
    sum.guaranteed += it.guaranteed;
    if (it.used < 0 || it.promised < 0 || it.guaranteed < 0 || it.resident < 0) {
      return absl::InternalError("budgets: a figure is negative");
    }
    if (it.resident > it.quota) return absl::InternalError("budgets: a tenant is over its quota");
  }
  if (lacking != lacking_ || sum.used > all_.used || sum.guaranteed > all_.guaranteed) {
    return absl::InternalError("budgets: sums differ from the accounts");
  }
  if (guaranteed_tokens_ > options_.pin_tokens || all_.guaranteed > options_.pin_blocks) {
    return absl::InternalError("budgets: guarantees exceed the pin budget");
  }
  return absl::OkStatus();
}

}  // namespace pintle::kv

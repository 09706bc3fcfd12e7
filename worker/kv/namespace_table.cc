// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/namespace_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/check.h"

namespace pintle::kv {

NamespaceTable::NamespaceTable(const BlockHash& hash, std::string shared, const Budgets* budgets)
    : hash_(hash), shared_(std::move(shared)), budgets_(budgets) {}

std::string NamespaceTable::NameOf(const TenantId& tenant) const {
  // Lengths keep two different lists of parts from becoming one string.
  return absl::StrCat(tenant.value().size(), ":", tenant.value(), shared_);
}

Hash128 NamespaceTable::RootOf(const TenantId& tenant) const { return hash_.Root(NameOf(tenant)); }

Hash128 NamespaceTable::WideRootOf(const TenantId& tenant) const {
  return hash_.WideRoot(NameOf(tenant));
}

std::string NamespaceTable::PrivateNameOf(const TenantId& tenant, std::uint64_t secret) const {
  // No tenant's name begins so: theirs begin with a length.
  return absl::StrCat("private:", secret, "/", NameOf(tenant));
}

Hash128 NamespaceTable::WideRoot(std::int32_t space) const {
  const Space& it = At(space);
  const TenantId& tenant = it.anonymous.tenant;
  return it.secluded ? hash_.WideRoot(PrivateNameOf(tenant, it.secret)) : WideRootOf(tenant);
}

std::int32_t NamespaceTable::Find(const TenantId& tenant) const {
  const auto found = numbers_.find(tenant);
  return found == numbers_.end() ? -1 : found->second;
}

std::int32_t NamespaceTable::Use(const TenantId& tenant) {
  const auto found = numbers_.find(tenant);
  if (found != numbers_.end()) {
    UseAgain(found->second);
    return found->second;
  }
  const std::int32_t space = TakeNumber();
  At(space) = Space{SessionKey{tenant, SessionId()}, RootOf(tenant), 1};
  At(space).limit = budgets_ == nullptr ? -1 : budgets_->Find(tenant);
  numbers_.emplace(tenant, space);
  return space;
}

std::int32_t NamespaceTable::UsePrivate(const TenantId& tenant, std::uint64_t secret) {
  const std::int32_t space = TakeNumber();
  At(space) = Space{SessionKey{tenant, SessionId()}, hash_.Root(PrivateNameOf(tenant, secret)), 1};
  At(space).limit = budgets_ == nullptr ? -1 : budgets_->Find(tenant);
  At(space).secluded = true;
  At(space).secret = secret;
  return space;
}

std::int32_t NamespaceTable::TakeNumber() {
  if (free_.empty()) {
    spaces_.emplace_back();
    return bound() - 1;
  }
  const std::int32_t space = free_.back();
  free_.pop_back();
  return space;
}

void NamespaceTable::Drop(std::int32_t space) {
  Space& it = At(space);
  PINTLE_CHECK(it.uses > 0, "a namespace is dropped as often as it was used");
  if (--it.uses > 0) return;
  if (!it.secluded) numbers_.erase(it.anonymous.tenant);
  free_.push_back(space);
}

}  // namespace pintle::kv

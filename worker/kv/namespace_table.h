// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_NAMESPACE_TABLE_H_
#define PINTLE_WORKER_KV_NAMESPACE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "contract/ids.h"
#include "worker/kv/block_hash.h"
#include "worker/kv/budgets.h"

namespace pintle::kv {

// Small numbers for the namespaces {tenant, model fingerprint, adapter, KV dtype} in use, so that
// blocks compare one integer. A namespace lives as long as sessions, sequences or first blocks
// count on it, so their number is bounded by theirs.
// Thread: confined to the engine thread. Fails: does not.
class NamespaceTable {
 public:
  // `shared` names what all namespaces of this cache have in common.
  // `budgets` knows the tenants with limits; may be null.
  NamespaceTable(const BlockHash& hash, std::string shared, const Budgets* budgets = nullptr);

  // The namespace's number, or -1 when nothing counts on it.
  std::int32_t Find(const TenantId& tenant) const;
  // Its number, counted once more.
  std::int32_t Use(const TenantId& tenant);
  void UseAgain(std::int32_t space) { ++At(space).uses; }
  // A namespace of the tenant that nobody else finds: its content is trusted by those alone who
  // were given the number. `secret` makes its hashes its own.
  std::int32_t UsePrivate(const TenantId& tenant, std::uint64_t secret);
  bool IsPrivate(std::int32_t space) const { return At(space).secluded; }
  void Drop(std::int32_t space);

  const TenantId& Tenant(std::int32_t space) const { return At(space).anonymous.tenant; }
  // The tenant with no session: on whose behalf one-shots act.
  const SessionKey& Anonymous(std::int32_t space) const { return At(space).anonymous; }
  const Hash128& Root(std::int32_t space) const { return At(space).root; }
  // The tenant's number in Budgets, -1 without limits of its own.
  std::int32_t Limit(std::int32_t space) const { return At(space).limit; }
  std::int64_t Uses(std::int32_t space) const { return At(space).uses; }
  // One more than the largest number in use, ever.
  std::int32_t bound() const { return static_cast<std::int32_t>(spaces_.size()); }
  // The hash before the first block of a tenant that may have no number yet.
  Hash128 RootOf(const TenantId& tenant) const;
  // The same with all its bits: what lower tiers know the namespace by.
  Hash128 WideRootOf(const TenantId& tenant) const;
  Hash128 WideRoot(std::int32_t space) const;

 private:
  std::string NameOf(const TenantId& tenant) const;
  std::string PrivateNameOf(const TenantId& tenant, std::uint64_t secret) const;
  std::int32_t TakeNumber();

  struct Space {
    SessionKey anonymous;
    Hash128 root;
    std::int64_t uses = 0;
    bool secluded = false;
    std::uint64_t secret = 0;
    std::int32_t limit = -1;
  };
  Space& At(std::int32_t space) { return spaces_[static_cast<std::size_t>(space)]; }
  const Space& At(std::int32_t space) const { return spaces_[static_cast<std::size_t>(space)]; }

  const BlockHash& hash_;
  std::string shared_;
  const Budgets* budgets_;
  std::vector<Space> spaces_;
  std::vector<std::int32_t> free_;
  absl::flat_hash_map<TenantId, std::int32_t> numbers_;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_NAMESPACE_TABLE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_BUDGETS_H_
#define PINTLE_WORKER_KV_BUDGETS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "contract/ids.h"

namespace pintle::kv {

// What one tenant may take of the pool, and what of it others may not take.
struct TenantLimit {
  TenantId tenant;
  std::int64_t quota_tokens = 0;  // resident at most; 0: no bound
  std::int64_t floor_tokens = 0;  // resident tokens that are never evicted for another tenant

  friend bool operator==(const TenantLimit&, const TenantLimit&) = default;
};

// Who may still claim how many blocks. Turns without a guarantee ("general") share what guarantees
// and other tenants' floors leave; a guarantee is set aside whole, used or not. Because
//   used + promised + guaranteed + what floors still lack <= all blocks
// holds whatever is shared, nobody's promise can be eaten by another's.
// Thread: confined to the engine thread. Costs: O(1) a call. Fails: Admit says which budget.
class Budgets {
 public:
  struct Options {
    std::int32_t blocks = 0;
    std::int32_t block_tokens = 1;
    std::int64_t pin_tokens = 0;  // the pin budget
    std::int64_t pin_blocks = 0;  // what guarantees may take without starving a maximal request
    std::vector<TenantLimit> tenants;
  };
  explicit Budgets(const Options& options);

  // The tenant's number here, -1 when it has no limits of its own.
  std::int32_t Find(const TenantId& tenant) const;

  // Blocks that are not free, that general sequences refer to, that are promised to them.
  void Reside(std::int32_t limit, std::int64_t blocks);
  void Use(std::int32_t limit, std::int64_t blocks);
  void Promise(std::int32_t limit, std::int64_t blocks);

  // Blocks a general turn of the tenant may claim beyond its promises; negative while guarantees
  // wait for running turns to make way.
  std::int64_t Room(std::int32_t limit) const;
  // Whether a general request of this size could ever be served. TENANT_QUOTA.
  absl::Status CheckQuota(std::int32_t limit, std::int64_t blocks) const;
  // Whether the tenant's quota has so many blocks for a general turn now. TENANT_QUOTA.
  absl::Status CheckQuotaRoom(std::int32_t limit, std::int64_t blocks) const;
  // Blocks of its own that the tenant must give up before it takes `fresh` more.
  std::int64_t OverQuota(std::int32_t limit, std::int64_t fresh) const;
  // Resident blocks that may be evicted for others.
  std::int64_t AboveFloor(std::int32_t limit) const;
  bool has_floors() const { return has_floors_; }

  // Whether guarantees may grow by that much: PIN_BUDGET, TENANT_QUOTA.
  absl::Status Admit(std::int32_t limit, std::int64_t tokens, std::int64_t blocks) const;
  void Guarantee(std::int32_t limit, std::int64_t tokens, std::int64_t blocks);
  // Whether general turns stand on blocks set aside for guarantees.
  bool Crowded(std::int32_t limit) const;

  std::int64_t used() const { return all_.used; }
  std::int64_t promised() const { return all_.promised; }
  std::int64_t guaranteed_tokens() const { return guaranteed_tokens_; }
  std::int64_t guaranteed_blocks() const { return all_.guaranteed; }
  const Options& options() const { return options_; }

  // One tenant's figures, or the sums.
  struct Account {
    std::int64_t quota = 0;  // in blocks
    std::int64_t floor = 0;
    std::int64_t resident = 0;
    std::int64_t used = 0;
    std::int64_t promised = 0;
    std::int64_t guaranteed = 0;

    friend bool operator==(const Account&, const Account&) = default;
  };
  const Account& account(std::int32_t limit) const {
    return accounts_[static_cast<std::size_t>(limit)];
  }
  std::int32_t size() const { return static_cast<std::int32_t>(accounts_.size()); }
  // INTERNAL when sums and floors are not what the accounts say.
  absl::Status CheckInvariants() const;

 private:
  Account& At(std::int32_t limit) { return accounts_[static_cast<std::size_t>(limit)]; }
  // What the floor holds beyond what the tenant's general turns claim already.
  static std::int64_t Lacking(const Account& it);
  template <typename Change>
  void Alter(std::int32_t limit, Change change);

  Options options_;
  std::vector<Account> accounts_;
  absl::flat_hash_map<TenantId, std::int32_t> numbers_;
  Account all_;
  std::int64_t lacking_ = 0;  // sum over accounts
  std::int64_t guaranteed_tokens_ = 0;
  bool has_floors_ = false;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_BUDGETS_H_

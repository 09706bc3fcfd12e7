// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/class_policy.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "contract/status_macros.h"
#include "worker/kv/policy_registry.h"

namespace pintle::kv {

std::int32_t ClassPolicy::ClassTree::Children(BlockIndex block) const {
  const Block& it = pool_[block];
  return kept_ ? it.kept_children : it.children - it.kept_children;
}

absl::StatusOr<std::unique_ptr<ClassPolicy>> ClassPolicy::Create(absl::string_view name,
                                                                 const BlockPool& pool,
                                                                 const BlockTree& tree) {
  std::unique_ptr<ClassPolicy> policy(new ClassPolicy(pool, tree));
  PINTLE_ASSIGN_OR_RETURN(policy->plain_, MakePolicy(name, pool.size(), policy->plain_tree_));
  PINTLE_ASSIGN_OR_RETURN(policy->kept_, MakePolicy(name, pool.size(), policy->kept_tree_));
  return policy;
}

void ClassPolicy::Propose(std::int32_t n, absl::Duration now, Offer offer,
                          std::vector<Victim>* victims) const {
  const std::size_t before = victims->size();
  plain_->Propose(n, now, offer, victims);
  n -= static_cast<std::int32_t>(victims->size() - before);
  if (n > 0) kept_->Propose(n, now, offer, victims);
}

void ClassPolicy::Commit(absl::Span<const Victim> victims, absl::Duration now) {
  const auto first_kept = std::find_if(victims.begin(), victims.end(), [this](const Victim& it) {
    return pool_[it.block].kept;
  });
  const auto plain = static_cast<std::size_t>(first_kept - victims.begin());
  if (plain > 0) plain_->Commit(victims.first(plain), now);
  if (plain < victims.size()) kept_->Commit(victims.subspan(plain), now);
}

bool ClassPolicy::IsEvictable(BlockIndex block) const {
  return pool_[block].kept ? kept_->IsEvictable(block) : plain_->IsEvictable(block);
}

absl::Status ClassPolicy::CheckInvariants() const {
  PINTLE_RETURN_IF_ERROR(plain_->CheckInvariants());
  PINTLE_RETURN_IF_ERROR(kept_->CheckInvariants());
  for (BlockIndex block = 0; block < pool_.size(); ++block) {
    const EvictionPolicy& other = pool_[block].kept ? *plain_ : *kept_;
    if (other.IsEvictable(block)) {
      return absl::InternalError(absl::StrCat("class policy: block ", block, " is in two classes"));
    }
  }
  return absl::OkStatus();
}

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/belady_policy.h"

#include <algorithm>

namespace pintle::laboratory {

Foresight::Foresight(const Trace& trace)
    : start_(static_cast<std::size_t>(trace.nodes()) + 1), requests_(trace.requests()) {
  for (std::int32_t r = 0; r < requests_; ++r) {
    for (const Node node : trace.Path(r)) ++start_[static_cast<std::size_t>(node) + 1];
  }
  for (std::size_t i = 1; i < start_.size(); ++i) start_[i] += start_[i - 1];
  uses_.resize(start_.back());
  std::vector<std::size_t> next(start_.begin(), start_.end() - 1);
  for (std::int32_t r = 0; r < requests_; ++r) {
    for (const Node node : trace.Path(r)) uses_[next[static_cast<std::size_t>(node)]++] = r;
  }
}

std::int32_t Foresight::NextUse(Node node, std::int32_t request) const {
  const auto at = static_cast<std::size_t>(node);
  const auto first = uses_.begin() + static_cast<std::ptrdiff_t>(start_[at]);
  const auto last = uses_.begin() + static_cast<std::ptrdiff_t>(start_[at + 1]);
  const auto found = std::lower_bound(first, last, request);
  return found == last ? requests_ : *found;
}

BeladyPolicy::BeladyPolicy(std::int32_t blocks, const ReplayTree& tree, const Foresight& foresight)
    : tree_(tree), foresight_(foresight), next_use_(static_cast<std::size_t>(blocks), -1) {}

void BeladyPolicy::Insert(BlockIndex /*block*/, absl::Duration /*now*/) {}
void BeladyPolicy::Access(BlockIndex /*block*/, absl::Duration /*now*/) {}
void BeladyPolicy::Changed(BlockIndex /*block*/, absl::Duration /*now*/) {}
void BeladyPolicy::Commit(absl::Span<const kv::Victim> /*victims*/, absl::Duration /*now*/) {}

void BeladyPolicy::Evictable(BlockIndex block, absl::Duration /*now*/) {
  const std::int32_t next = foresight_.NextUse(tree_.NodeOf(block), request_ + 1);
  next_use_[static_cast<std::size_t>(block)] = next;
  order_.insert(Key{next, tree_.Depth(block), block});
  if (tree_.Depth(block) == 0) ++request_;
}

void BeladyPolicy::Protected(BlockIndex block) {
  std::int32_t& next = next_use_[static_cast<std::size_t>(block)];
  order_.erase(Key{next, tree_.Depth(block), block});
  next = -1;
}

void BeladyPolicy::Erase(BlockIndex block) {
  if (IsEvictable(block)) Protected(block);
}

bool BeladyPolicy::IsEvictable(BlockIndex block) const {
  return next_use_[static_cast<std::size_t>(block)] != -1;
}

void BeladyPolicy::Propose(std::int32_t n, absl::Duration /*now*/, kv::Offer offer,
                           std::vector<kv::Victim>* victims) const {
  // A parent's next use is never after its child's, and it is less deep: children come first.
  std::set<BlockIndex> kept;
  for (const Key& key : order_) {
    if (n <= 0) return;
    if (kept.count(key.block) > 0 || !offer(key.block)) {
      kept.insert(tree_.Parent(key.block));
      continue;
    }
    victims->push_back(kv::Victim{key.block, -static_cast<double>(key.next_use)});
    --n;
  }
}

absl::Status BeladyPolicy::CheckInvariants() const {
  const auto listed = std::count_if(next_use_.begin(), next_use_.end(),
                                    [](std::int32_t next) { return next != -1; });
  if (static_cast<std::size_t>(listed) != order_.size()) {
    return absl::InternalError("belady: a block is not in the order");
  }
  return absl::OkStatus();
}

}  // namespace pintle::laboratory

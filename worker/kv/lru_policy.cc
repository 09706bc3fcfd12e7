// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/lru_policy.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "contract/check.h"

namespace pintle::kv {

LruPolicy::LruPolicy(std::int32_t blocks, const BlockTree& tree)
    : tree_(tree), entries_(static_cast<std::size_t>(blocks)) {}

// Only the time a block comes out of use counts, and that is Evictable's.
void LruPolicy::Insert(BlockIndex /*block*/, absl::Duration /*now*/) {}
void LruPolicy::Access(BlockIndex /*block*/, absl::Duration /*now*/) {}
void LruPolicy::Changed(BlockIndex /*block*/, absl::Duration /*now*/) {}

void LruPolicy::Evictable(BlockIndex block, absl::Duration now) {
  Entry& it = At(block);
  PINTLE_CHECK(!it.listed, "Evictable and Protected alternate");
  it = Entry{newest_, kNoBlock, true, absl::ToDoubleSeconds(now)};
  (newest_ == kNoBlock ? oldest_ : At(newest_).newer) = block;
  newest_ = block;
}

void LruPolicy::Protected(BlockIndex block) {
  Entry& it = At(block);
  PINTLE_CHECK(it.listed, "Evictable and Protected alternate");
  (it.older == kNoBlock ? oldest_ : At(it.older).newer) = it.newer;
  (it.newer == kNoBlock ? newest_ : At(it.newer).older) = it.older;
  it.listed = false;
}

void LruPolicy::Erase(BlockIndex block) {
  if (At(block).listed) Protected(block);
}

void LruPolicy::Propose(std::int32_t n, absl::Duration /*now*/, Offer offer,
                        std::vector<Victim>* victims) const {
  absl::flat_hash_set<BlockIndex> kept;  // parents of blocks that stay; empty unless some do
  for (BlockIndex at = oldest_; at != kNoBlock && n > 0; at = At(at).newer) {
    if ((!kept.empty() && kept.contains(at)) || !offer(at)) {
      kept.insert(tree_.Parent(at));
      continue;
    }
    victims->push_back(Victim{at, At(at).since_seconds});
    --n;
  }
}

void LruPolicy::Commit(absl::Span<const Victim> /*victims*/, absl::Duration /*now*/) {}

absl::Status LruPolicy::CheckInvariants() const {
  std::size_t linked = 0;
  BlockIndex before = kNoBlock;
  for (BlockIndex at = oldest_; at != kNoBlock; before = at, at = At(at).newer) {
    if (!At(at).listed || At(at).older != before || ++linked > entries_.size()) {
      return absl::InternalError("lru: the list of evictable blocks is broken");
    }
  }
  const auto listed = std::count_if(entries_.begin(), entries_.end(),
                                    [](const Entry& entry) { return entry.listed; });
  if (before != newest_ || static_cast<std::size_t>(listed) != linked) {
    return absl::InternalError("lru: a listed block is not in the list");
  }
  return absl::OkStatus();
}

}  // namespace pintle::kv

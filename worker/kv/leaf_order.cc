// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/leaf_order.h"

#include "contract/check.h"

namespace pintle::kv {

LeafOrder::LeafOrder(std::int32_t blocks, const BlockTree& tree, std::int32_t lanes)
    : tree_(tree), entries_(static_cast<std::size_t>(blocks)), changes_(blocks) {
  lanes_.reserve(static_cast<std::size_t>(lanes));
  for (std::int32_t lane = 0; lane < lanes; ++lane) lanes_.emplace_back(blocks);
}

void LeafOrder::PushLeaf(BlockIndex block) {
  const Entry& it = At(block);
  LaneOf(it).Push(block, BlockKey{it.rank.score, it.arrival});
  if (it.rank.until != absl::InfiniteDuration()) {
    changes_.Push(block, BlockKey{absl::ToDoubleSeconds(it.rank.until), it.arrival});
  }
}

void LeafOrder::EraseLeaf(BlockIndex block) {
  LaneOf(At(block)).Erase(block);
  if (changes_.Contains(block)) changes_.Erase(block);
}

void LeafOrder::Add(BlockIndex block, const LeafRank& rank) {
  Entry& it = At(block);
  PINTLE_CHECK(!it.listed, "Evictable and Protected alternate");
  it.rank = rank;
  it.arrival = ++arrivals_;
  it.parent = tree_.Parent(block);
  it.listed = true;
  if (it.children == 0) PushLeaf(block);
  if (it.parent == kNoBlock) return;
  // The parent is in use as a rule; evictable it stops to be a leaf.
  Entry& parent = At(it.parent);
  if (parent.children++ == 0 && parent.listed) EraseLeaf(it.parent);
}

void LeafOrder::Remove(BlockIndex block) {
  Entry& it = At(block);
  PINTLE_CHECK(it.listed, "Evictable and Protected alternate");
  if (it.children == 0) EraseLeaf(block);
  it.listed = false;
  if (it.parent == kNoBlock) return;
  Entry& parent = At(it.parent);
  if (--parent.children == 0 && parent.listed) PushLeaf(it.parent);
}

void LeafOrder::Change(BlockIndex block, const LeafRank& rank) {
  Entry& it = At(block);
  PINTLE_CHECK(it.listed, "only an evictable block has a rank");
  if (it.children == 0) EraseLeaf(block);
  it.rank = rank;
  if (it.children == 0) PushLeaf(block);
}

void LeafOrder::Advance(absl::Duration now) {
  while (!changes_.nodes().empty()) {
    const BlockIndex block = changes_.nodes().front().block;
    LeafRank rank = At(block).rank;
    if (rank.until > now) return;
    rank.score = rank.later_score;
    rank.until = absl::InfiniteDuration();
    Change(block, rank);
  }
}

absl::Status LeafOrder::CheckInvariants() const {
  std::vector<std::int32_t> children(entries_.size(), 0);
  for (const Entry& entry : entries_) {
    if (entry.listed && entry.parent != kNoBlock) {
      ++children[static_cast<std::size_t>(entry.parent)];
    }
  }
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    const auto block = static_cast<BlockIndex>(i);
    if (entry.children != children[i]) {
      return absl::InternalError("leaf order: a block's evictable children are miscounted");
    }
    if (entry.listed && entry.parent != tree_.Parent(block)) {
      return absl::InternalError("leaf order: an evictable block changed its parent");
    }
    const bool leaf = entry.listed && entry.children == 0;
    for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
      const bool here = leaf && static_cast<std::size_t>(entry.rank.lane) == lane;
      if (lanes_[lane].Contains(block) != here) {
        return absl::InternalError("leaf order: a lane is not its leaves");
      }
    }
    if (changes_.Contains(block) != (leaf && entry.rank.until != absl::InfiniteDuration())) {
      return absl::InternalError("leaf order: a change to come is not noted");
    }
  }
  for (const BlockHeap& lane : lanes_) {
    if (absl::Status status = lane.CheckInvariants(); !status.ok()) return status;
  }
  return changes_.CheckInvariants();
}

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/slru_policy.h"

#include <algorithm>

namespace pintle::kv {

SlruPolicy::SlruPolicy(std::int32_t blocks, const BlockTree& tree)
    : protected_max_(std::max(1, blocks / 5 * 4 + blocks % 5 * 4 / 5)),
      segments_(static_cast<std::size_t>(blocks), kProbation),
      lists_(blocks, 2),
      order_(blocks, tree, 2),
      walk_(order_) {}

void SlruPolicy::Insert(BlockIndex block, absl::Duration /*now*/) {
  SegmentOf(block) = kProbation;
}

void SlruPolicy::Access(BlockIndex block, absl::Duration /*now*/) {
  const bool evictable = order_.Contains(block);
  if (evictable) Leave(block);
  if (SegmentOf(block) == kProbation) {
    SegmentOf(block) = kProtected;
    ++protected_;
  }
  if (evictable) Enter(block);
}

void SlruPolicy::Enter(BlockIndex block) {
  const Segment segment = SegmentOf(block);
  LeafRank rank;
  rank.score = ++turn_;
  rank.lane = segment;
  lists_.Append(segment, block);
  order_.Add(block, rank);
  // Blocks in use cannot be moved; they are the most recent ones anyway.
  while (protected_ > protected_max_ && lists_.Oldest(kProtected) != kNoBlock) {
    const BlockIndex oldest = lists_.Oldest(kProtected);
    lists_.Remove(oldest);
    lists_.Append(kProbation, oldest);
    SegmentOf(oldest) = kProbation;
    --protected_;
    rank.score = ++turn_;
    rank.lane = kProbation;
    order_.Change(oldest, rank);
  }
}

void SlruPolicy::Leave(BlockIndex block) {
  order_.Remove(block);
  lists_.Remove(block);
}

void SlruPolicy::Evictable(BlockIndex block, absl::Duration /*now*/) { Enter(block); }
void SlruPolicy::Protected(BlockIndex block) { Leave(block); }
void SlruPolicy::Changed(BlockIndex /*block*/, absl::Duration /*now*/) {}

void SlruPolicy::Erase(BlockIndex block) {
  if (order_.Contains(block)) Leave(block);
  if (SegmentOf(block) == kProtected) --protected_;
  SegmentOf(block) = kProbation;
}

void SlruPolicy::Propose(std::int32_t n, absl::Duration now, Offer offer,
                         std::vector<Victim>* victims) const {
  walk_.Begin(now);
  while (n > 0) {
    // A protected block that goes may free parents on probation.
    const std::int32_t lane =
        walk_.Next(kProbation).block != kNoBlock ? kProbation : kProtected;
    const LeafWalk::Leaf leaf = walk_.Next(lane);
    if (leaf.block == kNoBlock) return;
    if (!offer(leaf.block)) {
      walk_.Keep(lane);
      continue;
    }
    victims->push_back(Victim{leaf.block, static_cast<double>(lane)});
    walk_.Take(lane);
    --n;
  }
}

void SlruPolicy::Commit(absl::Span<const Victim> /*victims*/, absl::Duration /*now*/) {}

absl::Status SlruPolicy::CheckInvariants() const {
  const auto counted = std::count(segments_.begin(), segments_.end(), kProtected);
  if (counted != protected_) return absl::InternalError("slru: the protected are miscounted");
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    const auto block = static_cast<BlockIndex>(i);
    if (order_.Contains(block) != lists_.Contains(block) ||
        (order_.Contains(block) && order_.Lane(block) != segments_[i])) {
      return absl::InternalError("slru: a block is in two segments");
    }
  }
  if (absl::Status status = lists_.CheckInvariants(); !status.ok()) return status;
  return order_.CheckInvariants();
}

}  // namespace pintle::kv

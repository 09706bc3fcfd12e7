// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/s3fifo_policy.h"

#include <algorithm>

namespace pintle::kv {
namespace {

// The paper's numbers: the small queue is a tenth, two bits count uses, and more than one of them
// moves a block to the main queue.
constexpr std::int32_t kSmallShare = 10;
constexpr std::int32_t kUsesMax = 3;
constexpr std::int32_t kUsesToMove = 2;

}  // namespace

S3FifoPolicy::S3FifoPolicy(std::int32_t blocks, const BlockTree& tree)
    : tree_(tree),
      small_max_(std::max(1, blocks / kSmallShare)),
      entries_(static_cast<std::size_t>(blocks)),
      ghosts_(blocks - small_max_),
      order_(blocks, tree, 2),
      walk_(order_) {}

void S3FifoPolicy::Insert(BlockIndex block, absl::Duration /*now*/) { At(block) = Entry{}; }

void S3FifoPolicy::Access(BlockIndex block, absl::Duration /*now*/) {
  Entry& it = At(block);
  it.uses = std::min(it.uses + 1, kUsesMax);
}

void S3FifoPolicy::PutInto(Queue queue, BlockIndex block) {
  Entry& it = At(block);
  if (it.queue != kNone) --Size(it.queue);
  it.queue = queue;
  it.turn = ++turn_;
  ++Size(queue);
}

void S3FifoPolicy::Evictable(BlockIndex block, absl::Duration /*now*/) {
  if (At(block).queue == kNone) {
    PutInto(ghosts_.Take(tree_.Content(block)) ? kMain : kSmall, block);
  }
  LeafRank rank;
  rank.score = At(block).turn;
  rank.lane = At(block).queue;
  order_.Add(block, rank);
}

void S3FifoPolicy::Protected(BlockIndex block) { order_.Remove(block); }
void S3FifoPolicy::Changed(BlockIndex /*block*/, absl::Duration /*now*/) {}

void S3FifoPolicy::Erase(BlockIndex block) {
  if (order_.Contains(block)) order_.Remove(block);
  if (At(block).queue != kNone) --Size(At(block).queue);
  At(block) = Entry{};
}

void S3FifoPolicy::Play(std::int32_t n, absl::Duration now,
                        absl::FunctionRef<bool(BlockIndex, Queue)> goes) const {
  walk_.Begin(now);
  moved_.clear();
  std::int32_t small = sizes_[kSmall];
  double turn = turn_;
  while (n > 0) {
    const LeafWalk::Leaf from_small = walk_.Next(kSmall);
    const LeafWalk::Leaf from_main = walk_.Next(kMain);
    const bool take_small = from_small.block != kNoBlock &&
                            (small >= small_max_ || from_main.block == kNoBlock);
    const LeafWalk::Leaf& leaf = take_small ? from_small : from_main;
    if (leaf.block == kNoBlock) return;
    const Queue lane = take_small ? kSmall : kMain;
    const Entry& it = At(leaf.block);
    // Uses are spent: by the move to the main queue all, by a round there one.
    const std::int32_t uses = it.queue == kMain ? it.uses - leaf.moves
                              : leaf.moves > 0  ? 0
                                                : it.uses;
    if (uses >= (take_small ? kUsesToMove : 1)) {
      walk_.Move(lane, kMain, ++turn);
      moved_.push_back(leaf.block);
      if (take_small) --small;
    } else if (goes(leaf.block, lane)) {
      walk_.Take(lane);
      if (take_small) --small;
      --n;
    } else {
      walk_.Keep(lane);
    }
  }
}

void S3FifoPolicy::Propose(std::int32_t n, absl::Duration now, Offer offer,
                           std::vector<Victim>* victims) const {
  Play(n, now, [&](BlockIndex block, Queue queue) {
    if (!offer(block)) return false;
    victims->push_back(Victim{block, static_cast<double>(queue)});
    return true;
  });
}

void S3FifoPolicy::Commit(absl::Span<const Victim> victims, absl::Duration now) {
  for (const Victim& victim : victims) At(victim.block).going = true;
  Play(static_cast<std::int32_t>(victims.size()), now, [&](BlockIndex block, Queue queue) {
    if (!At(block).going) return false;
    if (queue == kSmall) ghosts_.Add(tree_.Content(block));
    return true;
  });
  for (const Victim& victim : victims) At(victim.block).going = false;
  for (const BlockIndex block : moved_) {
    Entry& it = At(block);
    it.uses = it.queue == kMain ? it.uses - 1 : 0;
    PutInto(kMain, block);
    LeafRank rank;
    rank.score = it.turn;
    rank.lane = kMain;
    order_.Change(block, rank);
  }
}

absl::Status S3FifoPolicy::CheckInvariants() const {
  std::int32_t counted[3] = {0, 0, 0};
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& it = entries_[i];
    if (it.queue != kNone) ++counted[it.queue];
    const auto block = static_cast<BlockIndex>(i);
    if (order_.Contains(block) && order_.Lane(block) != it.queue) {
      return absl::InternalError("s3fifo: a block is in two queues");
    }
    if (it.uses < 0 || it.uses > kUsesMax) return absl::InternalError("s3fifo: uses out of range");
  }
  if (counted[kSmall] != sizes_[kSmall] || counted[kMain] != sizes_[kMain]) {
    return absl::InternalError("s3fifo: a queue is miscounted");
  }
  return order_.CheckInvariants();
}

}  // namespace pintle::kv

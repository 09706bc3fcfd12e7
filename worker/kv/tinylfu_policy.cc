// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/tinylfu_policy.h"

#include <algorithm>

#include "contract/check.h"

namespace pintle::kv {
namespace {

// The paper's default: 1 % window; four fifths of the rest protected.
constexpr std::int32_t kWindowShare = 100;

}  // namespace

TinyLfuPolicy::TinyLfuPolicy(std::int32_t blocks, const BlockTree& tree)
    : tree_(tree),
      window_max_(std::max(1, blocks / kWindowShare)),
      main_max_(std::max(1, blocks - window_max_)),
      protected_max_(std::max(1, main_max_ / 5 * 4 + main_max_ % 5 * 4 / 5)),
      entries_(static_cast<std::size_t>(blocks)),
      sketch_(blocks),
      lists_(blocks, 3),
      order_(blocks, tree, 3),
      walk_(order_) {}

std::int32_t TinyLfuPolicy::Frequency(BlockIndex block) const {
  const std::uint64_t content = tree_.Content(block);
  return content != 0 ? sketch_.Count(content) : At(block).uses;
}

void TinyLfuPolicy::See(BlockIndex block) {
  Entry& it = At(block);
  it.uses = std::min(it.uses + 1, FrequencySketch::kCountMax);
  const std::uint64_t content = tree_.Content(block);
  if (content != 0) sketch_.Add(content);
}

void TinyLfuPolicy::PutInto(Segment segment, BlockIndex block) {
  Entry& it = At(block);
  --sizes_[it.segment];
  it.segment = segment;
  ++sizes_[segment];
}

void TinyLfuPolicy::Insert(BlockIndex block, absl::Duration /*now*/) {
  At(block) = Entry{};
  ++sizes_[kNone];
  PutInto(kWindow, block);
  At(block).uses = 1;
}

void TinyLfuPolicy::Access(BlockIndex block, absl::Duration /*now*/) {
  const bool evictable = order_.Contains(block);
  if (evictable) Leave(block);
  See(block);
  if (At(block).segment == kProbation) PutInto(kProtected, block);
  if (evictable) {
    Enter(block);
    Balance();
  }
}

void TinyLfuPolicy::Enter(BlockIndex block) {
  const Segment segment = At(block).segment;
  LeafRank rank;
  rank.score = ++turn_;
  rank.lane = segment;
  lists_.Append(segment, block);
  order_.Add(block, rank);
}

void TinyLfuPolicy::Leave(BlockIndex block) {
  order_.Remove(block);
  lists_.Remove(block);
}

void TinyLfuPolicy::MoveTo(Segment segment, BlockIndex block) {
  lists_.Remove(block);
  lists_.Append(segment, block);
  PutInto(segment, block);
  LeafRank rank;
  rank.score = ++turn_;
  rank.lane = segment;
  order_.Change(block, rank);
}

void TinyLfuPolicy::Balance() {
  while (sizes_[kWindow] > window_max_ && sizes_[kProbation] + sizes_[kProtected] < main_max_ &&
         lists_.Oldest(kWindow) != kNoBlock) {
    MoveTo(kProbation, lists_.Oldest(kWindow));
  }
  while (sizes_[kProtected] > protected_max_ && lists_.Oldest(kProtected) != kNoBlock) {
    MoveTo(kProbation, lists_.Oldest(kProtected));
  }
}

void TinyLfuPolicy::Evictable(BlockIndex block, absl::Duration /*now*/) {
  // The content has no name before it is whole.
  Entry& it = At(block);
  if (!it.seen && tree_.Content(block) != 0) {
    it.seen = true;
    sketch_.Add(tree_.Content(block));
  }
  Enter(block);
  Balance();
}

void TinyLfuPolicy::Protected(BlockIndex block) { Leave(block); }
void TinyLfuPolicy::Changed(BlockIndex /*block*/, absl::Duration /*now*/) {}

void TinyLfuPolicy::Erase(BlockIndex block) {
  if (order_.Contains(block)) Leave(block);
  PutInto(kNone, block);
  --sizes_[kNone];
  At(block) = Entry{};
}

void TinyLfuPolicy::Play(
    std::int32_t n, absl::Duration now,
    absl::FunctionRef<bool(BlockIndex, std::int32_t frequency)> goes) const {
  walk_.Begin(now);
  admitted_.clear();
  // What is free is for blocks that will enter the window, and so is each place that is made.
  std::int32_t window = static_cast<std::int32_t>(entries_.size()) - sizes_[kProbation] -
                        sizes_[kProtected];
  double turn = turn_;
  while (n > 0) {
    const BlockIndex candidate = walk_.Next(kWindow).block;
    const Segment segment = walk_.Next(kProbation).block != kNoBlock ? kProbation : kProtected;
    const BlockIndex resident = walk_.Next(segment).block;
    if (candidate == kNoBlock && resident == kNoBlock) return;
    const bool contest = candidate != kNoBlock && resident != kNoBlock && window >= window_max_;
    bool candidate_goes = resident == kNoBlock;
    if (contest) candidate_goes = Frequency(candidate) <= Frequency(resident);
    const Segment lane = candidate_goes ? kWindow : segment;
    const BlockIndex loser = candidate_goes ? candidate : resident;
    if (!goes(loser, Frequency(loser))) {
      walk_.Keep(lane);
      continue;
    }
    walk_.Take(lane);
    --n;
    if (candidate_goes) continue;
    ++window;
    if (contest) {
      // The resident's parent may have joined its own lane; the winner is still next in its own.
      PINTLE_CHECK(walk_.Next(kWindow).block != kNoBlock, "the winner is in the window");
      if (walk_.Next(kWindow).block != candidate) continue;
      walk_.Move(kWindow, kProbation, ++turn);
      admitted_.push_back(candidate);
      --window;
    }
  }
}

void TinyLfuPolicy::Propose(std::int32_t n, absl::Duration now, Offer offer,
                            std::vector<Victim>* victims) const {
  Play(n, now, [&](BlockIndex block, std::int32_t frequency) {
    if (!offer(block)) return false;
    victims->push_back(Victim{block, static_cast<double>(frequency)});
    return true;
  });
}

void TinyLfuPolicy::Commit(absl::Span<const Victim> victims, absl::Duration now) {
  for (const Victim& victim : victims) At(victim.block).going = true;
  Play(static_cast<std::int32_t>(victims.size()), now,
       [&](BlockIndex block, std::int32_t /*frequency*/) { return At(block).going; });
  for (const Victim& victim : victims) At(victim.block).going = false;
  for (const BlockIndex block : admitted_) MoveTo(kProbation, block);
}

absl::Status TinyLfuPolicy::CheckInvariants() const {
  std::int32_t counted[4] = {0, 0, 0, 0};
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const Entry& it = entries_[i];
    if (it.segment != kNone) ++counted[it.segment];
    const auto block = static_cast<BlockIndex>(i);
    if (order_.Contains(block) != lists_.Contains(block) ||
        (order_.Contains(block) && order_.Lane(block) != it.segment)) {
      return absl::InternalError("tinylfu: a block is in two segments");
    }
  }
  if (!std::equal(std::begin(counted), std::end(counted), std::begin(sizes_))) {
    return absl::InternalError("tinylfu: a segment is miscounted");
  }
  if (absl::Status status = lists_.CheckInvariants(); !status.ok()) return status;
  return order_.CheckInvariants();
}

}  // namespace pintle::kv

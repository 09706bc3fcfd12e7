// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/timed_leaves.h"

#include "contract/check.h"

namespace pintle::kv {

TimedLeaves::TimedLeaves(std::int32_t blocks) : nodes_(static_cast<std::size_t>(blocks)) {}

std::uint32_t TimedLeaves::Weight(BlockIndex block) {
  // A multiplicative hash, twice folded: neighbours get unrelated weights.
  auto z = static_cast<std::uint64_t>(block) + 1;
  z = (z ^ (z >> 15)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 31)) * 0x94D049BB133111EBU;
  return static_cast<std::uint32_t>(z >> 32);
}

bool TimedLeaves::Before(BlockIndex a, BlockIndex b) const {
  const Node& x = At(a);
  const Node& y = At(b);
  if (x.group != y.group) return x.group < y.group;
  if (x.time != y.time) return x.time < y.time;
  return a < b;
}

void TimedLeaves::Add(BlockIndex block, std::uint32_t group, absl::Duration time) {
  PINTLE_CHECK(!At(block).held, "a leaf is listed once");
  At(block) = Node{time, group, kNoBlock, kNoBlock, true};
  ++size_;
  // Down to where the new node's weight belongs, then the subtree there is split around it.
  BlockIndex* link = &root_;
  while (*link != kNoBlock && Weight(*link) >= Weight(block)) {
    link = Before(*link, block) ? &At(*link).right : &At(*link).left;
  }
  BlockIndex rest = *link;
  *link = block;
  BlockIndex* smaller = &At(block).left;
  BlockIndex* larger = &At(block).right;
  while (rest != kNoBlock) {
    if (Before(rest, block)) {
      *smaller = rest;
      smaller = &At(rest).right;
      rest = *smaller;
    } else {
      *larger = rest;
      larger = &At(rest).left;
      rest = *larger;
    }
  }
  *smaller = kNoBlock;
  *larger = kNoBlock;
}

BlockIndex TimedLeaves::Merge(BlockIndex left, BlockIndex right) {
  BlockIndex top = kNoBlock;
  BlockIndex* link = &top;
  while (left != kNoBlock && right != kNoBlock) {
    if (Weight(left) >= Weight(right)) {
      *link = left;
      link = &At(left).right;
      left = *link;
    } else {
      *link = right;
      link = &At(right).left;
      right = *link;
    }
  }
  *link = left != kNoBlock ? left : right;
  return top;
}

void TimedLeaves::Remove(BlockIndex block) {
  PINTLE_CHECK(At(block).held, "only a listed leaf is taken out");
  BlockIndex* link = &root_;
  while (*link != block) link = Before(*link, block) ? &At(*link).right : &At(*link).left;
  *link = Merge(At(block).left, At(block).right);
  At(block).held = false;
  --size_;
}

BlockIndex TimedLeaves::FirstFrom(std::uint32_t group) const {
  BlockIndex found = kNoBlock;
  for (BlockIndex at = root_; at != kNoBlock;) {
    if (At(at).group >= group) {
      found = at;
      at = At(at).left;
    } else {
      at = At(at).right;
    }
  }
  return found;
}

BlockIndex TimedLeaves::FirstAfter(std::uint32_t group, absl::Duration time) const {
  BlockIndex found = kNoBlock;
  for (BlockIndex at = root_; at != kNoBlock;) {
    const Node& it = At(at);
    if (it.group > group || (it.group == group && it.time > time)) {
      found = at;
      at = it.left;
    } else {
      at = it.right;
    }
  }
  return found;
}

BlockIndex TimedLeaves::Next(BlockIndex block) const {
  BlockIndex found = kNoBlock;
  for (BlockIndex at = root_; at != kNoBlock;) {
    if (Before(block, at)) {
      found = at;
      at = At(at).left;
    } else {
      at = At(at).right;
    }
  }
  return found;
}

bool TimedLeaves::Sound() const {
  std::int32_t reached = 0;
  BlockIndex before = kNoBlock;
  for (BlockIndex at = FirstFrom(0); at != kNoBlock; before = at, at = Next(at)) {
    const Node& it = At(at);
    const bool heap = (it.left == kNoBlock || Weight(it.left) <= Weight(at)) &&
                      (it.right == kNoBlock || Weight(it.right) <= Weight(at));
    if (!it.held || !heap || (before != kNoBlock && !Before(before, at)) || ++reached > size_) {
      return false;
    }
  }
  return reached == size_;
}

}  // namespace pintle::kv

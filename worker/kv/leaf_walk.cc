// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/leaf_walk.h"

#include <algorithm>

#include "contract/check.h"

namespace pintle::kv {

LeafWalk::LeafWalk(const LeafOrder& order)
    : order_(order), lanes_(order.lanes_.size()), taken_(order.entries_.size()) {}

void LeafWalk::Push(std::int32_t lane, const Item& item) {
  std::vector<Item>& items = Lane(lane);
  items.push_back(item);
  std::push_heap(items.begin(), items.end(), After);
}

void LeafWalk::Begin(absl::Duration now) {
  now_ = now;
  if (++walk_ == 0) {
    std::fill(taken_.begin(), taken_.end(), Taken{});
    walk_ = 1;
  }
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    lanes_[lane].clear();
    const std::vector<BlockHeap::Node>& nodes = order_.lanes_[lane].nodes();
    if (!nodes.empty()) lanes_[lane].push_back(Item{nodes[0].key, nodes[0].block, 0, 0});
  }
  // Leaves whose score changed since the order last advanced stand in the wrong place of the heap:
  // they get an item of their own.
  const std::vector<BlockHeap::Node>& changes = order_.changes_.nodes();
  const double now_seconds = absl::ToDoubleSeconds(now);
  pending_.clear();
  if (!changes.empty()) pending_.push_back(0);
  while (!pending_.empty()) {
    const std::size_t place = pending_.back();
    pending_.pop_back();
    if (changes[place].key.score > now_seconds) continue;
    const LeafOrder::Entry& entry = order_.At(changes[place].block);
    if (entry.rank.until <= now) {
      Push(entry.rank.lane, Item{LeafOrder::KeyAt(entry, now), changes[place].block, -1, 0});
    }
    const std::size_t first = place * BlockHeap::kArity + 1;
    const std::size_t end = std::min(first + BlockHeap::kArity, changes.size());
    for (std::size_t child = first; child < end; ++child) pending_.push_back(child);
  }
}

bool LeafWalk::IsStale(const Item& item) const {
  return item.place >= 0 && order_.At(item.block).rank.until <= now_;
}

LeafWalk::Item LeafWalk::Pop(std::int32_t lane) {
  std::vector<Item>& items = Lane(lane);
  PINTLE_CHECK(!items.empty(), "a walk goes on while there are leaves");
  std::pop_heap(items.begin(), items.end(), After);
  const Item item = items.back();
  items.pop_back();
  if (item.place < 0) return item;
  const auto& nodes = order_.lanes_[static_cast<std::size_t>(lane)].nodes();
  const std::size_t first = static_cast<std::size_t>(item.place) * BlockHeap::kArity + 1;
  const std::size_t end = std::min(first + BlockHeap::kArity, nodes.size());
  for (std::size_t place = first; place < end; ++place) {
    Push(lane, Item{nodes[place].key, nodes[place].block, static_cast<std::int32_t>(place), 0});
  }
  return item;
}

LeafWalk::Leaf LeafWalk::Next(std::int32_t lane) {
  const std::vector<Item>& items = Lane(lane);
  while (!items.empty() && IsStale(items.front())) Pop(lane);
  if (items.empty()) return Leaf{};
  return Leaf{items.front().block, items.front().key.score, items.front().moves};
}

void LeafWalk::Take(std::int32_t lane) {
  const BlockIndex parent = order_.At(Pop(lane).block).parent;
  if (parent == kNoBlock) return;
  const LeafOrder::Entry& entry = order_.At(parent);
  if (!entry.listed) return;
  Taken& taken = taken_[static_cast<std::size_t>(parent)];
  if (taken.walk != walk_) taken = Taken{walk_, 0};
  if (++taken.children < entry.children) return;
  Push(entry.rank.lane, Item{LeafOrder::KeyAt(entry, now_), parent, -1, 0});
}

void LeafWalk::Keep(std::int32_t lane) { Pop(lane); }

void LeafWalk::Move(std::int32_t lane, std::int32_t to, double score) {
  Item item = Pop(lane);
  item.key.score = score;
  item.place = -1;
  ++item.moves;
  Push(to, item);
}

void LeafWalk::Propose(std::int32_t n, absl::Duration now, Offer offer,
                       std::vector<Victim>* victims) {
  Begin(now);
  while (n > 0) {
    const Leaf leaf = Next();
    if (leaf.block == kNoBlock) return;
    if (!offer(leaf.block)) {
      Keep();
      continue;
    }
    victims->push_back(Victim{leaf.block, leaf.score});
    Take();
    --n;
  }
}

}  // namespace pintle::kv

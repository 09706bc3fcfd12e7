// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/block_heap.h"

#include <algorithm>

#include "contract/check.h"

namespace pintle::kv {

BlockHeap::BlockHeap(std::int32_t blocks) : places_(static_cast<std::size_t>(blocks), -1) {
  nodes_.reserve(static_cast<std::size_t>(blocks));
}

void BlockHeap::Put(std::size_t place, const Node& node) {
  nodes_[place] = node;
  places_[At(node.block)] = static_cast<std::int32_t>(place);
}

void BlockHeap::SiftUp(std::size_t place, const Node& node) {
  while (place > 0) {
    const std::size_t up = (place - 1) / kArity;
    if (!(node.key < nodes_[up].key)) break;
    Put(place, nodes_[up]);
    place = up;
  }
  Put(place, node);
}

void BlockHeap::SiftDown(std::size_t place, const Node& node) {
  while (true) {
    const std::size_t first = place * kArity + 1;
    const std::size_t end = std::min(first + kArity, nodes_.size());
    if (first >= end) break;
    std::size_t least = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (nodes_[child].key < nodes_[least].key) least = child;
    }
    if (!(nodes_[least].key < node.key)) break;
    Put(place, nodes_[least]);
    place = least;
  }
  Put(place, node);
}

void BlockHeap::Push(BlockIndex block, const BlockKey& key) {
  PINTLE_CHECK(!Contains(block), "a block is in a heap once");
  nodes_.emplace_back();
  SiftUp(nodes_.size() - 1, Node{key, block});
}

void BlockHeap::Erase(BlockIndex block) {
  PINTLE_CHECK(Contains(block), "only what is in a heap leaves it");
  const auto place = static_cast<std::size_t>(places_[At(block)]);
  places_[At(block)] = -1;
  const Node last = nodes_.back();
  nodes_.pop_back();
  if (place == nodes_.size()) return;
  if (place > 0 && last.key < nodes_[(place - 1) / kArity].key) {
    SiftUp(place, last);
  } else {
    SiftDown(place, last);
  }
}

absl::Status BlockHeap::CheckInvariants() const {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (places_[At(nodes_[i].block)] != static_cast<std::int32_t>(i)) {
      return absl::InternalError("heap: a block is not where its place says");
    }
    if (i > 0 && nodes_[i].key < nodes_[(i - 1) / kArity].key) {
      return absl::InternalError("heap: a node goes before the one above it");
    }
  }
  const auto placed =
      std::count_if(places_.begin(), places_.end(), [](std::int32_t place) { return place >= 0; });
  if (static_cast<std::size_t>(placed) != nodes_.size()) {
    return absl::InternalError("heap: a place points to no node");
  }
  return absl::OkStatus();
}

}  // namespace pintle::kv

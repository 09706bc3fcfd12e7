// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_WORKER_KV_POLICY_TREE_H_
#define PINTLE_TESTS_WORKER_KV_POLICY_TREE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/kv/eviction_policy.h"

namespace pintle::kv {

// A forest and facts as a test wants them, and the few moves policies' tests are told in. Blocks
// are first blocks of their chains unless Chain says otherwise; each is full of 16 tokens.
class PolicyTree : public BlockTree {
 public:
  explicit PolicyTree(std::int32_t blocks)
      : nodes(static_cast<std::size_t>(blocks)), facts(static_cast<std::size_t>(blocks)) {
    for (BlockFacts& it : facts) it.tokens = 16;
  }

  struct Node {
    BlockIndex parent = kNoBlock;
    std::int32_t children = 0;
    std::int32_t depth = 0;
    std::uint64_t content = 0;
  };
  Node& At(BlockIndex block) { return nodes[static_cast<std::size_t>(block)]; }
  const Node& At(BlockIndex block) const { return nodes[static_cast<std::size_t>(block)]; }

  // Each block continues the one before it.
  void Chain(const std::vector<BlockIndex>& blocks) {
    for (std::size_t i = 1; i < blocks.size(); ++i) {
      At(blocks[i]).parent = blocks[i - 1];
      At(blocks[i]).depth = static_cast<std::int32_t>(i);
      ++At(blocks[i - 1]).children;
    }
  }

  BlockIndex Parent(BlockIndex block) const override { return At(block).parent; }
  std::int32_t Children(BlockIndex block) const override { return At(block).children; }
  std::int32_t Depth(BlockIndex block) const override { return At(block).depth; }
  BlockFacts Facts(BlockIndex block) const override {
    return facts[static_cast<std::size_t>(block)];
  }
  std::uint64_t Content(BlockIndex block) const override { return At(block).content; }

  std::vector<Node> nodes;
  std::vector<BlockFacts> facts;
};

// A block is written and comes out of use.
inline void Write(EvictionPolicy& policy, BlockIndex block, absl::Duration now) {
  policy.Insert(block, now);
  policy.Evictable(block, now);
}

// A turn uses the block again.
inline void Use(EvictionPolicy& policy, BlockIndex block, absl::Duration now) {
  policy.Protected(block);
  policy.Access(block, now);
  policy.Evictable(block, now);
}

inline std::vector<BlockIndex> Order(const EvictionPolicy& policy, std::int32_t n,
                                     absl::Duration now, Offer offer = OfferAll) {
  std::vector<Victim> victims;
  policy.Propose(n, now, offer, &victims);
  std::vector<BlockIndex> blocks;
  for (const Victim& victim : victims) blocks.push_back(victim.block);
  return blocks;
}

// Evicts the `n` blocks proposed.
inline std::vector<BlockIndex> Evict(EvictionPolicy& policy, std::int32_t n, absl::Duration now) {
  std::vector<Victim> victims;
  policy.Propose(n, now, OfferAll, &victims);
  policy.Commit(victims, now);
  std::vector<BlockIndex> blocks;
  for (const Victim& victim : victims) {
    policy.Erase(victim.block);
    blocks.push_back(victim.block);
  }
  return blocks;
}

}  // namespace pintle::kv

#endif  // PINTLE_TESTS_WORKER_KV_POLICY_TREE_H_

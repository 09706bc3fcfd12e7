// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_BLOCK_POOL_H_
#define PINTLE_WORKER_KV_BLOCK_POOL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/ids.h"
#include "worker/kv/block_hash.h"
#include "worker/kv/eviction_policy.h"
#include "worker/kv/kv_stats.h"

namespace pintle::kv {

// All that is known of one block. Blocks form a forest: a block's parent holds the positions just
// before its own, and no two full siblings hold equal tokens.
struct Block {
  Hash128 hash;  // chain hash; set while `indexed`
  absl::Duration taken_at = absl::ZeroDuration();
  absl::Duration last_use = absl::ZeroDuration();
  // Latest end of the marks in its subtree, since it has some; zero without.
  absl::Duration kept_until = absl::ZeroDuration();
  BlockIndex parent = kNoBlock;
  BlockIndex next = kNoBlock;    // of the free list, or of the prefix index's bucket
  std::int32_t depth = 0;        // its place in the chain, from 0
  std::int32_t children = 0;     // blocks whose parent this is
  std::int32_t filled = 0;       // leading positions whose K and V are written and kept
  std::int32_t table_refs = 0;   // running sequences that have it in their table
  std::int32_t source_refs = 0;  // running sequences that copy from it
  std::int32_t general_refs = 0;  // of both, those that draw from no guarantee
  std::int32_t tails = 0;        // sessions whose chain ends here
  std::int32_t first_tail = -1;  // head of their list in the session table
  std::int32_t space = -1;       // namespace
  std::int32_t reuse = 0;        // times a turn found it again
  std::int32_t guarantees = 0;   // guarantees that weigh here, and children that have some
  std::int32_t retentions = 0;   // retained marks that weigh here, and children that have some
  std::int32_t kept_children = 0;  // children that are `kept`
  std::int32_t priority = -1;    // largest of the retained marks in its subtree, since it has some
  BlockState state = BlockState::kFree;
  bool indexed = false;    // findable: full, and nobody's speculation
  bool cached = false;     // kept for its own sake, though no session holds it
  bool preempted = false;  // kept since a preemption; its eviction is PREEMPTED
  bool kept = false;       // some live pin of its subtree keeps it: of the second class to go

  bool referenced() const { return table_refs + source_refs > 0; }
};

// The fixed set of blocks: metadata, token ids for verification, free list, counts by state.
// Allocates only when made. Thread: confined to the engine thread.
// Fails: TakeFree requires a free block; it never evicts by itself.
class BlockPool : public BlockTree {
 public:
  BlockPool(std::int32_t blocks, std::int32_t block_tokens);

  std::int32_t size() const { return static_cast<std::int32_t>(blocks_.size()); }
  std::int32_t block_tokens() const { return block_tokens_; }
  std::int32_t free_blocks() const { return static_cast<std::int32_t>(Count(BlockState::kFree)); }

  Block& operator[](BlockIndex block) { return blocks_[static_cast<std::size_t>(block)]; }
  const Block& operator[](BlockIndex block) const {
    return blocks_[static_cast<std::size_t>(block)];
  }
  absl::Span<TokenId> TokensOf(BlockIndex block);
  absl::Span<const TokenId> TokensOf(BlockIndex block) const;

  // A clean block, in use. Requires: free_blocks() > 0.
  BlockIndex TakeFree();
  // Back to the free list. Requires: nothing refers to it.
  void GiveBack(BlockIndex block);

  void SetState(BlockIndex block, BlockState state);
  void SetFilled(BlockIndex block, std::int32_t filled);
  std::int64_t Count(BlockState state) const { return counts_[At(state)]; }
  const ByState& counts() const { return counts_; }
  const ByState& tokens() const { return tokens_by_state_; }

  BlockIndex Parent(BlockIndex block) const override { return (*this)[block].parent; }
  std::int32_t Children(BlockIndex block) const override { return (*this)[block].children; }
  std::int32_t Depth(BlockIndex block) const override { return (*this)[block].depth; }
  // What a block knows of itself; its sessions are Holdings' to add.
  BlockFacts Facts(BlockIndex block) const override;
  std::uint64_t Content(BlockIndex block) const override {
    return (*this)[block].indexed ? (*this)[block].hash.low : 0;
  }

 private:
  std::int32_t block_tokens_;
  std::vector<Block> blocks_;
  std::vector<TokenId> tokens_;
  BlockIndex free_ = kNoBlock;
  ByState counts_{};
  ByState tokens_by_state_{};
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_BLOCK_POOL_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_LABORATORY_REPLAY_TREE_H_
#define PINTLE_WORKER_LABORATORY_REPLAY_TREE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/kv/eviction_policy.h"
#include "worker/laboratory/chain_sessions.h"
#include "worker/laboratory/trace.h"

namespace pintle::laboratory {

// The resident blocks of a replay and the sessions that end in them: a policy asks it what it asks
// the worker's cache.
// Thread: one. Allocates only when made. Fails: does not; Take requires a free block.
class ReplayTree : public kv::BlockTree {
 public:
  ReplayTree(const Trace& trace, const std::vector<Turn>& turns, std::int32_t blocks);

  BlockIndex Parent(BlockIndex block) const override { return At(block).parent; }
  std::int32_t Children(BlockIndex block) const override { return At(block).children; }
  std::int32_t Depth(BlockIndex block) const override { return At(block).depth; }
  kv::BlockFacts Facts(BlockIndex block) const override;
  // The node: a place in the trie of all prompts, so equal after an eviction too.
  std::uint64_t Content(BlockIndex block) const override {
    return static_cast<std::uint64_t>(At(block).node) + 1;
  }

  // The block that holds `node`, kNoBlock when none does.
  BlockIndex Find(Node node) const { return resident_[static_cast<std::size_t>(node)]; }
  Node NodeOf(BlockIndex block) const { return At(block).node; }
  std::int32_t resident() const { return resident_count_; }

  // Requires: resident() < blocks, the node's parent resident.
  BlockIndex Take(Node node);
  void CountReuse(BlockIndex block) { ++At(block).reuse; }
  // The session's chain ends in `block` from now on. Answers where it ended before.
  BlockIndex Hold(const Turn& turn, BlockIndex block);
  // The block's sessions end in its parent from now on.
  void Recede(BlockIndex block);
  // Requires: no children, no session ends here.
  void Free(BlockIndex block);

 private:
  struct Block {
    Node node = kNoNode;
    BlockIndex parent = kNoBlock;
    std::int32_t children = 0;
    std::int32_t depth = 0;
    std::int32_t reuse = 0;
    std::int32_t sessions = 0;
    std::int32_t first_session = -1;
  };
  struct SessionPlace {
    BlockIndex tail = kNoBlock;
    std::int32_t turns = 0;
    std::int32_t next = -1;  // of the sessions that end in the same block
    std::int32_t previous = -1;
  };
  Block& At(BlockIndex block) { return blocks_[static_cast<std::size_t>(block)]; }
  const Block& At(BlockIndex block) const { return blocks_[static_cast<std::size_t>(block)]; }
  SessionPlace& Of(std::int32_t session) { return sessions_[static_cast<std::size_t>(session)]; }
  void Unlink(std::int32_t session);
  void Link(std::int32_t session, BlockIndex block);

  const Trace& trace_;
  std::vector<Block> blocks_;
  std::vector<BlockIndex> free_;
  std::vector<BlockIndex> resident_;  // by node
  std::vector<SessionPlace> sessions_;
  std::int32_t resident_count_ = 0;
};

}  // namespace pintle::laboratory

#endif  // PINTLE_WORKER_LABORATORY_REPLAY_TREE_H_

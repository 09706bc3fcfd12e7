// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/replay_tree.h"

#include <algorithm>

#include "contract/check.h"

namespace pintle::laboratory {

ReplayTree::ReplayTree(const Trace& trace, const std::vector<Turn>& turns, std::int32_t blocks)
    : trace_(trace),
      blocks_(static_cast<std::size_t>(blocks)),
      resident_(static_cast<std::size_t>(trace.nodes()), kNoBlock) {
  std::int32_t sessions = 0;
  for (const Turn& turn : turns) sessions = std::max(sessions, turn.session + 1);
  sessions_.resize(static_cast<std::size_t>(sessions));
  free_.reserve(blocks_.size());
  for (BlockIndex block = blocks - 1; block >= 0; --block) free_.push_back(block);
}

kv::BlockFacts ReplayTree::Facts(BlockIndex block) const {
  const Block& it = At(block);
  kv::BlockFacts facts;
  facts.tokens = 1;  // traces name whole blocks
  facts.reuse = it.reuse;
  facts.sessions = it.sessions;
  for (std::int32_t s = it.first_session; s != -1;
       s = sessions_[static_cast<std::size_t>(s)].next) {
    const SessionPlace& place = sessions_[static_cast<std::size_t>(s)];
    if (place.turns <= facts.turns) continue;
    facts.turns = place.turns;
    facts.session = static_cast<std::uint64_t>(s) + 1;
  }
  return facts;
}

BlockIndex ReplayTree::Take(Node node) {
  PINTLE_CHECK(!free_.empty(), "the replay makes room for its longest request");
  const BlockIndex block = free_.back();
  free_.pop_back();
  Block& it = At(block);
  it = Block{};
  it.node = node;
  if (const Node before = trace_.Parent(node); before != kNoNode) {
    it.parent = Find(before);
    it.depth = At(it.parent).depth + 1;
    ++At(it.parent).children;
  }
  resident_[static_cast<std::size_t>(node)] = block;
  ++resident_count_;
  return block;
}

void ReplayTree::Unlink(std::int32_t session) {
  SessionPlace& it = Of(session);
  Block& block = At(it.tail);
  --block.sessions;
  (it.previous == -1 ? block.first_session : Of(it.previous).next) = it.next;
  if (it.next != -1) Of(it.next).previous = it.previous;
  it.tail = kNoBlock;
}

void ReplayTree::Link(std::int32_t session, BlockIndex block) {
  SessionPlace& it = Of(session);
  Block& tail = At(block);
  it.tail = block;
  it.previous = -1;
  it.next = tail.first_session;
  if (it.next != -1) Of(it.next).previous = session;
  tail.first_session = session;
  ++tail.sessions;
}

BlockIndex ReplayTree::Hold(const Turn& turn, BlockIndex block) {
  const BlockIndex before = Of(turn.session).tail;
  if (before != kNoBlock) Unlink(turn.session);
  Of(turn.session).turns = turn.number;
  Link(turn.session, block);
  return before;
}

void ReplayTree::Recede(BlockIndex block) {
  const BlockIndex parent = At(block).parent;
  while (At(block).first_session != -1) {
    const std::int32_t session = At(block).first_session;
    Unlink(session);
    if (parent != kNoBlock) Link(session, parent);
  }
}

void ReplayTree::Free(BlockIndex block) {
  Block& it = At(block);
  PINTLE_CHECK(it.children == 0 && it.sessions == 0, "only an unused leaf goes");
  if (it.parent != kNoBlock) --At(it.parent).children;
  resident_[static_cast<std::size_t>(it.node)] = kNoBlock;
  --resident_count_;
  free_.push_back(block);
}

}  // namespace pintle::laboratory

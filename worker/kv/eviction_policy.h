// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_EVICTION_POLICY_H_
#define PINTLE_WORKER_KV_EVICTION_POLICY_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/ids.h"

namespace pintle::kv {

// One proposed victim. Scores order the proposal: the lowest goes first.
struct Victim {
  BlockIndex block = kNoBlock;
  double score = 0;

  friend bool operator==(const Victim&, const Victim&) = default;
};

// What a policy may know of the tree of blocks; answers stay true between two events.
class BlockTree {
 public:
  virtual ~BlockTree() = default;
  // The block of the positions just before, kNoBlock for a first block.
  virtual BlockIndex Parent(BlockIndex block) const = 0;
  // Resident blocks that continue this one; 0 makes it a leaf.
  virtual std::int32_t Children(BlockIndex block) const = 0;
  // Index of the block in its chain, from 0.
  virtual std::int32_t Depth(BlockIndex block) const = 0;
};

// Orders eviction candidates; it never protects anything. A deterministic state machine fed with
// events: equal events give equal proposals. Time is an argument and never runs backwards.
// Thread: confined to the engine thread. Allocates only when made. Fails: it does not.
//
// The cache promises: events name valid blocks; Insert comes first and Erase last; Evictable and
// Protected alternate, a new block being protected; a block becomes evictable only when all its
// children are, and children are announced before their parents.
class EvictionPolicy {
 public:
  virtual ~EvictionPolicy() = default;

  virtual absl::string_view name() const = 0;

  // The block was taken from the free list for a sequence.
  virtual void Insert(BlockIndex block, absl::Duration now) = 0;
  // A sequence began to use the block's content again.
  virtual void Access(BlockIndex block, absl::Duration now) = 0;
  // Nothing uses the block any more: it may be proposed.
  virtual void Evictable(BlockIndex block, absl::Duration now) = 0;
  // The block is in use again: it must not be proposed.
  virtual void Protected(BlockIndex block) = 0;
  // The block went back to the free list, for whatever reason.
  virtual void Erase(BlockIndex block) = 0;

  // Appends up to `n` evictable blocks to `victims` in the order they should go, each after all
  // its children; fewer only when fewer are evictable. Changes nothing.
  virtual void Propose(std::int32_t n, absl::Duration now, std::vector<Victim>* victims) const = 0;
  // The proposal is being carried out: applies the moves that are part of it. Every victim's
  // Erase follows. Requires: a prefix of what Propose would answer now.
  virtual void Commit(absl::Span<const Victim> victims, absl::Duration now) = 0;

  // The policy's own bookkeeping, for CheckInvariants: whether `block` may be proposed.
  virtual bool IsEvictable(BlockIndex block) const = 0;
  virtual absl::Status CheckInvariants() const = 0;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_EVICTION_POLICY_H_

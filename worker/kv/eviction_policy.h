// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_EVICTION_POLICY_H_
#define PINTLE_WORKER_KV_EVICTION_POLICY_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/ids.h"
#include "contract/pin.h"

namespace pintle::kv {

// One proposed victim. Scores order the proposal: the lowest goes first.
struct Victim {
  BlockIndex block = kNoBlock;
  double score = 0;

  friend bool operator==(const Victim&, const Victim&) = default;
};

// What the cache knows of one block beyond its place in the tree. Where several sessions end in
// the block the one likeliest to come back speaks for all.
struct BlockFacts {
  std::int32_t tokens = 0;    // positions written
  std::int32_t reuse = 0;     // times a turn found it again
  std::int32_t sessions = 0;  // whose chain ends here; 0 inside a chain and for cache content
  std::int32_t turns = 0;     // committed turns of the session, 0 when none ends here
  // Names the session for as long as the cache knows it, 0 when none ends here: a policy may learn
  // from it when sessions come back.
  std::uint64_t session = 0;
  SessionOutlook outlook = SessionOutlook::kOpen;
  // When the client said it would be back, on the cache's clock; infinite when it said nothing.
  absl::Duration expected_return = absl::InfiniteDuration();
  // Of `retained` pins, 0 to 100; kDefaultPriority without one.
  std::int32_t priority = 50;
  // When the pin's TTL or lease ends; zero without one.
  absl::Duration retained_until = absl::ZeroDuration();
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
  // O(sessions that end in the block).
  virtual BlockFacts Facts(BlockIndex block) const = 0;
  // Names what a full block and all before it hold: equal content has an equal name, also after an
  // eviction. 0 while the block is not full. For policies that remember what is gone.
  virtual std::uint64_t Content(BlockIndex /*block*/) const { return 0; }
};

// Which of the evictable blocks are on offer in one proposal (tenants' floors and quotas). Those
// that are not stay, and with them all their ancestors.
using Offer = absl::FunctionRef<bool(BlockIndex)>;
// Everything is on offer.
inline bool OfferAll(BlockIndex /*block*/) { return true; }

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
  // The block's facts changed while it is evictable: a hint, a priority, a session that ended.
  virtual void Changed(BlockIndex block, absl::Duration now) = 0;
  // The block went back to the free list, for whatever reason.
  virtual void Erase(BlockIndex block) = 0;

  // Appends up to `n` evictable blocks on offer to `victims` in the order they should go, each
  // after all its children; fewer only when no more can go. Changes nothing.
  virtual void Propose(std::int32_t n, absl::Duration now, Offer offer,
                       std::vector<Victim>* victims) const = 0;
  // The proposal is being carried out: applies the moves that are part of it. Every victim's
  // Erase follows. Requires: a prefix of what Propose would answer now.
  virtual void Commit(absl::Span<const Victim> victims, absl::Duration now) = 0;

  // The policy's own bookkeeping, for CheckInvariants: whether `block` may be proposed.
  virtual bool IsEvictable(BlockIndex block) const = 0;
  virtual absl::Status CheckInvariants() const = 0;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_EVICTION_POLICY_H_

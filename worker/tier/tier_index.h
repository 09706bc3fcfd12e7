// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TIER_TIER_INDEX_H_
#define PINTLE_WORKER_TIER_TIER_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/ids.h"
#include "worker/kv/block_hash.h"

namespace pintle::tier {

// One block of a lower tier; its place in the index is its slot.
struct TierBlock {
  kv::Hash128 hash;
  kv::Hash128 parent;
  TenantId tenant;
  Position first_position = 0;
  std::int32_t tokens = 0;    // written positions
  std::int32_t holders = 0;   // sessions whose KV ends in it
  std::int32_t guards = 0;    // promises that it and all before it stay
  std::int32_t reuse = 0;     // times it was read back
  std::int32_t busy = 0;      // operations under way and turns that are about to read it
  bool used = false;          // the slot has content, or had when it became busy
  bool listed = false;        // it can be found
  absl::Duration stored_at = absl::ZeroDuration();
  absl::Duration last_use = absl::ZeroDuration();
  std::int32_t older = -1;  // neighbours in order of use
  std::int32_t newer = -1;
  std::int32_t next_sibling = -1;  // neighbours among blocks with the same parent
  std::int32_t previous_sibling = -1;
};

// What a lower tier holds, by content: the keyed chain hash names the whole history, and the
// block's own tokens are compared besides. Blocks go least recently used first, a block that
// others continue after those.
// Thread: confined to one. Memory: a fixed number of blocks and their tokens, made at the start.
// Fails: Add answers -1 when no slot is free.
class TierIndex {
 public:
  TierIndex(std::int32_t slots, std::int32_t block_tokens);

  // The block of exactly this chain, or -1.
  std::int32_t Find(const kv::Hash128& hash) const;
  std::int32_t Find(const kv::Hash128& hash, absl::Span<const TokenId> tokens) const;
  // The block after `parent` that begins with most of `rest`, and how much of it; -1 when none
  // does. Looks at a bounded number of blocks.
  struct Part {
    std::int32_t slot = -1;
    std::int32_t tokens = 0;
  };
  Part FindPart(const kv::Hash128& parent, absl::Span<const TokenId> rest) const;
  // Whether a block continues this one.
  bool HasChildren(std::int32_t slot) const;
  void ForEachChild(std::int32_t slot, absl::FunctionRef<void(std::int32_t)> visit) const;

  // A new block in a free slot. Requires: Find(hash) would answer -1.
  std::int32_t Add(TierBlock block, absl::Span<const TokenId> tokens);
  // The same in the slot it lies in already (start-up). Requires: the slot is free.
  void AddAt(std::int32_t slot, TierBlock block, absl::Span<const TokenId> tokens);
  // The block cannot be found any more; its slot is free once it is not busy.
  void Remove(std::int32_t slot);
  // An operation begins, or ends. A removed block's slot is free after its last.
  void Occupy(std::int32_t slot);
  void Vacate(std::int32_t slot);
  void Touch(std::int32_t slot, absl::Duration now);
  // The block that should go first and can: no child, not busy, not guarded. Guarded blocks it
  // comes across go to the end of the order. -1 when there is none nearby.
  std::int32_t TakeVictim();

  TierBlock& operator[](std::int32_t slot) { return blocks_[static_cast<std::size_t>(slot)]; }
  const TierBlock& operator[](std::int32_t slot) const {
    return blocks_[static_cast<std::size_t>(slot)];
  }
  absl::Span<const TokenId> TokensOf(std::int32_t slot) const;
  std::int32_t slots() const { return static_cast<std::int32_t>(blocks_.size()); }
  std::int32_t free_slots() const { return static_cast<std::int32_t>(free_.size()); }
  // Blocks with operations under way, and the tokens of those that can be found.
  std::int32_t busy_blocks() const { return busy_blocks_; }
  std::int64_t busy_tokens() const { return busy_tokens_; }
  std::int32_t size() const { return static_cast<std::int32_t>(by_hash_.size()); }

  // INTERNAL names what is broken.
  absl::Status CheckInvariants() const;

 private:
  void Link(std::int32_t slot);
  void Unlink(std::int32_t slot);
  void LinkNewest(std::int32_t slot);
  void UnlinkUse(std::int32_t slot);

  std::int32_t block_tokens_;
  std::vector<TierBlock> blocks_;
  std::vector<TokenId> tokens_;
  std::vector<std::int32_t> free_;
  absl::flat_hash_map<kv::Hash128, std::int32_t> by_hash_;
  absl::flat_hash_map<kv::Hash128, std::int32_t> first_child_;
  std::int32_t busy_blocks_ = 0;
  std::int64_t busy_tokens_ = 0;
  std::int32_t oldest_ = -1;
  std::int32_t newest_ = -1;
};

}  // namespace pintle::tier

#endif  // PINTLE_WORKER_TIER_TIER_INDEX_H_

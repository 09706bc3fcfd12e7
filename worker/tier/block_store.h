// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TIER_BLOCK_STORE_H_
#define PINTLE_WORKER_TIER_BLOCK_STORE_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "worker/kv/kv_stats.h"
#include "worker/tier/block_label.h"

namespace pintle::tier {

// A fixed number of slots, each for one KV block and its label. Moves bytes and waits for them;
// StoreQueue keeps that off the engine thread. What a slot means is LowerTier's.
// Thread: confined to one thread at a time, the constant figures to none.
// Fails: per block, and only that block is lost: NOT_FOUND (the slot is empty), DATA_LOSS (what is
// there is not what was written), RESOURCE_EXHAUSTED (no room on the medium), INTERNAL (the medium
// failed), INVALID_ARGUMENT (the label is longer than a slot's). A failed Write leaves the slot
// empty, damaged or as it was, never with a mixture that Read would answer.
class BlockStore {
 public:
  virtual ~BlockStore() = default;

  virtual kv::KvTier tier() const = 0;
  virtual std::int32_t slots() const = 0;
  virtual std::size_t block_bytes() const = 0;
  // Of one slot on the medium, label included.
  virtual std::size_t slot_bytes() const = 0;

  // Requires (all): 0 <= slot < slots(), bytes.size() == block_bytes().
  virtual absl::Status Write(std::int32_t slot, const BlockLabel& label,
                             absl::Span<const std::byte> bytes) = 0;
  virtual absl::Status Read(std::int32_t slot, BlockLabel* label, absl::Span<std::byte> bytes) = 0;
  // The label alone; the content is not looked at.
  virtual absl::Status ReadLabel(std::int32_t slot, BlockLabel* label) = 0;
  // Makes the slot empty.
  virtual absl::Status Erase(std::int32_t slot) = 0;
};

}  // namespace pintle::tier

#endif  // PINTLE_WORKER_TIER_BLOCK_STORE_H_

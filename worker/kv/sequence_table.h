// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_SEQUENCE_TABLE_H_
#define PINTLE_WORKER_KV_SEQUENCE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/types/span.h"
#include "contract/ids.h"
#include "worker/kv/kv_sequence.h"

namespace pintle::kv {

// What a sequence's pending copy on write is waiting for.
enum class CopyStage : std::uint8_t { kNone, kPending, kTaken };

// One running sequence: blocks [0, ceil(tokens / block_tokens)) are written, the rest only grown.
struct Sequence {
  bool live = false;
  std::int32_t session = -1;  // -1: a one-shot or a fork
  std::int32_t space = -1;
  std::int32_t blocks = 0;  // length of the block table
  Position tokens = 0;      // written and kept
  Position own = 0;         // leading tokens that the session held already
  std::int32_t cached_session = 0;
  std::int32_t cached_prefix = 0;
  std::int32_t reserved = 0;
  // A turn on a guaranteed session, and its choices: whose budget they draw from and how long their
  // tables may get. -1: the sequence is general, as most are.
  std::int32_t funder = -1;
  std::int32_t blocks_cap = 0;
  std::int32_t funded_blocks = 0;  // of the whole turn
  Position prompt = 0;             // where its choices part
  BlockCopy copy;
  CopyStage copy_stage = CopyStage::kNone;
};

// Fixed slots for running sequences and their block tables, in one allocation made at the start
// (pages of tables never used are never touched).
// Thread: confined to the engine thread. Fails: Take answers -1 when all slots are used.
class SequenceTable {
 public:
  SequenceTable(std::int32_t sequences_max, std::int32_t blocks_max);

  std::int32_t Take();
  void GiveBack(std::int32_t slot);
  bool HasRoom() const { return !free_.empty(); }

  Sequence& operator[](std::int32_t slot) { return slots_[static_cast<std::size_t>(slot)]; }
  const Sequence& operator[](std::int32_t slot) const {
    return slots_[static_cast<std::size_t>(slot)];
  }
  // The whole room for a table; its first Sequence::blocks entries are meant.
  BlockIndex* Table(std::int32_t slot) {
    return tables_.get() + static_cast<std::size_t>(slot) * static_cast<std::size_t>(blocks_max_);
  }
  absl::Span<const BlockIndex> TableOf(std::int32_t slot) const;

  std::int32_t blocks_max() const { return blocks_max_; }
  std::int32_t bound() const { return static_cast<std::int32_t>(slots_.size()); }

 private:
  std::int32_t blocks_max_;
  std::vector<Sequence> slots_;
  std::vector<std::int32_t> free_;
  std::unique_ptr<BlockIndex[]> tables_;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_SEQUENCE_TABLE_H_

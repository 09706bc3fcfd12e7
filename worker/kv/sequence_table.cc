// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/sequence_table.h"

#include "contract/check.h"

namespace pintle::kv {

SequenceTable::SequenceTable(std::int32_t sequences_max, std::int32_t blocks_max)
    : blocks_max_(blocks_max),
      slots_(static_cast<std::size_t>(sequences_max)),
      // Without initialisation: a page costs memory only once a table reaches it.
      tables_(new BlockIndex[static_cast<std::size_t>(sequences_max) *
                             static_cast<std::size_t>(blocks_max)]) {
  free_.reserve(slots_.size());
  for (std::int32_t slot = sequences_max; slot-- > 0;) free_.push_back(slot);
}

std::int32_t SequenceTable::Take() {
  if (free_.empty()) return -1;
  const std::int32_t slot = free_.back();
  free_.pop_back();
  (*this)[slot] = Sequence{};
  (*this)[slot].live = true;
  return slot;
}

void SequenceTable::GiveBack(std::int32_t slot) {
  PINTLE_CHECK((*this)[slot].live, "a slot is given back once");
  (*this)[slot].live = false;
  free_.push_back(slot);
}

absl::Span<const BlockIndex> SequenceTable::TableOf(std::int32_t slot) const {
  const BlockIndex* table =
      tables_.get() + static_cast<std::size_t>(slot) * static_cast<std::size_t>(blocks_max_);
  return absl::MakeConstSpan(table, static_cast<std::size_t>((*this)[slot].blocks));
}

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/regret_meter.h"

#include <algorithm>
#include <cstddef>

namespace pintle::kv {

RegretMeter::RegretMeter(const BlockHash& hash, std::int32_t block_tokens, std::int32_t ghosts_max)
    : hash_(hash), block_tokens_(block_tokens), ghosts_(ghosts_max) {}

void RegretMeter::Evicted(const EvictionRecord& record) {
  if (record.tokens == 0) return;
  const Ghost ghost{record.tokens, record.reason};
  if (record.tokens == block_tokens_) {
    ghosts_.AddFull(record.hash, ghost);
  } else {
    ghosts_.AddTail(record.hash, record.parent_hash, ghost);
  }
}

Position RegretMeter::Charge(const Ghost& ghost, Position start, Position from, Position to) {
  const Position end = std::min(start + ghost.tokens, to);
  if (end > from) tokens_[At(ghost.reason)] += end - from;
  return std::max(from, end);
}

void RegretMeter::Began(const KvLookup& lookup, absl::Duration /*now*/) {
  const auto size = static_cast<Position>(lookup.tokens.size());
  // The last token is computed in any case.
  const Position limit = size - 1;
  Hash128 before = lookup.root;
  for (Position start = 0; start < limit && ghosts_.size() > 0; start += block_tokens_) {
    const auto rest = lookup.tokens.subspan(static_cast<std::size_t>(start));
    const auto room = static_cast<Position>(rest.size());
    const bool full = room >= block_tokens_;
    Position covered = std::max(start, lookup.found);
    Hash128 hash;
    if (full) {
      hash = hash_.Extend(before, rest.first(static_cast<std::size_t>(block_tokens_)));
      // A ghost of what was found came back without being prefilled: it is forgotten, not charged.
      if (const auto ghost = ghosts_.Take(hash)) covered = Charge(*ghost, start, covered, limit);
    }
    // Longest first: what a longer tail covers a shorter one does not charge again.
    const bool open = lookup.found < start + block_tokens_;
    for (Position tail = std::min(block_tokens_ - 1, room); open && tail > 0; --tail) {
      if (!ghosts_.MayHaveTail(before, tail)) continue;
      const auto ghost =
          ghosts_.Take(hash_.Extend(before, rest.first(static_cast<std::size_t>(tail))));
      if (ghost) covered = Charge(*ghost, start, covered, limit);
    }
    if (!full) return;
    before = hash;
  }
}

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/ghost_list.h"

#include <bit>

namespace pintle::kv {

GhostList::GhostList(std::int32_t ghosts_max)
    : slots_(ghosts_max),
      entries_(static_cast<std::size_t>(ghosts_max)),
      // Twice as many cells as ghosts keep wrong answers rare.
      filter_(std::bit_ceil(static_cast<std::size_t>(ghosts_max) * 2)) {
  free_.reserve(entries_.size());
  for (std::int32_t slot = ghosts_max; slot-- > 0;) free_.push_back(slot);
}

std::size_t GhostList::FilterOf(const Hash128& parent, std::int32_t tokens) const {
  const std::uint64_t mixed =
      (parent.low ^ static_cast<std::uint64_t>(tokens)) * 0x9e3779b97f4a7c15ULL;
  return static_cast<std::size_t>(mixed >> 20) & (filter_.size() - 1);
}

void GhostList::Forget(std::int32_t slot) {
  Entry& entry = At(slot);
  slots_.Erase(slot);
  if (entry.filter != kNoTail) --filter_[entry.filter];
  (entry.older == -1 ? oldest_ : At(entry.older).newer) = entry.newer;
  (entry.newer == -1 ? newest_ : At(entry.newer).older) = entry.older;
  free_.push_back(slot);
  --size_;
}

void GhostList::Add(const Hash128& hash, Ghost ghost, std::size_t filter) {
  if (const std::int32_t same = slots_.Find(hash); same != -1) Forget(same);
  if (free_.empty()) {
    overflow_tokens_ += At(oldest_).ghost.tokens;
    Forget(oldest_);
  }
  const std::int32_t slot = free_.back();
  free_.pop_back();
  slots_.Insert(slot, hash);
  At(slot) = Entry{ghost, filter, newest_, -1};
  if (filter != kNoTail) ++filter_[filter];
  (newest_ == -1 ? oldest_ : At(newest_).newer) = slot;
  newest_ = slot;
  ++size_;
}

std::optional<Ghost> GhostList::Take(const Hash128& hash) {
  const std::int32_t slot = slots_.Find(hash);
  if (slot == -1) return std::nullopt;
  const Ghost ghost = At(slot).ghost;
  Forget(slot);
  return ghost;
}

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/kv_sequence.h"

#include <utility>

#include "worker/kv/kv_cache.h"

namespace pintle::kv {

KvSequence::KvSequence(KvSequence&& other) noexcept
    : cache_(std::exchange(other.cache_, nullptr)), slot_(std::exchange(other.slot_, -1)) {}

KvSequence& KvSequence::operator=(KvSequence&& other) noexcept {
  if (this == &other) return *this;
  if (valid()) cache_->RollbackSlot(slot_, cache_->last_now_);
  cache_ = std::exchange(other.cache_, nullptr);
  slot_ = std::exchange(other.slot_, -1);
  return *this;
}

KvSequence::~KvSequence() {
  if (valid()) cache_->RollbackSlot(slot_, cache_->last_now_);
}

std::int32_t KvSequence::Release() {
  cache_ = nullptr;
  return std::exchange(slot_, -1);
}

absl::Span<const BlockIndex> KvSequence::block_table() const {
  return cache_->sequences_.TableOf(slot_);
}

Position KvSequence::tokens() const { return cache_->sequences_[slot_].tokens; }

std::int32_t KvSequence::cached_session() const { return cache_->sequences_[slot_].cached_session; }

std::int32_t KvSequence::cached_prefix() const { return cache_->sequences_[slot_].cached_prefix; }

std::int32_t KvSequence::reserved_blocks() const { return cache_->sequences_[slot_].reserved; }

}  // namespace pintle::kv

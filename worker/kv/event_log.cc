// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/event_log.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace pintle::kv {

EventLog::EventLog(const Options& options, const BlockTree& tree)
    : options_(options),
      tree_(tree),
      filled_(static_cast<std::size_t>(options.blocks)),
      open_of_(static_cast<std::size_t>(options.blocks), -1),
      open_(static_cast<std::size_t>(options.open_max)),
      ring_(static_cast<std::size_t>(options.events_max)) {}

CacheEvent& EventLog::Next(CacheEventKind kind, BlockIndex block, std::int32_t first,
                           std::int32_t tokens) {
  if (size_ == ring_.size()) {
    first_ = (first_ + 1) % ring_.size();
    --size_;
    ++lost_;
  }
  CacheEvent& event = ring_[(first_ + size_) % ring_.size()];
  ++size_;
  event.sequence = ++last_sequence_;
  event.kind = kind;
  event.at = now_;
  event.block = block;
  event.first_position = tree_.Depth(block) * options_.block_tokens + first;
  event.tokens = tokens;
  event.bytes = tokens * options_.bytes_per_token;
  event.tier = KvTier::kDevice;
  return event;
}

void EventLog::Tell(BlockIndex block) {
  const std::int32_t place = std::exchange(OpenOf(block), -1);
  if (place == -1) return;
  Open& open = open_[static_cast<std::size_t>(place)];
  CacheEvent& event =
      Next(CacheEventKind::kStored, block, Filled(block) - open.tokens, open.tokens);
  event.key = open.key;
  // The last one takes its place, so that the ones in use stay together.
  --open_count_;
  Open& last = open_[open_count_];
  if (&last == &open) return;
  std::swap(open, last);
  OpenOf(open.block) = place;
}

void EventLog::Flush() {
  while (open_count_ > 0) Tell(open_[open_count_ - 1].block);
}

void EventLog::Began(const KvLookup& lookup, absl::Duration now) {
  now_ = now;
  acting_ = lookup.key;
}

void EventLog::Stored(BlockIndex block, std::int32_t count, absl::Duration now) {
  now_ = now;
  if (OpenOf(block) == -1) {
    if (open_count_ == open_.size()) Tell(open_.front().block);
    Open& open = open_[open_count_];
    open.block = block;
    open.tokens = 0;
    open.key = acting_;
    OpenOf(block) = static_cast<std::int32_t>(open_count_++);
  }
  open_[static_cast<std::size_t>(OpenOf(block))].tokens += count;
  Filled(block) += count;
  if (Filled(block) == options_.block_tokens) Tell(block);
}

void EventLog::Released(BlockIndex block, const Hash128* /*hash*/) { Tell(block); }

void EventLog::Removed(BlockIndex block, std::int32_t count, KvReason reason) {
  Tell(block);
  Filled(block) -= count;
  CacheEvent& event = Next(CacheEventKind::kRemoved, block, Filled(block), count);
  event.key = acting_;
  event.reason = reason;
}

CacheEvent& EventLog::Leave(const EvictionRecord& record, CacheEventKind kind) {
  now_ = record.at;
  const bool device = record.tier == KvTier::kDevice;
  if (device) {
    Tell(record.block);
    Filled(record.block) = 0;
  }
  CacheEvent& event = Next(kind, device ? record.block : 0, 0, record.tokens);
  // Lower tiers count neither blocks nor depths as this one does: the record knows.
  event.block = device ? record.block : kNoBlock;
  event.first_position = record.first_position;
  event.bytes = record.bytes;
  event.key.tenant = record.tenant;
  event.key.session = record.sessions.front();
  event.tier = record.tier;
  event.reason = record.reason;
  event.eviction.number = record.number;
  event.eviction.sessions = record.sessions;
  event.eviction.holders = record.holders;
  event.eviction.policy = record.policy;
  event.eviction.score = record.score;
  event.eviction.age = record.age;
  event.eviction.idle = record.idle;
  event.eviction.reuse_count = record.reuse_count;
  event.eviction.on_behalf_of = record.on_behalf_of;
  return event;
}

void EventLog::Evicted(const EvictionRecord& record) { Leave(record, CacheEventKind::kEvicted); }

void EventLog::Demoted(const EvictionRecord& record, KvTier to) {
  CacheEvent& event = Leave(record, CacheEventKind::kMoved);
  event.to = to;
  event.eviction.number = 0;
}

void EventLog::Promoted(BlockIndex block, std::int32_t count, KvTier from, absl::Duration now) {
  now_ = now;
  Tell(block);
  CacheEvent& event = Next(CacheEventKind::kMoved, block, Filled(block), count);
  Filled(block) += count;
  event.key = acting_;
  event.tier = from;
  event.to = KvTier::kDevice;
  event.eviction = CacheEviction();
}

CacheEvent& EventLog::NextLower(CacheEventKind kind, const LowerBlock& block,
                                absl::Duration now) {
  now_ = now;
  CacheEvent& event = Next(kind, 0, 0, static_cast<std::int32_t>(block.tokens));
  event.block = kNoBlock;
  event.first_position = block.first_position;
  event.tier = block.tier;
  // What is done to a session's blocks is done on its behalf; the rest is the tier's own doing.
  event.key.tenant = block.tenant;
  event.key.session = acting_.tenant == block.tenant ? acting_.session : SessionId();
  return event;
}

void EventLog::StoredLower(const LowerBlock& block, absl::Duration now) {
  // A whole tier's content may come at once, and an event counts in 32 bits.
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  LowerBlock part = block;
  for (std::int64_t left = block.tokens; left > 0; left -= part.tokens) {
    part.tokens = std::min(left, kMost);
    NextLower(CacheEventKind::kStored, part, now);
  }
}

void EventLog::RemovedLower(const LowerBlock& block, KvReason reason, absl::Duration now) {
  NextLower(CacheEventKind::kRemoved, block, now).reason = reason;
}

void EventLog::Take(absl::FunctionRef<void(const CacheEvent&)> each) {
  for (; size_ > 0; --size_) {
    each(ring_[first_]);
    first_ = (first_ + 1) % ring_.size();
  }
}

}  // namespace pintle::kv

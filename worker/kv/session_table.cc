// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/session_table.h"

#include <algorithm>

#include "contract/check.h"

namespace pintle::kv {

SessionTable::SessionTable(BlockPool& pool, std::int32_t sessions_max)
    : pool_(pool), sessions_max_(sessions_max) {}

std::int32_t SessionTable::Find(const SessionKey& key) const {
  const auto found = numbers_.find(key);
  return found == numbers_.end() ? -1 : found->second;
}

bool SessionTable::HasRoom() const { return live_ < sessions_max_ || coldest_ != -1; }

std::int32_t SessionTable::Create(const SessionKey& key, std::int32_t space,
                                  std::int32_t* forgotten) {
  *forgotten = -1;
  if (live_ >= sessions_max_) {
    if (coldest_ == -1) return -1;
    *forgotten = (*this)[coldest_].space;
    Erase(coldest_);
  }
  std::int32_t session = bound();
  if (free_.empty()) {
    sessions_.emplace_back();
  } else {
    session = free_.back();
    free_.pop_back();
  }
  Session& it = (*this)[session];
  it = Session{};
  it.key = key;
  it.space = space;
  it.number = ++made_;
  it.live = true;
  ++live_;
  numbers_.emplace(key, session);
  Recount(session);
  return session;
}

void SessionTable::Erase(std::int32_t session) {
  Session& it = (*this)[session];
  PINTLE_CHECK(it.live && it.tail == kNoBlock && it.lower == 0 && it.running == -1,
               "a session is erased when it holds nothing and rests");
  if (it.forgettable) UnlinkCold(session);
  if (it.cold) --cold_;
  --by_pin_[static_cast<std::size_t>(it.counted) / kSessionStates]
           [static_cast<std::size_t>(it.counted) % kSessionStates];
  numbers_.erase(it.key);
  it.live = false;
  --live_;
  free_.push_back(session);
}

void SessionTable::Hold(std::int32_t session, BlockIndex tail, Position held) {
  Session& it = (*this)[session];
  it.held = held;
  if (it.tail != tail) {
    if (it.tail != kNoBlock) {
      Block& old = pool_[it.tail];
      --old.tails;
      if (it.previous_tail == -1) {
        old.first_tail = it.next_tail;
      } else {
        (*this)[it.previous_tail].next_tail = it.next_tail;
      }
      if (it.next_tail != -1) (*this)[it.next_tail].previous_tail = it.previous_tail;
    }
    it.tail = tail;
    it.previous_tail = -1;
    it.next_tail = -1;
    if (tail != kNoBlock) {
      Block& block = pool_[tail];
      ++block.tails;
      it.next_tail = block.first_tail;
      if (it.next_tail != -1) (*this)[it.next_tail].previous_tail = session;
      block.first_tail = session;
    }
  }
  Recount(session);
}

void SessionTable::HoldLower(std::int32_t session, const Hash128& tail, Position tokens) {
  Session& it = (*this)[session];
  const bool moves = (it.lower > 0) != (tokens > 0) || it.lower_tail != tail;
  if (moves && it.lower > 0) {
    if (it.next_lower != -1) (*this)[it.next_lower].previous_lower = it.previous_lower;
    if (it.previous_lower != -1) {
      (*this)[it.previous_lower].next_lower = it.next_lower;
    } else if (it.next_lower != -1) {
      lower_tails_[it.lower_tail] = it.next_lower;
    } else {
      lower_tails_.erase(it.lower_tail);
    }
  }
  it.lower = tokens;
  if (moves) {
    it.lower_tail = tail;
    it.previous_lower = -1;
    it.next_lower = -1;
    if (tokens > 0) {
      const auto [first, fresh] = lower_tails_.try_emplace(tail, session);
      if (!fresh) {
        it.next_lower = first->second;
        (*this)[it.next_lower].previous_lower = session;
        first->second = session;
      }
    }
  }
  Recount(session);
}

std::int32_t SessionTable::FirstLower(const Hash128& tail) const {
  const auto found = lower_tails_.find(tail);
  return found == lower_tails_.end() ? -1 : found->second;
}

void SessionTable::SetRunning(std::int32_t session, std::int32_t sequence) {
  Session& it = (*this)[session];
  PINTLE_CHECK((it.running == -1) != (sequence == -1), "a session runs one turn at a time");
  running_ += sequence == -1 ? -1 : 1;
  it.running = sequence;
  Recount(session);
}

std::int32_t SessionTable::LongestUse(BlockIndex block) const {
  const Block& it = pool_[block];
  std::int32_t longest = 0;
  for (std::int32_t s = it.first_tail; s != -1 && longest < it.filled; s = (*this)[s].next_tail) {
    longest = std::max(longest, (*this)[s].held - it.depth * pool_.block_tokens());
  }
  return longest;
}

void SessionTable::Recount(std::int32_t session) {
  Session& it = (*this)[session];
  const bool cold = it.tail == kNoBlock && it.lower == 0 && it.running == -1;
  cold_ += (cold ? 1 : 0) - (it.cold ? 1 : 0);
  it.cold = cold;
  const bool forgettable = cold && it.pins.budget_blocks == 0 && it.pins.funded == 0;
  if (forgettable && !it.forgettable) {
    it.forgettable = true;
    it.previous_cold = latest_cold_;
    it.next_cold = -1;
    (latest_cold_ == -1 ? coldest_ : (*this)[latest_cold_].next_cold) = session;
    latest_cold_ = session;
  } else if (!forgettable && it.forgettable) {
    UnlinkCold(session);
  }
  const KvSessionState state = it.running != -1  ? KvSessionState::kRunning
                               : cold            ? KvSessionState::kCold
                               : it.pins.expired ? KvSessionState::kExpired
                                                 : KvSessionState::kIdle;
  const auto row = static_cast<std::size_t>(it.pins.kind);
  const auto column = static_cast<std::size_t>(state);
  if (it.counted != -1) {
    --by_pin_[static_cast<std::size_t>(it.counted) / kSessionStates]
             [static_cast<std::size_t>(it.counted) % kSessionStates];
  }
  ++by_pin_[row][column];
  it.counted = static_cast<std::int32_t>(row * kSessionStates + column);
}

void SessionTable::UnlinkCold(std::int32_t session) {
  Session& it = (*this)[session];
  (it.previous_cold == -1 ? coldest_ : (*this)[it.previous_cold].next_cold) = it.next_cold;
  (it.next_cold == -1 ? latest_cold_ : (*this)[it.next_cold].previous_cold) = it.previous_cold;
  it.forgettable = false;
}

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/turn/transcript_cache.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"

namespace pintle {
namespace {

Position TokensOf(const std::vector<TranscriptTurn>& turns, std::size_t count) {
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < count; ++i) tokens += turns[i].tokens.size();
  return static_cast<Position>(tokens);
}

bool IsBase(const std::vector<TranscriptTurn>& turns, const TurnRequest& request) {
  const auto count = static_cast<std::size_t>(request.base_turns);
  return count <= turns.size() && TokensOf(turns, count) == request.base_position &&
         TranscriptDigest(turns, count) == request.base_digest;
}

}  // namespace

TranscriptCache::TranscriptCache(std::size_t sessions_max) : sessions_max_(sessions_max) {}

TranscriptCache::Entry& TranscriptCache::Touch(const SessionKey& key) {
  auto [it, inserted] = entries_.try_emplace(key);
  if (inserted) {
    used_.push_front(key);
    it->second.turns = std::make_shared<const std::vector<TranscriptTurn>>();
  } else {
    used_.splice(used_.begin(), used_, it->second.used);
  }
  it->second.used = used_.begin();
  while (used_.size() > sessions_max_ && used_.size() > 1) {
    entries_.erase(used_.back());
    used_.pop_back();
  }
  return entries_.find(key)->second;
}

absl::StatusOr<TranscriptCache::Turns> TranscriptCache::Resolve(const TurnRequest& request) {
  if (request.base_turns < 0) return InvalidField("base_turns", "is negative");
  const SessionKey key{request.tenant, request.request.session};
  Turns copy;
  {
    absl::MutexLock lock(&mutex_);
    Entry& entry = Touch(key);
    if (request.epoch < entry.epoch) {
      return MakeError(Reason::kStaleEpoch,
                       absl::StrCat("epoch is ", request.epoch, ", a newer binding is known here"));
    }
    entry.epoch = request.epoch;
    copy = entry.turns;
  }
  if (request.base_turns > 0 && !IsBase(*copy, request)) {
    ErrorDetail detail;
    detail.reason = Reason::kPositionMismatch;
    detail.metadata.emplace_back("turns", absl::StrCat(copy->size()));
    return MakeError(std::move(detail),
                     absl::StrCat("base_turns is ", request.base_turns,
                                  ", the worker's copy of the transcript is another"));
  }
  const auto base = static_cast<std::ptrdiff_t>(request.base_turns);
  if (static_cast<std::size_t>(base) == copy->size() && request.missing_turns.empty()) return copy;
  auto turns = std::make_shared<std::vector<TranscriptTurn>>(copy->begin(), copy->begin() + base);
  turns->insert(turns->end(), request.missing_turns.begin(), request.missing_turns.end());
  return Turns(std::move(turns));
}

void TranscriptCache::Store(const SessionKey& key, Epoch epoch, Turns turns) {
  absl::MutexLock lock(&mutex_);
  Entry& entry = Touch(key);
  if (epoch < entry.epoch) return;
  entry.epoch = epoch;
  entry.turns = std::move(turns);
}

void TranscriptCache::Copy(const SessionKey& from, const SessionKey& to) {
  absl::MutexLock lock(&mutex_);
  const auto found = entries_.find(from);
  if (found == entries_.end()) return;
  Turns turns = found->second.turns;
  Touch(to).turns = std::move(turns);
}

bool TranscriptCache::IsStale(const SessionKey& key, Epoch epoch) const {
  absl::MutexLock lock(&mutex_);
  const auto found = entries_.find(key);
  return found != entries_.end() && epoch < found->second.epoch;
}

void TranscriptCache::Drop(const SessionKey& key) {
  absl::MutexLock lock(&mutex_);
  auto it = entries_.find(key);
  if (it == entries_.end()) return;
  used_.erase(it->second.used);
  entries_.erase(it);
}

std::vector<SessionKey> TranscriptCache::KeysOf(const TenantId& tenant, std::size_t max) const {
  absl::MutexLock lock(&mutex_);
  std::vector<SessionKey> keys;
  for (const SessionKey& key : used_) {
    if (keys.size() >= max) break;
    if (key.tenant == tenant) keys.push_back(key);
  }
  return keys;
}

std::size_t TranscriptCache::size() const {
  absl::MutexLock lock(&mutex_);
  return entries_.size();
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TURN_TRANSCRIPT_CACHE_H_
#define PINTLE_WORKER_TURN_TRANSCRIPT_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "contract/ids.h"
#include "contract/turn.h"

namespace pintle {

// A worker's copies of transcripts, so that a turn sends only what is new. Never the truth: each
// use is checked against the position and digest the session's owner names, and a copy may be
// forgotten at any time (the owner then sends the whole).
// Thread: safe from any thread. Owns immutable snapshots, shared with turns under way.
// Fails: as Resolve says.
class TranscriptCache {
 public:
  using Turns = std::shared_ptr<const std::vector<TranscriptTurn>>;

  // Keeps at most `sessions_max` copies; the least recently used one goes first.
  explicit TranscriptCache(std::size_t sessions_max);

  // The transcript a turn starts from: the first base_turns turns of the copy, then missing_turns.
  // FAILED_PRECONDITION: STALE_EPOCH when a newer binding was seen, POSITION_MISMATCH when the copy
  // is not the base the request names.
  absl::StatusOr<Turns> Resolve(const TurnRequest& request);
  // Replaces the copy after a commit, unless a newer epoch was seen meanwhile.
  void Store(const SessionKey& key, Epoch epoch, Turns turns);
  // Gives `to` the copy of `from`, if there is one: a fork begins with the same turns, and each use
  // is checked anyway.
  void Copy(const SessionKey& from, const SessionKey& to);
  void Drop(const SessionKey& key);
  // Whether a newer binding of the session than `epoch` was seen here.
  bool IsStale(const SessionKey& key, Epoch epoch) const;
  // The tenant's sessions with a copy here, at most `max`, most recently used first.
  std::vector<SessionKey> KeysOf(const TenantId& tenant, std::size_t max) const;
  std::size_t size() const;

 private:
  struct Entry {
    Epoch epoch = 0;
    Turns turns;
    std::list<SessionKey>::iterator used;
  };

  Entry& Touch(const SessionKey& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::size_t sessions_max_;
  // Guards the map and the order of use; transcripts themselves are immutable.
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<SessionKey, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::list<SessionKey> used_ ABSL_GUARDED_BY(mutex_);  // front = most recent
};

}  // namespace pintle

#endif  // PINTLE_WORKER_TURN_TRANSCRIPT_CACHE_H_

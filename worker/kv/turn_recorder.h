// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_TURN_RECORDER_H_
#define PINTLE_WORKER_KV_TURN_RECORDER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "worker/kv/block_hash.h"
#include "worker/kv/kv_observer.h"

namespace pintle::kv {

// Writes down which blocks every turn looked for, as lines the policy laboratory replays:
//   {"timestamp": 3000, "input_length": 70, "session": "9f..", "hash_ids": [12, 7, 31]}
// Milliseconds since the first turn; one id per block of the prompt, the last one perhaps partly
// filled. Ids and names are keyed hashes under a key of the recorder's own: no prompt, tenant or
// session can be read or guessed from them, and two recordings cannot be joined.
// Thread: the observer's calls on the engine thread, Take and Lost from any.
// Owns its buffer, allocated when made. Fails: a turn without room in the buffer is counted, not
// written.
// Costs per turn: one hash of the prompt and about 20 bytes per block.
class TurnRecorder final : public KvObserver {
 public:
  // `buffer_bytes` bounds what waits between two calls of Take.
  TurnRecorder(const std::array<std::uint64_t, 2>& key, std::int32_t block_tokens,
               std::size_t buffer_bytes);

  void Began(const KvLookup& lookup, absl::Duration now) override;
  void Stored(BlockIndex, std::int32_t, absl::Duration) override {}
  void Removed(BlockIndex, std::int32_t, KvReason) override {}
  void Evicted(const EvictionRecord&) override {}
  void Demoted(const EvictionRecord&, KvTier) override {}

  // Moves the lines written since the last call to `lines`, which must be empty; its room becomes
  // the recorder's, so that neither allocates for long.
  void Take(std::string& lines);
  // Turns that found no room.
  std::int64_t Lost() const;

 private:
  std::size_t LineBytes(std::size_t tokens) const;

  const BlockHash hash_;
  const std::int32_t block_tokens_;
  const std::size_t buffer_bytes_;
  mutable absl::Mutex mutex_;  // guards what is below
  std::string lines_ ABSL_GUARDED_BY(mutex_);
  std::int64_t lost_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration first_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_TURN_RECORDER_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_EVENT_LOG_H_
#define PINTLE_WORKER_KV_EVENT_LOG_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "contract/cache_event.h"
#include "worker/kv/eviction_policy.h"
#include "worker/kv/kv_observer.h"

namespace pintle::kv {

// Turns what the cache does into events, numbered without a gap, kept until somebody takes them: a
// ring whose overflow shows as a gap and is counted. Tokens stored are told block by block - when
// the block is full, when its turn lets go of it, before anything else happens to it, or at a Flush
// - so that a token costs an addition. After a Flush the sums of all events are the ledger.
// Events are written in place: their strings keep their room and soon nothing is allocated.
// Thread: confined to the engine thread. Fails: does not; the oldest event is lost.
class EventLog final : public KvObserver {
 public:
  struct Options {
    std::int32_t blocks = 0;
    std::int32_t block_tokens = 0;
    std::int64_t bytes_per_token = 0;
    // Blocks with untold tokens at once; each running sequence has one, its last.
    std::int32_t open_max = 1024;
    std::int32_t events_max = 8192;
  };
  // `tree` knows the blocks' places and must outlive this.
  EventLog(const Options& options, const BlockTree& tree);

  void Began(const KvLookup& lookup, absl::Duration now) override;
  void Acting(const SessionKey& key) override { acting_ = key; }
  void Stored(BlockIndex block, std::int32_t count, absl::Duration now) override;
  void Released(BlockIndex block, const Hash128* hash) override;
  void Removed(BlockIndex block, std::int32_t count, KvReason reason) override;
  void Evicted(const EvictionRecord& record) override;
  void Demoted(const EvictionRecord& record, KvTier to) override;
  void Promoted(BlockIndex block, std::int32_t count, KvTier from, absl::Duration now) override;
  void StoredLower(const LowerBlock& block, absl::Duration now) override;
  void RemovedLower(const LowerBlock& block, KvReason reason, absl::Duration now) override;

  // Tells of all tokens stored so far.
  void Flush();
  // Calls `each` with every kept event, oldest first, and forgets them.
  void Take(absl::FunctionRef<void(const CacheEvent&)> each);

  // Of the last event, 0 before the first.
  std::uint64_t last_sequence() const { return last_sequence_; }
  // Events overwritten before they were taken.
  std::int64_t lost() const { return lost_; }

 private:
  // Tokens of one block that were stored and not told yet.
  struct Open {
    BlockIndex block = kNoBlock;
    std::int32_t tokens = 0;
    SessionKey key;
  };

  std::int32_t& Filled(BlockIndex block) { return filled_[static_cast<std::size_t>(block)]; }
  std::int32_t& OpenOf(BlockIndex block) { return open_of_[static_cast<std::size_t>(block)]; }
  // The next event, numbered, with the block's place; the caller fills in the rest.
  CacheEvent& Next(CacheEventKind kind, BlockIndex block, std::int32_t first, std::int32_t tokens);
  // Tells of the block's untold tokens.
  void Tell(BlockIndex block);
  CacheEvent& Leave(const EvictionRecord& record, CacheEventKind kind);
  CacheEvent& NextLower(CacheEventKind kind, const LowerBlock& block, absl::Duration now);

  const Options options_;
  const BlockTree& tree_;
  std::vector<std::int32_t> filled_;   // by block
  std::vector<std::int32_t> open_of_;  // by block: its place in open_, or -1
  std::vector<Open> open_;             // the first open_count_ are in use
  std::size_t open_count_ = 0;
  SessionKey acting_;
  absl::Duration now_ = absl::ZeroDuration();
  std::vector<CacheEvent> ring_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::uint64_t last_sequence_ = 0;
  std::int64_t lost_ = 0;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_EVENT_LOG_H_

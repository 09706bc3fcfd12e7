// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TIER_LOWER_TIER_H_
#define PINTLE_WORKER_TIER_LOWER_TIER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/clock.h"
#include "contract/ids.h"
#include "worker/kv/block_hash.h"
#include "worker/kv/kv_observer.h"
#include "worker/kv/kv_stats.h"
#include "worker/tier/block_store.h"
#include "worker/tier/store_queue.h"
#include "worker/tier/tier_index.h"
#include "worker/tier/tier_stats.h"

namespace pintle::tier {

// One tier below the device: what it holds, and the way there and back. Decides nothing about when
// a block moves.
// Thread: confined to the engine thread; the medium is its queue's thread's.
// Owns index, queue and store. Memory is bounded by the store's slots and the staging buffers.
// Fails: it does not; what cannot be kept or read back is a miss and counted.
class LowerTier {
 public:
  struct Options {
    std::int32_t block_tokens = 0;
    std::int64_t bytes_per_token = 0;
    std::array<std::uint64_t, 2> hash_key{};
    // Bytes on their way, in each direction.
    std::int64_t staging_bytes = std::int64_t{64} << 20;
    // Without a thread RunIo carries operations out: tests decide when.
    bool threaded = true;
    // Told of what enters and leaves the ledger beside moves and evictions. Borrowed.
    kv::KvObserver* observer = nullptr;
  };
  // A block the tier has lost: damaged, failed, or gone for another's need.
  struct Lost {
    TierBlock block;
    kv::KvReason reason = kv::KvReason::kCapacity;
  };
  using LostSink = absl::FunctionRef<void(const Lost&)>;

  // `ready` as StoreQueue's.
  LowerTier(std::unique_ptr<BlockStore> store, const Options& options, const Clock& clock,
            absl::AnyInvocable<void()> ready);

  // Start-up: takes up what the slots hold; O(slots) reads of a page.
  void Scan();
  // Writes and reads one free slot, to know the medium's speed before the first decision.
  void Probe();

  // --- The way down ---
  enum class Put { kKept, kBusy, kFull };
  // Keeps a copy of a block; `fill` writes its content. `moved`: the device gives it up. `urgent`:
  // as many staging buffers again may be on their way.
  Put Keep(const BlockLabel& label, bool moved, bool urgent,
           absl::FunctionRef<absl::Status(absl::Span<std::byte>)> fill);
  // Whether this very content is here.
  bool Has(const kv::Hash128& hash, absl::Span<const TokenId> tokens) const {
    return index_.Find(hash, tokens) != -1;
  }
  bool IsFull() const { return index_.free_slots() <= reserve_; }
  // Blocks that stay when nothing else is kept: the others are room for what comes next.
  std::int32_t most_blocks() const { return index_.slots() - reserve_; }

  // --- The way up ---
  struct Step {
    std::int32_t slot = -1;
    std::int32_t tokens = 0;  // of the prompt that it holds; fewer than the block's at its end
    kv::Hash128 hash;         // what its label must say
  };
  // Blocks that continue the chain `parent` along `rest`, each full but the last.
  std::vector<Step> Find(kv::Hash128 parent, absl::Span<const TokenId> rest) const;
  // The blocks of the last `tokens` positions of the chain that ends in `tail`, first block first,
  // and their token ids at the end of `ids`; empty when they are not all here. Requires: the first
  // position begins a block.
  std::vector<Step> Chain(const kv::Hash128& tail, Position tokens,
                          std::vector<TokenId>* ids) const;
  // The block stays until the matching Unpin.
  void Pin(std::int32_t slot) { index_.Occupy(slot); }
  void Unpin(std::int32_t slot);
  // Begins to read the slot; false when no staging buffer is free. The answer comes with Poll.
  bool Read(std::uint64_t ticket, std::int32_t slot);
  // Whether what was read is what the index says; otherwise the block and all that continue it are
  // lost.
  bool Verify(const StoreDone& done, LostSink lost);
  // `tokens` of the block are on the device again. A partly filled block leaves the tier; a full
  // one leaves a copy, so that it need not be written again and a crash loses nothing.
  void Promoted(std::int32_t slot, std::int32_t tokens);
  // Ends a read that Poll has answered.
  void Finish(StoreDone done);

  // --- Sessions ---
  void Hold(const kv::Hash128& hash);
  void Release(const kv::Hash128& hash, std::int32_t blocks, kv::KvReason reason);
  void Forget(const kv::Hash128& hash, kv::KvReason reason);
  // One promise more, or less, that the block and all before it stay, unless they are damaged.
  void Guard(const kv::Hash128& hash);
  void Unguard(const kv::Hash128& hash);
  std::optional<kv::Hash128> Above(const kv::Hash128& hash, std::int32_t steps) const;
  // Whether the chain that ends here lies in this tier from its first position on.
  bool IsWhole(const kv::Hash128& hash, Position tokens) const;

  // --- Between two steps ---
  // Takes note of writes that are over, makes room for the next, and answers what was read.
  void Poll(LostSink lost, std::vector<StoreDone>* read);
  StoreQueue& queue() { return queue_; }
  bool RunIo() { return queue_.RunOne(); }

  double read_bytes_per_second() const { return read_rate_.PerSecond(); }
  TierStats& stats() { return stats_; }
  const TierStats& stats() const { return stats_; }
  TierStats Stats() const;
  const TierIndex& index() const { return index_; }
  // Both the index's and that the ledger balances and says what is there.
  absl::Status CheckInvariants() const;

 private:
  void Enter(std::int32_t slot, std::int64_t& counter);
  void Leave(std::int32_t slot, std::int64_t& counter);
  // Enters `tokens` that did not come from the device's own.
  void Store(std::int32_t slot, std::int32_t tokens);
  // The slot's tokens leave for `reason`.
  void LeaveFor(std::int32_t slot, kv::KvReason reason);
  // Forgets the slot's content on the medium too.
  void Scrub(std::int32_t slot);
  void Drop(std::int32_t slot, kv::KvReason reason, LostSink lost);
  void MakeRoom(LostSink lost);
  bool Unneeded(std::int32_t slot) const;

  const Options options_;
  const Clock& clock_;
  const kv::BlockHash hash_;
  const std::size_t block_bytes_;
  StoreQueue queue_;
  TierIndex index_;
  TierStats stats_;
  std::int32_t reserve_;  // slots kept free for what comes next
  std::vector<StoreDone> done_;
  struct Rate {
    double bytes = 0;
    double seconds = 0;
    void Add(double more_bytes, absl::Duration took);
    double PerSecond() const { return seconds > 0 ? bytes / seconds : 0; }
  };
  Rate read_rate_;
  Rate write_rate_;
};

}  // namespace pintle::tier

#endif  // PINTLE_WORKER_TIER_LOWER_TIER_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_REUSE_SAMPLER_H_
#define PINTLE_WORKER_KV_REUSE_SAMPLER_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "worker/kv/block_hash.h"
#include "worker/kv/hash_slots.h"

namespace pintle::kv {

// Estimates the hit ratio an LRU cache of each given capacity would have had, from a sample of the
// blocks: SHARDS with a fixed number of samples and the adjusted total (Waldspurger, Park,
// Garthwaite, Ahmad: "Efficient MRC Construction with SHARDS", FAST 2015). A block is sampled when
// its keyed hash is below a threshold that sinks whenever the sample is full; distances among
// samples are scaled up, counts taken under an earlier threshold scaled down.
// A prefix is newer than its suffix, so whenever a block would have been found all before it would.
// Exact while no more distinct blocks were seen than samples_max. Deterministic given the hashes.
// Thread: confined to the engine thread; allocates only when made. Fails: does not.
// Costs per block looked up: a comparison; for a sampled one O(log samples_max).
class ReuseSampler {
 public:
  // Hit ratios are kept for `capacities`, in blocks.
  ReuseSampler(std::vector<std::int64_t> capacities, std::int32_t samples_max);

  // A prompt's full blocks, first block first: each counts as one reference.
  void Lookup(absl::Span<const Hash128> chain);
  // The block is the latest used, without being looked up: it was written, or came out of use.
  void Touch(const Hash128& hash);

  // The share of all references found, by index into the capacities; 0 before the first reference.
  double HitRatio(std::size_t capacity) const;
  std::size_t capacities() const { return capacities_.size(); }
  std::int64_t references() const { return references_; }
  // The share of distinct blocks that is sampled now.
  double rate() const;

 private:
  bool Sampled(const Hash128& hash) const { return hash.high <= threshold_; }
  void Count(const Hash128& hash);
  void Add(const Hash128& hash);
  // Drops the sample with the largest hash and everything at or above it.
  void LowerThreshold();
  void Renumber();
  // Samples used later than `time`.
  std::int64_t Later(std::int32_t time) const;
  void Mark(std::int32_t time, std::int32_t change);
  void Use(std::int32_t slot);

  const std::vector<std::int64_t> capacities_;
  const std::int32_t samples_max_;
  HashSlots slots_;
  std::vector<std::int32_t> times_;                           // last use of each slot, from 1
  std::vector<std::int32_t> marks_;                           // Fenwick tree over times
  std::vector<std::pair<std::uint64_t, std::int32_t>> heap_;  // largest hash first
  std::vector<std::int32_t> free_;
  std::vector<std::pair<std::int32_t, std::int32_t>> order_;  // scratch room of Renumber
  std::uint64_t threshold_ = ~std::uint64_t{0};
  std::int32_t clock_ = 0;
  std::int64_t references_ = 0;
  double counted_ = 0;        // sampled references, at today's rate
  std::vector<double> hits_;  // of those, by capacity
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_REUSE_SAMPLER_H_

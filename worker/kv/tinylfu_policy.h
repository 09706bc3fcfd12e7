// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_TINYLFU_POLICY_H_
#define PINTLE_WORKER_KV_TINYLFU_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "worker/kv/block_lists.h"
#include "worker/kv/eviction_policy.h"
#include "worker/kv/frequency_sketch.h"
#include "worker/kv/leaf_order.h"
#include "worker/kv/leaf_walk.h"

namespace pintle::kv {

// W-TinyLFU: a small LRU window (1 % of the pool) before a segmented LRU. What falls out of the
// window gets into the main part only if its content was seen more often lately than that of the
// block it would push out; the loser goes. Frequencies are of contents, evicted ones included.
//
// Wins when: a few contents are popular for long: shared prompts, busy conversations; scans are
// turned away at the door.
// Loses when: recency is all there is: each conversation's newest blocks have been seen once, as
// often as those of conversations long over, and then the newcomer goes.
// Costs per access: O(1); O(log n) when a block comes out of use; each contest O(log n).
// After: Einziger, Friedman and Manes, "TinyLFU: a highly efficient cache admission policy",
// ACM Transactions on Storage 13(4), 2017.
class TinyLfuPolicy : public EvictionPolicy {
 public:
  TinyLfuPolicy(std::int32_t blocks, const BlockTree& tree);

  absl::string_view name() const override { return "tinylfu"; }
  void Insert(BlockIndex block, absl::Duration now) override;
  void Access(BlockIndex block, absl::Duration now) override;
  void Evictable(BlockIndex block, absl::Duration now) override;
  void Protected(BlockIndex block) override;
  void Changed(BlockIndex block, absl::Duration now) override;
  void Erase(BlockIndex block) override;
  // The score is how often the content was seen lately, 0 to 15.
  void Propose(std::int32_t n, absl::Duration now, Offer offer,
               std::vector<Victim>* victims) const override;
  void Commit(absl::Span<const Victim> victims, absl::Duration now) override;
  bool IsEvictable(BlockIndex block) const override { return order_.Contains(block); }
  absl::Status CheckInvariants() const override;

 private:
  enum Segment : std::int32_t { kWindow, kProbation, kProtected, kNone };

  struct Entry {
    Segment segment = kNone;  // kNone: not resident
    bool seen = false;        // the sketch knows of its first use
    bool going = false;       // in the proposal that Commit carries out
    std::int32_t uses = 0;    // stands for the frequency while the content has no name
  };
  Entry& At(BlockIndex block) { return entries_[static_cast<std::size_t>(block)]; }
  const Entry& At(BlockIndex block) const { return entries_[static_cast<std::size_t>(block)]; }
  std::int32_t Frequency(BlockIndex block) const;
  void See(BlockIndex block);
  void PutInto(Segment segment, BlockIndex block);
  // An evictable block at the newest end of `segment`.
  void MoveTo(Segment segment, BlockIndex block);
  void Enter(BlockIndex block);
  void Leave(BlockIndex block);
  // What flows by itself: the window into a main part with room, the protected beyond their size.
  void Balance();

  // Plays contests until `n` losers that `goes` agrees to have gone; the others stay where they
  // are. Fills `admitted_` with the winners that left the window, in order.
  void Play(std::int32_t n, absl::Duration now,
            absl::FunctionRef<bool(BlockIndex, std::int32_t frequency)> goes) const;

  const BlockTree& tree_;
  std::int32_t window_max_;
  std::int32_t main_max_;
  std::int32_t protected_max_;
  std::vector<Entry> entries_;
  std::int32_t sizes_[4] = {0, 0, 0, 0};  // of each segment, blocks in use included
  FrequencySketch sketch_;
  BlockLists lists_;  // evictable ones of each segment
  LeafOrder order_;   // a lane for each segment
  double turn_ = 0;   // of the newest entry; whole numbers are exact to 2^53
  // Scratch rooms of Propose and Commit.
  mutable LeafWalk walk_;
  mutable std::vector<BlockIndex> admitted_;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_TINYLFU_POLICY_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_S3FIFO_POLICY_H_
#define PINTLE_WORKER_KV_S3FIFO_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "worker/kv/eviction_policy.h"
#include "worker/kv/ghost_queue.h"
#include "worker/kv/leaf_order.h"
#include "worker/kv/leaf_walk.h"

namespace pintle::kv {

// Three FIFO queues: a new block enters the small one (a tenth of the pool) and leaves through it
// unless it was used twice more, which moves it to the main one; what left the small queue lately
// is remembered by content and enters the main one at once when it is written again. In the main
// queue each use (three at most are remembered) buys another round.
// A block enters its queue when it first comes out of use and keeps its place while used again.
//
// Wins when: most content is used once (scans, one-shots) and some much more: quick demotion.
// Loses when: blocks come back exactly once, later than a tenth of the pool turns over, or the pool
// is so small that a tenth of it is a block or two.
// Costs per access: O(1); O(log n) when a block comes out of use; a proposal passes over each use
// it spends, and commits it, so O(1) rounds per use.
// After: Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are all you need for cache eviction",
// SOSP 2023.
class S3FifoPolicy : public EvictionPolicy {
 public:
  S3FifoPolicy(std::int32_t blocks, const BlockTree& tree);

  absl::string_view name() const override { return "s3fifo"; }
  void Insert(BlockIndex block, absl::Duration now) override;
  void Access(BlockIndex block, absl::Duration now) override;
  void Evictable(BlockIndex block, absl::Duration now) override;
  void Protected(BlockIndex block) override;
  void Changed(BlockIndex block, absl::Duration now) override;
  void Erase(BlockIndex block) override;
  // The score is the queue it leaves: 0 small, 1 main.
  void Propose(std::int32_t n, absl::Duration now, Offer offer,
               std::vector<Victim>* victims) const override;
  void Commit(absl::Span<const Victim> victims, absl::Duration now) override;
  bool IsEvictable(BlockIndex block) const override { return order_.Contains(block); }
  absl::Status CheckInvariants() const override;

 private:
  enum Queue : std::int32_t { kSmall, kMain, kNone };

  struct Entry {
    double turn = 0;  // its place in its queue
    Queue queue = kNone;
    bool going = false;     // in the proposal that Commit carries out
    std::int32_t uses = 0;  // not spent yet, 0 to 3
  };
  Entry& At(BlockIndex block) { return entries_[static_cast<std::size_t>(block)]; }
  const Entry& At(BlockIndex block) const { return entries_[static_cast<std::size_t>(block)]; }
  std::int32_t& Size(Queue queue) { return sizes_[static_cast<std::size_t>(queue)]; }
  void PutInto(Queue queue, BlockIndex block);

  // Plays evictions until `n` blocks that `goes` agrees to have gone; the others stay where they
  // are. Fills `moved_` with what went to the newest end of the main queue, in order. Blocks on the
  // way move whether on offer or not, so that the victims alone tell Commit what happened.
  void Play(std::int32_t n, absl::Duration now,
            absl::FunctionRef<bool(BlockIndex, Queue)> goes) const;

  const BlockTree& tree_;
  std::int32_t small_max_;
  std::vector<Entry> entries_;
  std::int32_t sizes_[3] = {0, 0, 0};  // of each queue, blocks in use included
  GhostQueue ghosts_;
  LeafOrder order_;  // a lane for each queue
  double turn_ = 0;  // of the newest entry; whole numbers are exact to 2^53
  // Scratch rooms of Propose and Commit.
  mutable LeafWalk walk_;
  mutable std::vector<BlockIndex> moved_;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_S3FIFO_POLICY_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_LRU_POLICY_H_
#define PINTLE_WORKER_KV_LRU_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/kv/eviction_policy.h"

namespace pintle::kv {

// Least recently used: the block that came out of use longest ago goes first. Children come out of
// use no later than their parents, so the list's own order is leaf first.
//
// Wins when: sessions come back soon or never; think times are alike.
// Loses when: one-shot scans larger than the pool pass through, or a long conversation pauses just
// longer than the pool turns over (session_aware is for those).
// Costs per access: O(1), two list operations; 24 bytes a block.
// After: the folklore stack algorithm (Mattson et al., IBM Systems Journal 9(2), 1970).
class LruPolicy : public EvictionPolicy {
 public:
  LruPolicy(std::int32_t blocks, const BlockTree& tree);

  absl::string_view name() const override { return "lru"; }
  void Insert(BlockIndex block, absl::Duration now) override;
  void Access(BlockIndex block, absl::Duration now) override;
  void Evictable(BlockIndex block, absl::Duration now) override;
  void Protected(BlockIndex block) override;
  void Changed(BlockIndex block, absl::Duration now) override;
  void Erase(BlockIndex block) override;
  // The score is the time, in seconds, at which the block came out of use.
  void Propose(std::int32_t n, absl::Duration now, Offer offer,
               std::vector<Victim>* victims) const override;
  void Commit(absl::Span<const Victim> victims, absl::Duration now) override;
  bool IsEvictable(BlockIndex block) const override { return At(block).listed; }
  absl::Status CheckInvariants() const override;

 private:
  struct Entry {
    BlockIndex older = kNoBlock;
    BlockIndex newer = kNoBlock;
    bool listed = false;
    double since_seconds = 0;
  };
  Entry& At(BlockIndex block) { return entries_[static_cast<std::size_t>(block)]; }
  const Entry& At(BlockIndex block) const { return entries_[static_cast<std::size_t>(block)]; }

  const BlockTree& tree_;
  std::vector<Entry> entries_;
  BlockIndex oldest_ = kNoBlock;
  BlockIndex newest_ = kNoBlock;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_LRU_POLICY_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_LABORATORY_BELADY_POLICY_H_
#define PINTLE_WORKER_LABORATORY_BELADY_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "worker/kv/eviction_policy.h"
#include "worker/laboratory/replay_tree.h"
#include "worker/laboratory/trace.h"

namespace pintle::laboratory {

// Which request of a trace uses a node next. Made once, read by every replay.
class Foresight {
 public:
  explicit Foresight(const Trace& trace);
  // The first request from `request` on that uses the node; requests() when none does.
  std::int32_t NextUse(Node node, std::int32_t request) const;

 private:
  std::vector<std::int32_t> uses_;   // requests that use node 0, then node 1, ...
  std::vector<std::size_t> start_;   // of each node in uses_, and the end
  std::int32_t requests_;
};

// Clairvoyant bound: the block whose next request is farthest goes first; of equals the deeper.
// Wins when: always; no policy that must decide without the future hits more often.
// Loses when: never, and cannot be run: it knows the trace.
// Costs per access: O(log n) and an allocation; for the laboratory only.
// After: Belady, A study of replacement algorithms, IBM Systems Journal 5(2), 1966.
class BeladyPolicy : public kv::EvictionPolicy {
 public:
  BeladyPolicy(std::int32_t blocks, const ReplayTree& tree, const Foresight& foresight);

  absl::string_view name() const override { return "belady"; }
  void Insert(BlockIndex block, absl::Duration now) override;
  void Access(BlockIndex block, absl::Duration now) override;
  // Requests come out of use in the trace's order, each from its last block to its first.
  void Evictable(BlockIndex block, absl::Duration now) override;
  void Protected(BlockIndex block) override;
  void Changed(BlockIndex block, absl::Duration now) override;
  void Erase(BlockIndex block) override;
  void Propose(std::int32_t n, absl::Duration now, kv::Offer offer,
               std::vector<kv::Victim>* victims) const override;
  void Commit(absl::Span<const kv::Victim> victims, absl::Duration now) override;
  bool IsEvictable(BlockIndex block) const override;
  absl::Status CheckInvariants() const override;

 private:
  // Farthest first, then deepest first.
  struct Key {
    std::int32_t next_use;
    std::int32_t depth;
    BlockIndex block;
    friend bool operator<(const Key& a, const Key& b) {
      if (a.next_use != b.next_use) return a.next_use > b.next_use;
      if (a.depth != b.depth) return a.depth > b.depth;
      return a.block < b.block;
    }
  };

  const ReplayTree& tree_;
  const Foresight& foresight_;
  std::set<Key> order_;
  std::vector<std::int32_t> next_use_;  // of evictable blocks, else -1
  std::int32_t request_ = 0;            // requests that came out of use
};

}  // namespace pintle::laboratory

#endif  // PINTLE_WORKER_LABORATORY_BELADY_POLICY_H_

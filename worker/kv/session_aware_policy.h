// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_SESSION_AWARE_POLICY_H_
#define PINTLE_WORKER_KV_SESSION_AWARE_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/kv/eviction_policy.h"
#include "worker/kv/return_forecast.h"
#include "worker/kv/timed_leaves.h"

namespace pintle::kv {

class SessionAwarePolicy : public EvictionPolicy {
 public:
  SessionAwarePolicy(std::int32_t blocks, const BlockTree& tree);

  absl::string_view name() const override { return "session_aware"; }
  void Insert(BlockIndex block, absl::Duration now) override;
  void Access(BlockIndex block, absl::Duration now) override;
  void Evictable(BlockIndex block, absl::Duration now) override;
  void Protected(BlockIndex block) override;
  void Changed(BlockIndex block, absl::Duration now) override;
  void Erase(BlockIndex block) override;
  // The score is the hits expected of the block for each second it is kept.
  void Propose(std::int32_t n, absl::Duration now, Offer offer,
               std::vector<Victim>* victims) const override;
  void Commit(absl::Span<const Victim> victims, absl::Duration now) override;
  bool IsEvictable(BlockIndex block) const override { return At(block).evictable; }
  absl::Status CheckInvariants() const override;

 private:
  // Why a block may be wanted again; part of a leaf's group.
  enum class Claim : std::uint32_t { kNone, kContent, kSession, kHinted };

  struct Entry {
    absl::Duration inserted = absl::ZeroDuration();
    absl::Duration since = absl::ZeroDuration();        // came out of use
    absl::Duration last_access = absl::ZeroDuration();  // found again by a turn
    absl::Duration last_shared = absl::ZeroDuration();  // found again by another conversation
    std::int32_t shared = 0;                            // how often
    bool accessed = false;  // since it last came out of use
    bool evictable = false;
    bool was_tail = false;  // of a session
  };
  // A leaf's group says all that its score depends on but its age.
  struct Group {
    Claim claim = Claim::kContent;
    std::int32_t kind = 0;
    bool tail = false;
    std::int32_t interval = 0;  // step of the mean time between shared uses, 0 for never
    std::int32_t priority = 5;  // in tens
    std::uint32_t Pack() const;
    static Group Unpack(std::uint32_t packed);
  };
  // Leaves of one group and one age, oldest first; or one parent whose children are all proposed.
  struct Candidate {
    double score;
    BlockIndex block;
    std::int32_t age;  // -1 for a parent
    double session_score;  // what the block's sessions are worth once they end in its parent
  };

  Entry& At(BlockIndex block) { return entries_[static_cast<std::size_t>(block)]; }
  const Entry& At(BlockIndex block) const { return entries_[static_cast<std::size_t>(block)]; }
  void List(BlockIndex block);
  void Unlist(BlockIndex block);
  Group GroupOf(BlockIndex block, absl::Duration* time) const;
  std::int32_t IntervalOf(BlockIndex block) const;
  double SessionScore(const Group& group, int age) const;
  double ContentScore(std::int32_t interval, absl::Duration idle) const;
  double TailFactor() const { return (tails_used_ + 2) / (tails_ + 2); }
  void Learn(BlockIndex tail, const BlockFacts& facts, absl::Duration now);

  const BlockTree& tree_;
  std::vector<Entry> entries_;
  TimedLeaves leaves_;
  ReturnForecast forecast_;
  BlockIndex path_next_ = kNoBlock;  // the block that continues the path now coming out of use
  bool path_fresh_ = false;          // it is of a conversation that was not here before
  double tails_ = 0;
  double tails_used_ = 0;
  double hints_ = 0;
  double hints_kept_ = 0;
  // Of Propose, empty between calls.
  mutable std::vector<Candidate> heap_;
  mutable std::vector<std::int32_t> children_gone_;
  mutable std::vector<double> inherited_;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_SESSION_AWARE_POLICY_H_

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

// Keeps what is worth most for each second it is kept. A block's score is the rate of hits to
// expect of it: of its session's return, and of other conversations that begin alike.
//
// Returns are forecast (return_forecast.h) from what this worker's sessions did: by how many turns
// they had, how much the last one added, whether a tool is awaited, and how long they have been
// idle; evicted sessions go on teaching, and so do those that stay away. The score is the Gittins
// index of that forecast: the best ratio, over all times to wait, of hits expected to seconds
// spent, which is what a pool that must choose between blocks should compare. So a one-shot goes
// at once while a long conversation outlasts several turnovers of the pool, and what it is depends
// on the workload, not on constants.
// Other uses: a block found again by conversations that were not here before is expected back at
// the mean interval so far, less the longer it stays away. A chain goes from its tail.
// What a session says comes first: closed goes before everything, a tool awaited is a kind of turn
// of its own, a hint counts as a return at that time until it has passed by a quarter of the wait.
// A retained priority of 12 more or less doubles or halves the score: it takes
// some idle time to outweigh it, and no priority holds a block forever.
//
// Wins when: memory is short, sessions differ in how likely they return (turns, size of the last
// message), end without closing, one-shots pass through, sessions say something.
// Loses when: returns depend on nothing it sees; then it is LRU but for noise, which the tests
// bound by half a point of hit ratio. Before some dozens of turns it knows nothing.
// Costs per access: O(log n) to list a leaf; a proposal adds one look-up for each group of leaves
// alike (some hundreds at most); each of the first turns, later every 16th, some 10 us to reckon
// and half a microsecond for each group then proposed. 220 bytes a block and 2 MiB.
// After: Gittins, Bandit processes and dynamic allocation indices, JRSS B 41(2), 1979; Beckmann,
// Chen, Cidon, LHD: improving cache hit rate by maximizing hit density, NSDI 2018.
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
  // Why a block may be wanted again. A leaf's group says all that its score depends on but its age.
  enum class Claim : std::uint32_t { kNone, kContent, kSession, kHinted };
  struct Group {
    Claim claim = Claim::kContent;
    std::int32_t kind = 0;      // of ReturnForecast
    bool tail = false;          // the session's last block, which may be continued in another
    std::int32_t interval = 0;  // step of the mean time between shared uses, 0 for never
    std::int32_t priority = 5;  // in tens
    std::uint32_t Pack() const;
    static Group Unpack(std::uint32_t packed);
  };
  // A leaf's place in the order. `time` is when it came out of use; of a hint, minus its end.
  struct Listing {
    Group group;
    absl::Duration time = absl::ZeroDuration();
  };
  struct Entry {
    absl::Duration inserted = absl::ZeroDuration();
    absl::Duration since = absl::ZeroDuration();        // came out of use
    absl::Duration last_access = absl::ZeroDuration();  // found again by a turn
    absl::Duration last_shared = absl::ZeroDuration();  // found again by another conversation
    std::int32_t shared = 0;                            // how often
    bool accessed = false;                              // since it last came out of use
    bool evictable = false;
    bool was_tail = false;  // of a session
    bool has_heir = false;  // `heir` is set
    Listing heir;           // the best claim that evicted children left to this block
  };
  // The first leaf of one group and age, or a parent all of whose children are proposed.
  struct Candidate {
    double score = 0;
    std::uint32_t group = 0;
    absl::Duration time = absl::ZeroDuration();
    BlockIndex block = kNoBlock;
    Listing listing;
    bool alone = false;  // speaks for itself only
  };
  static bool Later(const Candidate& a, const Candidate& b);

  Entry& At(BlockIndex block) { return entries_[static_cast<std::size_t>(block)]; }
  const Entry& At(BlockIndex block) const { return entries_[static_cast<std::size_t>(block)]; }
  void List(BlockIndex block, absl::Duration now);
  void Unlist(BlockIndex block);
  void ExpireHints(absl::Duration now);
  void Learn(BlockIndex tail, const BlockFacts& facts, absl::Duration now);

  // Where the block belongs as a leaf; `heir` is what its children leave it, if anything.
  Listing ListingOf(BlockIndex block, const Listing* heir, absl::Duration now) const;
  std::int32_t IntervalOf(BlockIndex block) const;
  // What the block's children leave it; the better of two claims.
  Listing Inherited(BlockIndex parent, const Listing& child) const;
  Listing Better(const Listing& a, const Listing& b, absl::Duration now) const;
  double SessionScore(const Listing& listing, absl::Duration now) const;
  double Score(const Listing& listing, absl::Duration now) const;
  Candidate CandidateOf(BlockIndex block, const Listing& listing, absl::Duration now) const;
  Listing Listed(BlockIndex block) const;
  // The first leaf from `block` on that has its group and age and is on offer.
  BlockIndex FirstOffered(BlockIndex block, std::uint32_t group, int age, absl::Duration now,
                          Offer offer) const;
  void PushLeaves(absl::Duration now, Offer offer) const;
  void Push(const Candidate& candidate) const;
  void JoinParent(const Candidate& gone, absl::Duration now, Offer offer) const;

  const BlockTree& tree_;
  std::vector<Entry> entries_;
  TimedLeaves leaves_;
  ReturnForecast forecast_;
  absl::Duration last_event_ = absl::ZeroDuration();
  BlockIndex path_next_ = kNoBlock;  // the block that continues the path now coming out of use
  bool path_fresh_ = false;          // it is of a conversation that was not here before
  // Tails whose session went on, and how many of them it went on in.
  double tails_ = 0;
  double tails_used_ = 0;
  // Of Propose, as if empty between calls.
  struct Loss {
    std::int32_t children = 0;
    bool has_heir = false;
    Listing heir;
  };
  mutable std::vector<Candidate> heap_;
  mutable std::vector<Loss> losses_;  // by parent
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_SESSION_AWARE_POLICY_H_

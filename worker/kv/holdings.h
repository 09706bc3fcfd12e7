// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_HOLDINGS_H_
#define PINTLE_WORKER_KV_HOLDINGS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/ids.h"
#include "worker/kv/block_hash.h"
#include "worker/kv/block_pool.h"
#include "worker/kv/budgets.h"
#include "worker/kv/eviction_plan.h"
#include "worker/kv/eviction_policy.h"
#include "worker/kv/kv_demoter.h"
#include "worker/kv/kv_observer.h"
#include "worker/kv/kv_stats.h"
#include "worker/kv/namespace_table.h"
#include "worker/kv/prefix_index.h"
#include "worker/kv/session_table.h"

namespace pintle::kv {

// Blocks and who holds them. Each method is one move that keeps pool, index, sessions, policy and
// both ledgers in step; KvCache composes them into turns.
// A block stays while a sequence refers to it, a block continues it, a session's chain ends in it,
// or it is kept as cache content; otherwise it is freed at once, its parents after it.
// Thread: confined to the engine thread. Allocates only when made (sessions: when new).
// Fails: does not; its requirements are checked.
class Holdings : public BlockTree {
 public:
  struct Options {
    std::int32_t blocks;
    std::int32_t block_tokens;
    std::int64_t bytes_per_token;
    std::int32_t sessions_max;
    std::string shared_namespace;
    // Its pool is taken from `blocks` and `block_tokens`.
    Budgets::Options budgets{};
  };
  Holdings(const Options& options, const BlockHash& block_hash);

  // --- Blocks of sequences ---
  // `funded`: the sequence draws from a guarantee, so its blocks burden nobody else's budget.
  // A fresh block after `parent` for one sequence's table. Requires: a free block.
  BlockIndex Take(BlockIndex parent, std::int32_t space, absl::Duration now, bool funded = false);
  void Ref(BlockIndex block, bool funded = false);
  void Deref(BlockIndex block, KvReason reason, absl::Duration now, bool funded = false);
  void RefSource(BlockIndex block, bool funded = false);
  void DerefSource(BlockIndex block, KvReason reason, absl::Duration now, bool funded = false);
  // A turn found the block's content again.
  void Touch(BlockIndex block, absl::Duration now);
  // `count` more positions of the block are written and kept.
  void Write(BlockIndex block, std::int32_t count, absl::Duration now);
  // As Write, but they were read from a lower tier.
  void MoveIn(BlockIndex block, std::int32_t count, KvTier from, absl::Duration now);
  // Makes `parent` the block before `block`; both hold what the old parent held.
  void Relink(BlockIndex block, BlockIndex parent);
  // Drops positions >= `filled`.
  void Trim(BlockIndex block, std::int32_t filled, KvReason reason);

  // --- Sessions ---
  // `session` may be -1: a sequence without a session has no session ledger.
  void Attach(std::int32_t session, std::int64_t tokens);
  void Detach(std::int32_t session, std::int64_t tokens, KvReason reason);
  // Makes `tokens` positions after the held ones live in the lower chain that ends in `tail`, and
  // tells the lower tiers. The ledger is the caller's.
  void HoldLower(std::int32_t session, const Hash128& tail, Position tokens, KvReason reason);
  // The session loses what lower tiers keep of it.
  void DetachLower(std::int32_t session, KvReason reason);
  // The block of a lower tier that began at this position is gone there; the record gets whose it
  // was.
  void LowerLost(const Hash128& hash, const Hash128& parent, Position first_position,
                 KvReason reason, EvictionRecord* record);
  // Lower tiers forget their copies of the blocks from `block` upwards, `end` excluded.
  void ForgetCopies(BlockIndex block, BlockIndex end, KvReason reason);
  // A lower tier's own eviction: numbered and told to the observer.
  void RecordLower(const EvictionRecord& record);
  // Frees from `block` upwards what nobody needs any more, and trims where it stops.
  void Settle(BlockIndex block, KvReason reason, absl::Duration now);

  // --- Pins ---
  // Lets the session's marks weigh where its chain is now. O(marks x blocks of the chain).
  void PlaceMarks(std::int32_t session, absl::Duration now);
  // Where a mark of the session weighs, kNoBlock for nowhere.
  BlockIndex MarkPlace(const Session& session, const PinMark& mark) const;
  // A mark that is no session's any more leaves `block`. O(blocks whose class changes).
  void DropMark(BlockIndex block, PinKind kind, absl::Duration now);
  // Lower tiers keep of the session what its guarantee promises. O(blocks beyond the budget).
  void PlaceGuard(std::int32_t session);
  // The session's marks weigh nowhere and are forgotten.
  void ClearMarks(std::int32_t session, absl::Duration now);

  // --- Eviction ---
  // Makes `plan` what `need` blocks for a tenant's namespace (-1: for nobody) would take; keeps the
  // room of its list. With floors a proposal is made anew for each tenant that reaches its own.
  void PlanInto(std::int32_t need, std::int32_t space, absl::Duration now,
                EvictionPlan* plan) const;
  // What the tenant must give up of its own before it takes `need` blocks; shortfall never counts
  // free blocks. O(evictable blocks), as the policy walks past those of others.
  void PlanQuota(std::int32_t need, std::int32_t space, absl::Duration now,
                 EvictionPlan* plan) const;
  void Commit(const EvictionPlan& plan, KvReason reason, const SessionKey& on_behalf_of,
              absl::Duration now);
  // Writes what would be recorded if the victim went now; its number is for those that go.
  void Describe(const Victim& victim, KvReason reason, const SessionKey& on_behalf_of,
                absl::Duration now, EvictionRecord* record) const;
  // Feeds the new policy with the blocks in the order in which the old one would evict them.
  void ChangePolicy(std::unique_ptr<EvictionPolicy> policy, absl::Duration now);

  // What lower tiers know the block's written positions by; kNoBlock and the tenant's root.
  Hash128 WideHash(BlockIndex block, std::int32_t space) const;

  // --- What policies ask ---
  BlockIndex Parent(BlockIndex block) const override { return pool[block].parent; }
  std::int32_t Children(BlockIndex block) const override { return pool[block].children; }
  std::int32_t Depth(BlockIndex block) const override { return pool[block].depth; }
  BlockFacts Facts(BlockIndex block) const override;
  std::uint64_t Content(BlockIndex block) const override { return pool.Content(block); }

  // Blocks that could be handed out: free ones and those nobody refers to.
  std::int64_t available() const {
    return pool.Count(BlockState::kFree) + pool.Count(BlockState::kEvictable);
  }

  Budgets budgets;
  BlockPool pool;
  PrefixIndex index;
  NamespaceTable spaces;
  SessionTable sessions;
  std::unique_ptr<EvictionPolicy> policy;
  // Told of every change as it happens; none by default. Borrowed, set before the first turn.
  KvObserver* observer = nullptr;
  // Offered every block that is evicted; none by default. Borrowed, set before the first turn.
  KvDemoter* demoter = nullptr;
  KvStats stats;              // counters; the figures that others know are added by KvCache
  std::uint64_t version = 0;  // rises with every change a plan could notice

 private:
  void Burden(BlockIndex block, std::int32_t refs);
  // The limits of the tenant that the block belongs to, -1 for none.
  std::int32_t LimitOf(BlockIndex block) const { return spaces.Limit(pool[block].space); }
  // One mark more or less weighs on `block`. O(blocks whose class changes).
  void AddMark(BlockIndex block, const PinMark& mark, absl::Duration now);
  void RaiseFacts(BlockIndex block, const PinMark& mark, absl::Duration now);
  // The blocks of chain_, tail first, changed class or may have become pinned or unpinned.
  void Reclass(bool kept, absl::Duration now);
  void ProposeAboveFloors(std::int32_t missing, std::int32_t space, absl::Duration now,
                          EvictionPlan* plan) const;
  // What an eviction for `reason` is recorded as.
  KvReason ReasonFor(BlockIndex block, KvReason reason) const;
  void Unreferenced(BlockIndex block, KvReason reason, absl::Duration now);
  void TrimToUse(BlockIndex block, KvReason reason);
  void Free(BlockIndex block, KvReason reason, absl::Duration now);
  void Evict(const Victim& victim, KvReason reason, const SessionKey& on_behalf_of,
             absl::Duration now);
  // Whether a lower tier took the block over.
  bool Demote(absl::Duration now);
  absl::Span<const TokenId> WrittenTokens(BlockIndex block) const;
  void CountEviction();
  // Drops positions >= `filled` without entering them in a ledger.
  std::int32_t Cut(BlockIndex block, std::int32_t filled);
  // Frees a block that holds nothing any more.
  void FreeEmpty(BlockIndex block);

  const BlockHash& hash_;
  std::int64_t bytes_per_token_;
  Hash128 wide_hash_;      // of the victim at hand, while it is offered
  std::vector<BlockIndex> chain_;  // scratch room of AddMark and DropMark
  EvictionRecord record_;  // of the victim at hand; its strings keep their room
  std::uint64_t evictions_numbered_ = 0;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_HOLDINGS_H_

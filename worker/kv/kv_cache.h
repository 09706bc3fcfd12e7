// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_KV_CACHE_H_
#define PINTLE_WORKER_KV_KV_CACHE_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/ids.h"
#include "contract/limits.h"
#include "contract/pin.h"
#include "worker/kv/block_hash.h"
#include "worker/kv/eviction_plan.h"
#include "worker/kv/eviction_policy.h"
#include "worker/kv/eviction_record.h"
#include "worker/kv/holdings.h"
#include "worker/kv/kv_sequence.h"
#include "worker/kv/kv_stats.h"
#include "worker/kv/pin_keeper.h"
#include "worker/kv/prefix_matcher.h"
#include "worker/kv/sequence_table.h"

namespace pintle::kv {

struct KvOptions {
  std::int32_t blocks = 0;
  std::int32_t block_tokens = 0;
  std::int64_t bytes_per_token = 0;
  // Random per process, so that nobody outside can aim at a bucket or guess another's hash.
  std::array<std::uint64_t, 2> hash_key{};
  // Bits of the hash that are used; fewer only in tests, to force collisions.
  std::int32_t hash_bits = 128;
  std::string policy = "lru";
  // Parts of the namespace that are equal for all of a cache's blocks.
  std::string model_fingerprint;
  std::string kv_dtype;
  std::int32_t sessions_max = static_cast<std::int32_t>(limits::kSessionsMaxDefault);
  // Sequences at once: every running row of a step, and as many forks beside them.
  std::int32_t sequences_max = 2 * static_cast<std::int32_t>(limits::kRunningSequences);
  // Longest block table of one sequence; 0 means the whole pool.
  std::int32_t sequence_blocks_max = 0;
  // Tokens that guarantees may come to; -1: half the pool, or what one maximal request leaves. The
  // pool less the pin budget and all floors holds one maximal request, whatever happens.
  std::int64_t pin_budget_tokens = -1;
  // Tenants with a quota or a floor, at most limits::kLimitedTenants.
  std::vector<TenantLimit> tenants;

  absl::Status Validate() const;
  // What pin_budget_tokens comes to in this pool.
  std::int64_t PinBudgetTokens() const;
  // Blocks of the largest request there can be: its table, a copied tail and the first of growth.
  std::int64_t RequestBlocks() const;
};

// How large a turn may get; it matters to guaranteed sessions alone.
struct KvTurnSize {
  Position tokens_max = 0;  // prompt and all output tokens of one choice; 0: the whole budget
  std::int32_t choices = 1;
};

// What a prompt would find, without changing anything.
struct KvMatch {
  std::int32_t session_tokens = 0;  // from the session's own KV
  std::int32_t prefix_tokens = 0;   // through the prefix index
  // Fresh blocks the turn reserves at admission: its uncached prompt's, a copied tail, plus one.
  std::int32_t blocks_needed = 0;
  // Whether Begin and Reserve(blocks_needed) would succeed now.
  bool fits = false;
  // The turn draws on its session's guarantee: it needs nothing that others could have.
  bool funded = false;

  std::int32_t Total() const { return session_tokens + prefix_tokens; }
};

// The KV cache of one model: which block holds which tokens, who holds them, who goes first.
// Sees indices and bytes only; the content is the decoder's. Sharing never crosses a tenant.
// Thread: confined to the engine thread. No clock inside: `now` is Clock::Monotonic().
// Owns all bookkeeping, allocated by Create; nothing is allocated per token or block afterwards.
// Fails: RESOURCE_EXHAUSTED when no block is free or evictable; a failed call changes nothing.
class KvCache {
 public:
  // INVALID_ARGUMENT / INVALID_FIELD for an impossible option or an unknown policy.
  static absl::StatusOr<std::unique_ptr<KvCache>> Create(const KvOptions& options);
  // Requires: no sequence lives.
  ~KvCache();
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  // --- A turn -------------------------------------------------------------------------------

  // How much of `tokens` a turn would reuse (at most all but one). An empty session is a one-shot.
  KvMatch Match(const SessionKey& key, absl::Span<const TokenId> tokens,
                KvTurnSize size = {}) const;

  // Starts a turn: the sequence begins with the matched tokens written. The session's last turn
  // stays as it is until CommitTurn. A turn on a session whose guarantee is in force draws on it:
  // all its blocks are promised here and Reserve has no effect. Errors: SESSION_BUSY (it runs a
  // turn, or choices of its last still draw on its budget), SESSIONS_MAX, SESSION_BUDGET (the turn
  // may get larger than the guarantee), POOL_FULL (reservations of others stand on the blocks
  // matched, or too many sequences).
  absl::StatusOr<KvSequence> Begin(const SessionKey& key, absl::Span<const TokenId> tokens,
                                   absl::Duration now, KvTurnSize size = {});
  // Another choice of the same turn: shares all blocks, copies the partial one when either grows.
  // It belongs to no session. POOL_FULL when too many sequences run. Requires: no copy pending
  // (the sequence has appended since its last Grow).
  absl::StatusOr<KvSequence> Fork(const KvSequence& sequence, absl::Duration now);

  // Promises `blocks` blocks to the sequence's future Grow calls (replaces an earlier promise).
  // POOL_FULL when free + evictable less what others were promised does not suffice.
  absl::Status Reserve(KvSequence& sequence, std::int32_t blocks);
  // Makes every position < `total_tokens` have a block that only this sequence writes, evicting as
  // needed but never touching what is promised to others. POOL_FULL: nothing changed. Afterwards
  // TakeCopy may have something to copy.
  absl::Status Grow(KvSequence& sequence, Position total_tokens, absl::Duration now);
  // The copy the next step must carry before it computes this sequence; handed out once. Its
  // source stays untouched until the sequence's next Append.
  std::optional<BlockCopy> TakeCopy(KvSequence& sequence);
  // The step wrote these tokens at positions tokens() .. and they are kept. Blocks that became full
  // are findable now. Requires: Grow covered them; a pending copy was taken.
  void Append(KvSequence& sequence, absl::Span<const TokenId> tokens, absl::Duration now);
  // As Append, of positions of one block that WriteBlock has read back from a lower tier. They are
  // moved in, not stored. `own`: by OwnLower this is what the session held there, and it goes on
  // holding it. Answers how many were moved in: none when another turn has computed the same block
  // meanwhile. Requires: tokens() is where a block begins, and Grow covered them.
  std::int32_t AppendMoved(KvSequence& sequence, absl::Span<const TokenId> tokens, KvTier from,
                           bool own, absl::Duration now);
  // How many of these blocks of a lower tier, which continue the sequence, are the ones in which
  // its session's KV goes on there: a prompt may also continue as somebody else's. O(blocks).
  std::size_t OwnLower(const KvSequence& sequence, absl::Span<const Hash128> blocks) const;
  // What lower tiers know all written positions by. Requires: tokens() is where a block begins.
  Hash128 ChainHash(const KvSequence& sequence) const;
  // Forgets written positions >= `total_tokens` and gives back the blocks beyond them; Grow again
  // before writing on.
  void Rewind(KvSequence& sequence, Position total_tokens, absl::Duration now);

  // Ends a turn: the session holds the first min(total_tokens, tokens()) positions now and what it
  // held beside them is let go (OVERWRITTEN). A one-shot's full blocks stay findable until evicted.
  void CommitTurn(KvSequence sequence, Position total_tokens, absl::Duration now);
  // Ends a turn as if it had never begun (as the sequence's destructor does).
  void Rollback(KvSequence sequence, absl::Duration now);
  // Takes a turn's blocks for others: its full blocks become evictable (PREEMPTED) and may be found
  // again by the Begin that recomputes it. The session holds what it held before.
  void Preempt(KvSequence sequence, absl::Duration now);

  // --- Sessions -----------------------------------------------------------------------------

  // Forgets all KV of a session. SESSION_BUSY while a turn runs; unknown sessions are fine.
  absl::Status DropSession(const SessionKey& key, KvReason reason, absl::Duration now);
  // Keeps only the first `tokens` positions. SESSION_BUSY while a turn runs.
  absl::Status TruncateSession(const SessionKey& key, Position tokens, absl::Duration now);
  // Makes `to` a session that holds the same blocks up to `tokens` positions, as the source's last
  // committed turn left them; whoever writes into a shared tail copies it. What `to` held before is
  // let go. O(blocks after `tokens`). Answers the positions held. SESSION_BUSY while `to` runs a
  // turn; SESSIONS_MAX. An unknown source holds nothing.
  absl::StatusOr<Position> ForkSession(const SessionKey& from, const SessionKey& to,
                                       Position tokens, absl::Duration now);
  // Keeps the first `tokens` positions of what the session holds on the device in their place, for
  // reading: a sequence that belongs to no session and is never written, ended by Rollback. The
  // session goes on meanwhile. POOL_FULL when too many sequences run.
  absl::StatusOr<KvSequence> Borrow(const SessionKey& key, Position tokens, absl::Duration now);
  // The tokens at the first positions of a sequence, tokens() of them, appended to `ids`.
  void ReadTokens(const KvSequence& sequence, std::vector<TokenId>* ids) const;
  // Starts the import of KV computed elsewhere: an empty sequence for Grow, WriteBlock, Append and
  // CommitTurn, as a turn's. What the session held before is let go at once. With a `secret` other
  // than 0 nobody but the session and its forks will find the blocks; 0 trusts the source. Errors
  // as Begin.
  absl::StatusOr<KvSequence> BeginImport(const SessionKey& key, std::uint64_t secret,
                                         absl::Duration now);
  // Tokens of the session whose KV is held; 0 for an unknown one.
  Position HeldTokens(const SessionKey& key) const;
  // Tenants whose sessions hold KV, by name. O(sessions).
  std::vector<KvTenantStats> TenantStats() const;
  std::optional<KvSessionStats> SessionStats(const SessionKey& key) const;

  // --- Pins ---------------------------------------------------------------------------------

  // Pins a session, known or not, like that; its lease (from the end of its turn, from now when
  // none runs) begins anew. Never missing; rejected: PIN_BUDGET, TENANT_QUOTA, SESSIONS_MAX
  // (nothing changed).
  PinAnswer SetPin(const SessionKey& key, const Pin& pin, absl::Duration lease,
                   absl::Duration now);
  // The lease begins anew; what it had let go is asked for again.
  PinAnswer RenewPin(const SessionKey& key, absl::Duration now);
  // Back to best_effort.
  PinAnswer ReleasePin(const SessionKey& key, absl::Duration now);
  // What is known of the session's return from now on; `expected_return` is on the cache's clock.
  // Nothing of an unknown session. Costs a change in the policy when its KV is evictable.
  void SetOutlook(const SessionKey& key, std::optional<SessionOutlook> outlook,
                  std::optional<absl::Duration> expected_return, absl::Duration now);
  // Ends the leases and TTLs that have run out; O(log sessions) each. Call it at NextExpiry() and
  // before anything is decided.
  void Expire(absl::Duration now);
  // Infinite when nothing runs out.
  absl::Duration NextExpiry() const { return pins_.NextExpiry(); }
  // Blocks that a turn of the tenant without a guarantee could have now, beyond what is reserved.
  // What is promised or guaranteed to others is not among them; negative while it must make way.
  std::int64_t Room(const TenantId& tenant) const;
  // Whether a quota bounds the tenant.
  bool HasQuota(const TenantId& tenant) const;
  // Whether a turn of the tenant without a guarantee and of that many blocks can ever run under its
  // quota. TENANT_QUOTA.
  absl::Status CheckQuota(const TenantId& tenant, std::int64_t blocks) const;
  // Whether the quota has so many blocks now, beside what running turns and guarantees have of it.
  // TENANT_QUOTA.
  absl::Status CheckQuotaRoom(const TenantId& tenant, std::int64_t blocks) const;

  // --- Eviction -----------------------------------------------------------------------------

  // What would be evicted so that `need` blocks are free, respecting every floor. Changes nothing;
  // O(need), and O(sessions) to say what pins block.
  EvictionPlan Plan(std::int32_t need, absl::Duration now) const;
  // What would be recorded if the planned victim went now.
  EvictionRecord Describe(const Victim& victim, absl::Duration now) const;
  // Evicts the plan's victims for `on_behalf_of`; the observer gets a record of each. Requires:
  // plan.ok() and nothing changed since.
  void Commit(const EvictionPlan& plan, KvReason reason, const SessionKey& on_behalf_of,
              absl::Duration now);
  // Hands all blocks to another policy, live. INVALID_FIELD for an unknown name.
  absl::Status SetPolicy(absl::string_view name, absl::Duration now);

  // --- Lower tiers --------------------------------------------------------------------------

  // A lower tier has dropped this block, after all that continued it: sessions whose KV ended in it
  // lose its positions. The record gets their names and number.
  void LowerLost(const Hash128& hash, const Hash128& parent, Position first_position,
                 KvReason reason, EvictionRecord* record);
  // A block left its last tier below the device for somebody else's need.
  void RecordLower(const EvictionRecord& record) { holdings_.RecordLower(record); }
  // What a lower tier must know to keep a copy of a block.
  struct BlockContent {
    TenantId tenant;
    Hash128 parent_hash;
    Hash128 hash;
    Position first_position = 0;
    absl::Span<const TokenId> tokens;  // the written ones; valid until the cache changes
  };
  BlockContent Content(BlockIndex block) const;
  // Where a session's KV ends, in whatever tier.
  struct SessionPlace {
    SessionKey key;
    Hash128 tail_hash;
    Position tokens = 0;
    absl::Duration last_use = absl::ZeroDuration();
    // In force now.
    PinKind pin = PinKind::kBestEffort;
    Position budget_tokens = 0;
    bool resident = false;
    absl::Duration lease_until = absl::InfiniteDuration();
  };
  // Every session that rests and holds KV.
  std::vector<SessionPlace> SessionPlaces() const;
  // What lower tiers hold of the session: `tokens` positions, the last block first found by its
  // hash. 0 for none.
  struct LowerPart {
    Hash128 tail_hash;
    Position tokens = 0;
  };
  LowerPart SessionLower(const SessionKey& key) const;
  // The blocks of what the session holds on the device, first block first.
  std::vector<BlockIndex> SessionChain(const SessionKey& key) const;
  // A session of an earlier process, wholly in lower tiers; a guarantee is asked for again until
  // its lease ends. False: it is known already, or there is no room for it.
  bool RestoreSession(const SessionPlace& place, absl::Duration now);

  // Who is told of what happens, and who may take victims over. Borrowed for the cache's life;
  // nullptr for nobody. Requires: nothing is held yet.
  void SetObserver(KvObserver* observer) { holdings_.observer = observer; }
  KvObserver* observer() const { return holdings_.observer; }
  // The places of blocks in their chains, for observers.
  const BlockTree& tree() const { return holdings_; }
  // As the cache computes chain hashes, for observers.
  const BlockHash& hash() const { return hash_; }
  void SetDemoter(KvDemoter* demoter) { holdings_.demoter = demoter; }

  // A copy of about 1.5 KiB, no allocation: cheap enough for every step.
  KvStats Stats() const;
  // Every invariant of design section 6, in O(blocks + sessions); INTERNAL names what is broken.
  absl::Status CheckInvariants() const;

 private:
  friend class KvSequence;

  KvCache(const KvOptions& options, std::int32_t sequence_blocks_max);

  // Positions' blocks, rounded up.
  std::int32_t BlocksFor(Position tokens) const {
    return (tokens + options_.block_tokens - 1) / options_.block_tokens;
  }
  std::int32_t SlotOf(const KvSequence& sequence) const;
  MatchedChain FindChain(const SessionKey& key, absl::Span<const TokenId> tokens) const;
  // Lets go of the part of the chain's last block, so that nothing needs a copy.
  void DropPartial(MatchedChain* chain) const;
  // A funded turn that fills its budget has no block to spare for the source of a copy.
  void FitToBudget(std::int32_t funder, Position prompt, KvTurnSize size,
                   MatchedChain* chain) const;
  // Whether the chain's last block will be copied before the turn writes.
  bool IsCopied(const MatchedChain& chain) const;
  KvMatch Assess(const MatchedChain& chain, const SessionKey& key, std::int32_t tokens,
                 KvTurnSize size) const;
  // Blocks of the chain that `session` holds too and the turn does not copy.
  std::int32_t SharedWithOwn(std::int32_t session, const MatchedChain& chain) const;
  // The session whose guarantee the turn draws on, -1 for none.
  std::int32_t Funder(std::int32_t session) const;
  // Blocks the whole turn may come to.
  std::int32_t TurnBlocks(std::int32_t session, Position prompt, KvTurnSize size) const;
  // SESSION_BUDGET when the turn may get larger than the guarantee.
  absl::Status CheckBudget(std::int32_t funder, Position prompt, KvTurnSize size);
  void Fund(std::int32_t slot, std::int32_t funder, Position prompt, KvTurnSize size);
  std::int64_t RoomOf(std::int32_t space) const;
  // Blocks of the chain that no general sequence uses yet.
  std::int32_t Newly(absl::Span<const BlockIndex> blocks) const;
  // Keeps the first `keep` positions of what lower tiers hold of the session.
  void TruncateLower(std::int32_t session, Position keep);
  // How many of the session's lower positions `block`, read back, holds: they are on the device
  // again.
  std::int32_t Reclaim(std::int32_t slot, BlockIndex block, std::int32_t tokens,
                       absl::Duration now);
  // Where a turn's blocks lie: -1 when nothing counts on the tenant yet.
  std::int32_t SpaceOf(std::int32_t session, const TenantId& tenant) const;
  // Whether the session's next turn stays in its namespace: a private one is left once it is empty.
  bool KeepsSpace(std::int32_t session) const;
  std::int32_t StartSequence(std::int32_t session, std::int32_t space);
  // The last block of the session's chain that holds positions below `keep`.
  BlockIndex TailFor(const Session& session, Position keep) const;
  // The known session of the key or a new one; -1 when there is no room.
  std::int32_t FindOrCreate(const SessionKey& key);
  // The session, made if unknown, holding nothing. SESSION_BUSY, SESSIONS_MAX.
  absl::StatusOr<std::int32_t> EmptySession(const SessionKey& key, absl::Duration now);
  // Evicts so that `blocks` are free for the sequence, first its tenant's own where a quota says
  // so.
  absl::Status MakeRoom(const Sequence& sequence, std::int32_t blocks, absl::Duration now);
  const SessionKey& Beneficiary(const Sequence& sequence) const;
  // Tells the observer on whose behalf what follows is done.
  void ActFor(const SessionKey& key) const;
  absl::Status PoolFull(std::int32_t blocks, std::int64_t room) const;
  void DescribeBlockers(EvictionPlan* plan) const;
  // Whether the block that position tokens() falls into must not be written by this sequence.
  bool NeedsCopy(std::int32_t slot) const;
  void CopyTail(std::int32_t slot, absl::Duration now);
  void UndoCopy(std::int32_t slot, absl::Duration now);
  // Puts `block`, already referenced, into the table and the following block after it.
  void ReplaceEntry(std::int32_t slot, std::int32_t place, BlockIndex block);
  void FillBlock(std::int32_t slot, std::int32_t place, absl::Span<const TokenId> tokens,
                 KvTier from, absl::Duration now);
  // Positions of a block are written: computed, or read from another tier.
  void Enter(BlockIndex block, std::int32_t count, KvTier from, absl::Duration now);
  // Takes the blocks from the table's end down to `keep` entries.
  void DropTable(std::int32_t slot, std::int32_t keep, KvReason reason, absl::Duration now);
  void RewindSlot(std::int32_t slot, Position total_tokens, absl::Duration now);
  void RollbackSlot(std::int32_t slot, absl::Duration now);
  void MarkPreempted(std::int32_t slot);
  // Gives back slot, reservation and the session's turn. Requires: an empty table.
  void EndSequence(std::int32_t slot, absl::Duration now);
  void Notice(absl::Duration now) { last_now_ = std::max(last_now_, now); }

  absl::Status CheckBlocks() const;
  absl::Status CheckPins() const;
  absl::Status CheckHolders() const;
  absl::Status CheckSequences() const;
  absl::Status CheckSessions() const;
  absl::Status CheckLedgers() const;

  KvOptions options_;
  BlockHash hash_;
  Holdings holdings_;
  SequenceTable sequences_;
  mutable PrefixMatcher matcher_;  // scratch room; answers are used before the next call
  PinKeeper pins_;
  EvictionPlan plan_;  // scratch room of Grow
  absl::Duration last_now_ = absl::ZeroDuration();  // for destructors, which get no time
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_KV_CACHE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_TURN_TABLE_H_
#define PINTLE_WORKER_ENGINE_TURN_TABLE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "contract/ids.h"
#include "worker/engine/active_turn.h"
#include "worker/engine/turn_mailbox.h"
#include "worker/kv/kv_cache.h"
#include "worker/scheduler/scheduler.h"

namespace pintle {

// All live turns and the only place where one changes its phase: each change moves its blocks,
// tells its sink and the mailbox, so these never disagree.
// Thread: confined to the engine thread, except Clip and PromptLimit, safe anywhere.
// Owns the turns; borrows cache, mailbox and scheduler. Fails: as each method says.
class TurnTable {
 public:
  // `context_tokens` is the model's context.
  TurnTable(kv::KvCache& cache, TurnMailbox& mailbox, const Scheduler& scheduler,
            std::int32_t blocks, std::int32_t block_tokens, Position context_tokens);

  // How many output tokens each choice may have so that context and pool hold the turn even when
  // nothing else runs; 0 or less when the prompt does not fit. Two blocks stay free for a copied
  // tail and for growth.
  std::int32_t Clip(Position prompt_tokens, std::int32_t n, std::int32_t max_tokens) const;

  // The longest prompt of a turn with n choices.
  Position PromptLimit(std::int32_t n) const;

  ActiveTurn& Add(TurnId id, EngineTurn request, absl::Duration submitted);
  // Pins the turn's session as it asks. PIN_BUDGET, TENANT_QUOTA (of a guarantee, or because the
  // prompt alone exceeds what the tenant may hold), SESSIONS_MAX.
  absl::Status Prepare(ActiveTurn& turn, absl::Duration now);
  // What to tell a turn that waited for too long: TENANT_QUOTA when its tenant's running turns
  // leave too little of the quota, else POOL_FULL.
  absl::Status WhyWaited(const ActiveTurn& turn) const;
  // Null when the turn is over.
  ActiveTurn* Find(TurnId id);
  ActiveTurn* FindSession(const SessionKey& key);

  // Seat and Announce. POOL_FULL or SESSIONS_MAX: it still waits. SESSION_BUDGET, PIN_BUDGET,
  // TENANT_QUOTA: it never can.
  absl::Status Admit(ActiveTurn& turn, absl::Duration now);
  // Gives a waiting turn the blocks of its prompt without telling anybody yet.
  absl::Status Seat(ActiveTurn& turn, absl::Duration now);
  // Tells the turn's sink that it has started, and what it found, once.
  void Announce(ActiveTurn& turn);
  // Where content of lower tiers comes from.
  void set_lower_tier(kv::KvTier tier) { lower_tier_ = tier; }
  // Takes a running turn's blocks; it waits again, or is parked if it had settled.
  void Preempt(ActiveTurn& turn, absl::Duration now);
  // Choice 0 has computed the prompt: gives every other choice that goes on its own sequence.
  absl::Status Fork(ActiveTurn& turn, absl::Duration now);
  // No more tokens of this choice; its own blocks are free at once, unless it is choice 0.
  void EndChoice(ActiveTurn& turn, std::int32_t choice, absl::Duration now);
  // Ends the turn, keeping what equals prompt and `commit`. The reference is dead afterwards.
  void Commit(ActiveTurn& turn, const EngineCommit& commit, absl::Duration now);
  // Ends the turn as if it had never been, with `why`. The reference is dead afterwards.
  void Cancel(ActiveTurn& turn, absl::Status why, absl::Duration now);

  // Looks anew at what the first waiting turns would find in the cache.
  void RefreshFront();

  // In rank order, first first.
  const std::vector<ActiveTurn*>& waiting() const { return waiting_; }
  // In order of admission.
  const std::vector<ActiveTurn*>& running() const { return running_; }
  std::vector<ActiveTurn*> All() const;
  std::int64_t preemptions() const { return preemptions_; }
  std::int32_t BlocksFor(std::int64_t tokens) const;
  std::int32_t BlocksAvailable() const;
  // As far as the tenant's quota goes.
  std::int32_t BlocksAvailable(const TenantId& tenant) const;

 private:
  void Enqueue(ActiveTurn& turn);
  absl::Status Pin(const ActiveTurn& turn, absl::Duration now);
  void Estimate(ActiveTurn& turn) const;
  void LeavePhase(ActiveTurn& turn);
  // Gives back all blocks but choice 0's.
  void ReleaseForks(ActiveTurn& turn, absl::Duration now);
  void Finish(ActiveTurn& turn, absl::Status status);

  kv::KvCache& cache_;
  TurnMailbox& mailbox_;
  const Scheduler& scheduler_;
  const std::int32_t blocks_;
  const std::int32_t block_tokens_;
  const Position context_tokens_;
  absl::flat_hash_map<TurnId, std::unique_ptr<ActiveTurn>> turns_;
  std::vector<ActiveTurn*> waiting_;
  std::vector<ActiveTurn*> running_;
  std::int64_t preemptions_ = 0;
  kv::KvTier lower_tier_ = kv::KvTier::kDisk;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_TURN_TABLE_H_

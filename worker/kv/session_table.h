// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_SESSION_TABLE_H_
#define PINTLE_WORKER_KV_SESSION_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "contract/ids.h"
#include "worker/kv/block_hash.h"
#include "worker/kv/block_pool.h"
#include "worker/kv/kv_stats.h"
#include "worker/kv/session_pins.h"

namespace pintle::kv {

// What the cache knows of one session. Its chain is the path from a first block to `tail`; it uses
// `held` positions of it.
struct Session {
  SessionKey key;
  std::int32_t space = -1;
  BlockIndex tail = kNoBlock;
  Position held = 0;
  // Positions [held, held + lower) live in lower tiers, in the chain that ends in `lower_tail`.
  Position lower = 0;
  Hash128 lower_tail;
  std::int32_t previous_lower = -1;  // neighbours in the list of sessions that end there
  std::int32_t next_lower = -1;
  std::int32_t running = -1;        // its turn's sequence, -1 for none
  std::int32_t previous_tail = -1;  // neighbours in the tail block's list
  std::int32_t next_tail = -1;
  std::int32_t previous_cold = -1;  // neighbours in the list of cold sessions
  std::int32_t next_cold = -1;
  bool live = false;
  bool cold = false;
  bool forgettable = false;  // in the list of cold sessions: cold, and no guarantee is set aside
  absl::Duration last_use = absl::ZeroDuration();
  SessionOutlook outlook = SessionOutlook::kOpen;
  absl::Duration expected_return = absl::InfiniteDuration();
  SessionPins pins;
  std::int32_t counted = -1;  // the cell of SessionTable::cells it is counted in
  std::int64_t turns = 0;
  std::uint64_t number = 0;  // rises with each session made; names it to policies
  std::int64_t hit_tokens_session = 0;
  std::int64_t hit_tokens_prefix = 0;
  KvLedger ledger;
};

// Sessions by key, by tail block and by the tail of what lower tiers keep of them. A cold session
// is kept for its figures until its place is needed, least recently cold first, unless a guarantee
// is set aside for it. Allocates only when a session is new, or its KV goes to a lower tier.
// Thread: confined to the engine thread.
// Fails: Create answers -1 when sessions_max sessions hold KV or run.
class SessionTable {
 public:
  SessionTable(BlockPool& pool, std::int32_t sessions_max);

  std::int32_t Find(const SessionKey& key) const;
  // Whether Create would succeed for an unknown key.
  bool HasRoom() const;
  // A new cold session; `forgotten` gets the namespace of a cold one that made room, else -1.
  std::int32_t Create(const SessionKey& key, std::int32_t space, std::int32_t* forgotten);
  // Requires: nothing held in any tier, not running.
  void Erase(std::int32_t session);

  Session& operator[](std::int32_t s) { return sessions_[static_cast<std::size_t>(s)]; }
  const Session& operator[](std::int32_t s) const { return sessions_[static_cast<std::size_t>(s)]; }
  std::int32_t bound() const { return static_cast<std::int32_t>(sessions_.size()); }

  // Makes `tail` the session's last block (kNoBlock for none) and `held` what it uses.
  void Hold(std::int32_t session, BlockIndex tail, Position held);
  // Makes `tokens` positions after the held ones live in the lower chain that ends in `tail`; 0
  // for none.
  void HoldLower(std::int32_t session, const Hash128& tail, Position tokens);
  // The first session whose lower chain ends in this block; Session::next_lower lists the others.
  std::int32_t FirstLower(const Hash128& tail) const;
  void SetRunning(std::int32_t session, std::int32_t sequence);
  // Positions of `block` that the sessions ending in it use, at most; stops early at `filled`.
  std::int32_t LongestUse(BlockIndex block) const;

  // Counts the session anew after its pin, lease or state changed.
  void Recount(std::int32_t session);
  // Whether a turn runs or draws from the session's budget still.
  bool Busy(std::int32_t session) const {
    return (*this)[session].running != -1 || (*this)[session].pins.funded > 0;
  }

  std::int64_t running() const { return running_; }
  std::int64_t idle() const { return live_ - running_ - cold_; }
  std::int64_t cold() const { return cold_; }
  const SessionsByPin& by_pin() const { return by_pin_; }

 private:
  void UnlinkCold(std::int32_t session);

  BlockPool& pool_;
  std::int32_t sessions_max_;
  std::deque<Session> sessions_;
  std::vector<std::int32_t> free_;
  absl::flat_hash_map<SessionKey, std::int32_t> numbers_;
  absl::flat_hash_map<Hash128, std::int32_t> lower_tails_;
  std::int32_t coldest_ = -1;
  std::int32_t latest_cold_ = -1;
  std::uint64_t made_ = 0;
  std::int64_t live_ = 0;
  std::int64_t running_ = 0;
  std::int64_t cold_ = 0;
  SessionsByPin by_pin_{};
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_SESSION_TABLE_H_

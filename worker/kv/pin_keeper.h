// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_PIN_KEEPER_H_
#define PINTLE_WORKER_KV_PIN_KEEPER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "contract/ids.h"
#include "contract/pin.h"
#include "worker/kv/expiry_heap.h"
#include "worker/kv/holdings.h"

namespace pintle::kv {

// Sets, renews and ends the pins of sessions: what is set aside for them, which marks they lay on
// their chains, and when. Leases begin when a turn ends and cannot end while one runs.
// Thread: confined to the engine thread. Borrows the holdings.
// Costs: O(log sessions) a call, and the blocks whose class changes.
// Fails: a pin that no budget can bear is answered kRejected and changes nothing.
class PinKeeper {
 public:
  explicit PinKeeper(Holdings& holdings) : holdings_(holdings) {}

  // The session is to be pinned like that from now on; its lease begins anew.
  PinAnswer Set(std::int32_t session, Pin pin, absl::Duration lease, absl::Duration now);
  // The lease begins anew; a guarantee that had ended is asked for again.
  PinAnswer Renew(std::int32_t session, absl::Duration now);
  // The session is going away: nothing is set aside for it and no mark is left.
  // Requires: no sequence draws from its budget.
  void Forget(std::int32_t session, absl::Duration now);

  // The number is a new session's, which has no pin.
  void Created(std::int32_t session) { heap_.Remove(session); }

  // A turn of the session begins: its lease stops. `blocks` > 0: the turn draws that many from the
  // budget, `kept` of the chain before it being shared with it; 0: it draws nothing.
  void TurnBegan(std::int32_t session, std::int32_t blocks, std::int32_t kept, absl::Duration now);
  // The funded turn shares only `kept` blocks with the chain before it any more: it went back,
  // found a block that it had written to be another's, or copied one that others use.
  void TurnRewound(std::int32_t session, std::int32_t blocks, std::int32_t kept,
                   absl::Duration now);
  // The session's turn has ended, its chain is what it will be: the lease begins.
  void TurnEnded(std::int32_t session, absl::Duration now);
  // One sequence less draws from the session's budget.
  void FundedEnded(std::int32_t session, absl::Duration now);
  // The chain changed between turns.
  void Replace(std::int32_t session, absl::Duration now) { holdings_.PlaceMarks(session, now); }

  // Ends what has run out, and lets waiting guarantees take hold. O(log n) for each that ends.
  void Expire(absl::Duration now);
  absl::Duration NextExpiry() const { return heap_.NextTime(); }
  std::size_t timers() const { return heap_.size(); }
  absl::Duration ExpiryOf(std::int32_t session) const { return heap_.TimeOf(session); }

 private:
  SessionPins& PinsOf(std::int32_t session) { return holdings_.sessions[session].pins; }
  std::int32_t LimitOf(std::int32_t session) const {
    return holdings_.spaces.Limit(holdings_.sessions[session].space);
  }
  std::int32_t BlocksFor(std::int64_t tokens) const;
  // Makes `pin` the pin in force. Requires: its budget was admitted or is none.
  void Apply(std::int32_t session, const Pin& pin, absl::Duration now);
  // Sets aside `tokens` for the session instead of what was.
  void SetAside(std::int32_t session, Position tokens, std::int32_t blocks);
  // Lease and TTLs begin, or stop while a turn runs.
  void StartTimers(std::int32_t session, absl::Duration now);
  void Suspend(std::int32_t session, std::int32_t blocks, std::int32_t kept, absl::Duration now);
  void ExpireSession(std::int32_t session, absl::Duration now);
  // Guarantees that wait take hold in the order they were asked for.
  void Activate(absl::Duration now);

  Holdings& holdings_;
  ExpiryHeap heap_;
  std::deque<std::int32_t> waiting_;  // sessions whose guarantee is not active; may be outdated
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_PIN_KEEPER_H_

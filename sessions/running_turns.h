// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_RUNNING_TURNS_H_
#define PINTLE_SESSIONS_RUNNING_TURNS_H_

#include <cstddef>
#include <map>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "contract/ids.h"
#include "contract/turn.h"
#include "sessions/session_store.h"

namespace pintle {

// A turn that somebody else may ask to end.
class CancellableTurn {
 public:
  virtual ~CancellableTurn() = default;
  // As TurnStream::Cancel; safe from any thread.
  virtual void Cancel(CancelMode mode, absl::Status why) = 0;
};

// The turns that run now, found by request id or session.
// Thread: safe from any thread; a turn is never called under the lock. Must outlive its entries.
// Fails: Add refuses a request id that the tenant's other turn has.
class RunningTurns {
 public:
  // A turn's presence; its end takes the turn out. Move-only.
  class Entry {
   public:
    Entry() = default;
    Entry(Entry&& other) noexcept { *this = std::move(other); }
    Entry& operator=(Entry&& other) noexcept;
    ~Entry() { Leave(); }
    // Makes the turn findable by its session, too. Requires: called at most once.
    void SetSession(const TurnTicket& ticket);
    void Leave();

   private:
    friend class RunningTurns;
    RunningTurns* turns_ = nullptr;
    TenantId tenant_;
    RequestId request_;
    TurnTicket ticket_;  // number 0: no session
    std::weak_ptr<CancellableTurn> turn_;
  };

  // REQUEST_ID_REUSED. An empty request id is never found and never refused.
  absl::StatusOr<Entry> Add(const TenantId& tenant, const RequestId& request,
                            std::weak_ptr<CancellableTurn> turn);
  // The turn that matches each of the ids that is not empty; nullptr when none does, or both are.
  std::shared_ptr<CancellableTurn> Find(const TenantId& tenant, const SessionId& session,
                                        const RequestId& request) const;
  // The turn that holds this ticket; nullptr when it has left.
  std::shared_ptr<CancellableTurn> Find(const TurnTicket& ticket) const;
  std::size_t size() const;

 private:
  // Guards the tables.
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::pair<TenantId, RequestId>, std::weak_ptr<CancellableTurn>> by_request_
      ABSL_GUARDED_BY(mutex_);
  // A session that was deleted and made again may have two turns here: the old one is leaving.
  std::map<std::pair<SessionKey, TurnNumber>, std::weak_ptr<CancellableTurn>> by_session_
      ABSL_GUARDED_BY(mutex_);
  std::size_t entries_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace pintle

#endif  // PINTLE_SESSIONS_RUNNING_TURNS_H_

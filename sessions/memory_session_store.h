// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_MEMORY_SESSION_STORE_H_
#define PINTLE_SESSIONS_MEMORY_SESSION_STORE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "contract/clock.h"
#include "contract/limits.h"
#include "sessions/session_store.h"

namespace pintle {

// Sessions in this process's memory: a restart forgets them.
// Thread: safe from any thread; one lock, held for map operations only, never while tokens are
// copied or hashed. Owns the records; borrows the clock.
class MemorySessionStore final : public SessionStore {
 public:
  // 64 random bits a call; called under the store's lock.
  using RandomBits = absl::AnyInvocable<std::uint64_t()>;

  struct Options {
    std::size_t sessions_max = limits::kSessionsMaxDefault;
    absl::Duration ttl = limits::kSessionTtlDefault;
  };

  MemorySessionStore(const Clock& clock, RandomBits random, Options options);

  absl::StatusOr<StoredSession> Create(const TenantId& tenant, NewSession session) override;
  absl::StatusOr<StoredSession> Get(const SessionKey& key) const override;
  absl::StatusOr<SessionPage> List(const TenantId& tenant, std::size_t page_size,
                                   const std::string& page_token) const override;
  absl::StatusOr<StoredSession> Update(const SessionKey& key,
                                       const SessionChanges& changes) override;
  absl::StatusOr<StoredSession> Delete(const SessionKey& key) override;
  absl::StatusOr<BegunTurn> BeginTurn(const SessionKey& key,
                                      std::optional<Position> expected) override;
  absl::StatusOr<SessionBinding> Bind(const TurnTicket& ticket, const WorkerId& worker,
                                      Incarnation incarnation, bool fence) override;
  absl::StatusOr<StoredSession> CommitTurn(const TurnTicket& ticket, const TurnPrepared& prepared,
                                           const TurnFinished& finished) override;
  void AbortTurn(const TurnTicket& ticket) override;
  absl::StatusOr<StoredSession> Fork(const SessionKey& from, const SessionId& id,
                                     std::optional<Position> position) override;
  absl::StatusOr<StoredSession> Truncate(const SessionKey& key, Position position) override;
  absl::StatusOr<StoredSession> CommitImport(const TurnTicket& ticket, Transcript transcript,
                                             absl::Time template_clock) override;
  std::vector<StoredSession> ExpireIdle(std::size_t max) override;
  std::size_t size() const override;
  std::map<Incarnation, std::int64_t> BoundCounts() const override;

 private:
  struct Entry {
    StoredSession session;
    std::list<const SessionKey*>::iterator used;  // its place in by_use_
  };
  using Entries = std::map<SessionKey, Entry>;

  // The entry of a new session, with nothing but its key.
  absl::StatusOr<Entry*> Insert(const TenantId& tenant, SessionId id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  SessionId FreshId(const TenantId& tenant) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The entry whose turn the ticket is, or nullptr when the ticket is void.
  Entry* EntryOf(const TurnTicket& ticket) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Notes a use: restarts the lease and moves the entry to the young end of by_use_.
  void BindHome(StoredSession& session, const SessionHome& home)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Touch(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  StoredSession Remove(Entries::iterator it) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Clock& clock_;
  const Options options_;
  // Guards everything below.
  mutable absl::Mutex mutex_;
  RandomBits random_ ABSL_GUARDED_BY(mutex_);
  // Ordered, because List pages by id.
  Entries entries_ ABSL_GUARDED_BY(mutex_);
  // Every entry's key once, least recently used first: expiry looks at one end only.
  std::list<const SessionKey*> by_use_ ABSL_GUARDED_BY(mutex_);
  TurnNumber next_turn_ ABSL_GUARDED_BY(mutex_) = 1;
  // One counter for all sessions, so that a name used again never repeats an epoch. It starts at
  // wall-clock microseconds, so that a restarted store is above its predecessor, too.
  Epoch next_epoch_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pintle

#endif  // PINTLE_SESSIONS_MEMORY_SESSION_STORE_H_

// SPDX-License-Identifier: Apache-2.0
#include "sessions/memory_session_store.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "contract/check.h"
#include "contract/errors.h"
#include "contract/status_macros.h"

namespace pintle {
namespace {

// Marks a page token as ours; the rest is the last id of the page before.
constexpr absl::string_view kPageTokenPrefix = "after:";

absl::Status NotFound() { return MakeError(Reason::kSessionNotFound, "session does not exist"); }

absl::Status Void() {
  return MakeError(Reason::kSessionDeleted, "session was deleted while its turn ran");
}

absl::Status Mismatch(Position expected, Position position) {
  ErrorDetail detail;
  detail.reason = Reason::kPositionMismatch;
  detail.fields.push_back({"expected_position", absl::StrCat("is not ", position)});
  detail.metadata.emplace_back("position", absl::StrCat(position));
  return MakeError(std::move(detail), absl::StrCat("expected_position is ", expected,
                                                   ", the transcript's position is ", position));
}

absl::Status Outside(Position position, Position end) {
  return InvalidField("position",
                      absl::StrCat("is ", position, ", the transcript has ", end, " tokens"));
}

}  // namespace

MemorySessionStore::MemorySessionStore(const Clock& clock, RandomBits random, Options options)
    : clock_(clock),
      options_(options),
      random_(std::move(random)),
      next_epoch_(static_cast<Epoch>(absl::ToUnixMicros(clock.Wall()))) {
  PINTLE_CHECK(options.sessions_max > 0, "a session store must hold a session");
}

SessionId MemorySessionStore::FreshId(const TenantId& tenant) {
  while (true) {
    const std::uint64_t high = random_();
    const std::uint64_t low = random_();
    SessionId id(absl::StrFormat("%016x%016x", high, low));
    // A client may have taken this very name.
    if (!entries_.contains(SessionKey{tenant, id})) return id;
  }
}

absl::StatusOr<StoredSession> MemorySessionStore::Create(const TenantId& tenant,
                                                         NewSession session) {
  absl::MutexLock lock(&mutex_);
  PINTLE_ASSIGN_OR_RETURN(Entry* const entry, Insert(tenant, std::move(session.id)));
  StoredSession& stored = entry->session;
  stored.model = std::move(session.model);
  stored.pin = std::move(session.pin);
  BindHome(stored, session.home);
  stored.lease = session.lease;
  stored.labels = std::move(session.labels);
  stored.created = clock_.Wall();
  stored.template_clock = stored.created;
  Touch(*entry);
  return stored;
}

absl::StatusOr<MemorySessionStore::Entry*> MemorySessionStore::Insert(const TenantId& tenant,
                                                                      SessionId id) {
  const bool named = !id.empty();
  if (named && entries_.contains(SessionKey{tenant, id})) {
    return MakeError(Reason::kSessionExists, "session exists already");
  }
  if (entries_.size() >= options_.sessions_max) {
    return MakeError(
        Reason::kSessionsMax,
        absl::StrCat("there are ", entries_.size(), " sessions, limit ", options_.sessions_max));
  }
  if (!named) id = FreshId(tenant);
  const auto [it, inserted] = entries_.try_emplace(SessionKey{tenant, std::move(id)});
  PINTLE_CHECK(inserted, "a new session's key was free a moment ago");
  Entry& entry = it->second;
  entry.used = by_use_.insert(by_use_.end(), &it->first);
  entry.session.key = it->first;
  return &entry;
}

absl::StatusOr<StoredSession> MemorySessionStore::Get(const SessionKey& key) const {
  absl::MutexLock lock(&mutex_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return NotFound();
  return it->second.session;
}

absl::StatusOr<SessionPage> MemorySessionStore::List(const TenantId& tenant, std::size_t page_size,
                                                     const std::string& page_token) const {
  PINTLE_CHECK(page_size > 0, "a page holds at least one session");
  absl::string_view after = page_token;
  if (!page_token.empty() && !absl::ConsumePrefix(&after, kPageTokenPrefix)) {
    return InvalidField("page_token", "is not one this server gave");
  }
  SessionPage page;
  absl::MutexLock lock(&mutex_);
  auto it = page_token.empty() ? entries_.lower_bound(SessionKey{tenant, SessionId()})
                               : entries_.upper_bound(SessionKey{tenant, SessionId(after)});
  for (; it != entries_.end() && it->first.tenant == tenant; ++it) {
    if (page.sessions.size() == page_size) {
      page.next_page_token =
          absl::StrCat(kPageTokenPrefix, page.sessions.back().key.session.value());
      break;
    }
    page.sessions.push_back(it->second.session);
  }
  return page;
}

absl::StatusOr<StoredSession> MemorySessionStore::Update(const SessionKey& key,
                                                         const SessionChanges& changes) {
  absl::MutexLock lock(&mutex_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return NotFound();
  StoredSession& session = it->second.session;
  const absl::Duration now = clock_.Monotonic();
  session.pin = changes.pin ? *changes.pin : PinOf(session, now);
  if (changes.lease) session.lease = *changes.lease;
  if (changes.hints.outlook) session.outlook = *changes.hints.outlook;
  if (changes.hints.expected_return) {
    session.expected_return = now + *changes.hints.expected_return;
  }
  BindHome(session, changes.home);
  Touch(it->second);
  return session;
}

absl::StatusOr<StoredSession> MemorySessionStore::Delete(const SessionKey& key) {
  absl::MutexLock lock(&mutex_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return NotFound();
  return Remove(it);
}

absl::StatusOr<BegunTurn> MemorySessionStore::BeginTurn(const SessionKey& key,
                                                        std::optional<Position> expected) {
  absl::MutexLock lock(&mutex_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return NotFound();
  StoredSession& session = it->second.session;
  if (session.running != 0) {
    return MakeError(Reason::kSessionBusy, "a turn of the session is running");
  }
  const Position position = session.transcript.position();
  if (expected && *expected != position) return Mismatch(*expected, position);
  session.pin = PinOf(session, clock_.Monotonic());
  session.outlook = SessionOutlook::kOpen;
  session.expected_return = absl::InfiniteDuration();
  session.running = next_turn_++;
  Touch(it->second);
  return BegunTurn{TurnTicket{key, session.running}, session};
}

absl::StatusOr<SessionBinding> MemorySessionStore::Bind(const TurnTicket& ticket,
                                                        const WorkerId& worker,
                                                        Incarnation incarnation, bool fence) {
  absl::MutexLock lock(&mutex_);
  Entry* const entry = EntryOf(ticket);
  if (entry == nullptr) return Void();
  SessionBinding& binding = entry->session.binding;
  if (fence || binding.worker != worker || binding.incarnation != incarnation) {
    binding = SessionBinding{worker, incarnation, ++next_epoch_, 0};
  }
  return binding;
}

absl::StatusOr<StoredSession> MemorySessionStore::CommitTurn(const TurnTicket& ticket,
                                                             const TurnPrepared& prepared,
                                                             const TurnFinished& finished) {
  Transcript before;
  {
    absl::MutexLock lock(&mutex_);
    const Entry* const entry = EntryOf(ticket);
    if (entry == nullptr) return Void();
    before = entry->session.transcript;
  }
  // Copying and hashing happen outside the lock: the ticket keeps every other turn out meanwhile.
  absl::StatusOr<Transcript> after = before.Commit(prepared, finished);
  if (!after.ok()) return after.status();
  absl::MutexLock lock(&mutex_);
  Entry* const entry = EntryOf(ticket);
  if (entry == nullptr) return Void();
  StoredSession& session = entry->session;
  session.transcript = *std::move(after);
  session.running = 0;
  if (session.binding.incarnation != 0) {
    session.binding.synced_turns = session.transcript.turns();
  }
  Touch(*entry);
  return session;
}

void MemorySessionStore::AbortTurn(const TurnTicket& ticket) {
  absl::MutexLock lock(&mutex_);
  Entry* const entry = EntryOf(ticket);
  if (entry == nullptr) return;
  entry->session.running = 0;
  Touch(*entry);
}

absl::StatusOr<StoredSession> MemorySessionStore::Fork(const SessionKey& from, const SessionId& id,
                                                       std::optional<Position> position) {
  PINTLE_ASSIGN_OR_RETURN(const StoredSession source, Get(from));
  const Position end = source.transcript.position();
  const Position at = position.value_or(end);
  if (at < 0 || at > end) return Outside(at, end);
  // Outside the lock: a cut through a turn copies its ids.
  Transcript cut = source.transcript.Cut(at);
  absl::MutexLock lock(&mutex_);
  PINTLE_ASSIGN_OR_RETURN(Entry* const entry, Insert(from.tenant, id));
  StoredSession& stored = entry->session;
  stored.model = source.model;
  stored.lease = source.lease;
  stored.labels = source.labels;
  stored.created = clock_.Wall();
  stored.template_clock = source.template_clock;
  if (source.binding.incarnation != 0) {
    stored.binding = source.binding;
    stored.binding.epoch = ++next_epoch_;
    stored.binding.synced_turns =
        std::min(source.binding.synced_turns, source.transcript.WholeTurns(at));
  }
  stored.transcript = std::move(cut);
  Touch(*entry);
  return stored;
}

absl::StatusOr<StoredSession> MemorySessionStore::Truncate(const SessionKey& key,
                                                           Position position) {
  // As a turn, so that none runs meanwhile.
  PINTLE_ASSIGN_OR_RETURN(const BegunTurn begun, BeginTurn(key, std::nullopt));
  const Transcript& before = begun.session.transcript;
  if (position < 0 || position > before.position()) {
    AbortTurn(begun.ticket);
    return Outside(position, before.position());
  }
  Transcript cut = before.Cut(position);
  absl::MutexLock lock(&mutex_);
  Entry* const entry = EntryOf(begun.ticket);
  if (entry == nullptr) return Void();
  StoredSession& session = entry->session;
  session.running = 0;
  session.binding.synced_turns =
      std::min(session.binding.synced_turns, before.WholeTurns(position));
  session.transcript = std::move(cut);
  Touch(*entry);
  return session;
}

absl::StatusOr<StoredSession> MemorySessionStore::CommitImport(const TurnTicket& ticket,
                                                               Transcript transcript,
                                                               absl::Time template_clock) {
  absl::MutexLock lock(&mutex_);
  Entry* const entry = EntryOf(ticket);
  if (entry == nullptr) return Void();
  StoredSession& session = entry->session;
  session.transcript = std::move(transcript);
  session.template_clock = template_clock;
  session.running = 0;
  session.binding.synced_turns = 0;
  Touch(*entry);
  return session;
}

std::vector<StoredSession> MemorySessionStore::ExpireIdle(std::size_t max) {
  std::vector<StoredSession> expired;
  absl::MutexLock lock(&mutex_);
  const absl::Duration now = clock_.Monotonic();
  auto it = by_use_.begin();
  while (it != by_use_.end() && expired.size() < max) {
    const auto found = entries_.find(**it);
    if (now - found->second.session.used_at < options_.ttl) break;
    ++it;
    // A turn longer than the TTL keeps its session, however old its last use is.
    if (found->second.session.running == 0) expired.push_back(Remove(found));
  }
  return expired;
}

std::size_t MemorySessionStore::size() const {
  absl::MutexLock lock(&mutex_);
  return entries_.size();
}

std::map<Incarnation, std::int64_t> MemorySessionStore::BoundCounts() const {
  std::map<Incarnation, std::int64_t> counts;
  absl::MutexLock lock(&mutex_);
  for (const auto& [key, entry] : entries_) {
    if (entry.session.binding.incarnation != 0) ++counts[entry.session.binding.incarnation];
  }
  return counts;
}

MemorySessionStore::Entry* MemorySessionStore::EntryOf(const TurnTicket& ticket) {
  const auto it = entries_.find(ticket.key);
  if (it == entries_.end() || it->second.session.running != ticket.number) return nullptr;
  return &it->second;
}

void MemorySessionStore::BindHome(StoredSession& session, const SessionHome& home) {
  if (home.incarnation == 0 || session.binding.incarnation != 0) return;
  session.binding = SessionBinding{home.worker, home.incarnation, ++next_epoch_, 0};
}

void MemorySessionStore::Touch(Entry& entry) {
  StoredSession& session = entry.session;
  session.last_used = clock_.Wall();
  session.used_at = clock_.Monotonic();
  session.lease_expires = session.used_at + session.lease;
  by_use_.splice(by_use_.end(), by_use_, entry.used);
}

StoredSession MemorySessionStore::Remove(Entries::iterator it) {
  StoredSession session = std::move(it->second.session);
  by_use_.erase(it->second.used);
  entries_.erase(it);
  return session;
}

}  // namespace pintle

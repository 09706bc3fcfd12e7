// SPDX-License-Identifier: Apache-2.0
#include "sessions/running_turns.h"

#include <limits>

#include "contract/errors.h"

namespace pintle {

RunningTurns::Entry& RunningTurns::Entry::operator=(Entry&& other) noexcept {
  if (this == &other) return *this;
  Leave();
  turns_ = std::exchange(other.turns_, nullptr);
  tenant_ = std::move(other.tenant_);
  request_ = std::move(other.request_);
  ticket_ = std::exchange(other.ticket_, TurnTicket());
  turn_ = std::move(other.turn_);
  return *this;
}

void RunningTurns::Entry::SetSession(const TurnTicket& ticket) {
  ticket_ = ticket;
  absl::MutexLock lock(&turns_->mutex_);
  turns_->by_session_.emplace(std::pair(ticket.key, ticket.number), turn_);
}

void RunningTurns::Entry::Leave() {
  RunningTurns* const turns = std::exchange(turns_, nullptr);
  if (turns == nullptr) return;
  absl::MutexLock lock(&turns->mutex_);
  if (!request_.empty()) turns->by_request_.erase({tenant_, request_});
  if (ticket_.number != 0) turns->by_session_.erase({ticket_.key, ticket_.number});
  --turns->entries_;
}

absl::StatusOr<RunningTurns::Entry> RunningTurns::Add(const TenantId& tenant,
                                                      const RequestId& request,
                                                      std::weak_ptr<CancellableTurn> turn) {
  Entry entry;
  entry.tenant_ = tenant;
  entry.request_ = request;
  entry.turn_ = turn;
  absl::MutexLock lock(&mutex_);
  if (!request.empty() && !by_request_.try_emplace({tenant, request}, std::move(turn)).second) {
    ErrorDetail detail;
    detail.reason = Reason::kRequestIdReused;
    detail.fields.push_back({"request_id", "names a turn that is running"});
    return MakeError(std::move(detail), "request_id names a turn that is running");
  }
  ++entries_;
  entry.turns_ = this;
  return entry;
}

std::shared_ptr<CancellableTurn> RunningTurns::Find(const TenantId& tenant,
                                                    const SessionId& session,
                                                    const RequestId& request) const {
  absl::MutexLock lock(&mutex_);
  std::shared_ptr<CancellableTurn> by_request;
  if (!request.empty()) {
    const auto it = by_request_.find({tenant, request});
    if (it == by_request_.end()) return nullptr;
    by_request = it->second.lock();
    if (session.empty()) return by_request;
  }
  // The session's youngest turn: the last one before every key that is beyond the session.
  const SessionKey key{tenant, session};
  auto it = by_session_.upper_bound({key, std::numeric_limits<TurnNumber>::max()});
  if (it == by_session_.begin() || (--it)->first.first != key) return nullptr;
  std::shared_ptr<CancellableTurn> by_session = it->second.lock();
  return request.empty() || by_request == by_session ? by_session : nullptr;
}

std::shared_ptr<CancellableTurn> RunningTurns::Find(const TurnTicket& ticket) const {
  absl::MutexLock lock(&mutex_);
  const auto it = by_session_.find({ticket.key, ticket.number});
  return it == by_session_.end() ? nullptr : it->second.lock();
}

std::size_t RunningTurns::size() const {
  absl::MutexLock lock(&mutex_);
  return entries_;
}

}  // namespace pintle

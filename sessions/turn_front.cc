// SPDX-License-Identifier: Apache-2.0
#include "sessions/turn_front.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "contract/check.h"
#include "contract/errors.h"
#include "contract/request_rules.h"
#include "contract/status_macros.h"
#include "sessions/front_turn.h"
#include "sessions/turn_cost.h"

namespace pintle {
namespace {

// Bytes a token stands for where nothing was measured: English prose and code lie around 4.
constexpr std::int64_t kBytesPerToken = 4;
// Sessions one call of the store may take out, so that its lock is never held for long.
constexpr std::size_t kExpireAtOnce = 1024;

// The client's end of a turn.
class FrontStream final : public TurnStream {
 public:
  explicit FrontStream(std::shared_ptr<FrontTurn> turn) : turn_(std::move(turn)) {}
  ~FrontStream() override { turn_->Abandon(); }
  FrontStream(const FrontStream&) = delete;
  FrontStream& operator=(const FrontStream&) = delete;

  void SetReadyCallback(absl::AnyInvocable<void()> callback) override {
    turn_->SetReadyCallback(std::move(callback));
  }
  std::optional<TurnEvent> Next() override { return turn_->Next(); }
  void Cancel(CancelMode mode, absl::Status why) override { turn_->Cancel(mode, std::move(why)); }

 private:
  // Shared with a CancelGenerate under way, which must not find it gone.
  const std::shared_ptr<FrontTurn> turn_;
};

absl::Status RefuseLaterFeatures(const GenerationRequest& request) {
  if (request.resume_from_index) {
    return MakeError(Reason::kNotYet, "resume_from_index is not implemented yet");
  }
  if (request.on_disconnect == OnDisconnect::kContinue) {
    return MakeError(Reason::kNotYet, "on_disconnect CONTINUE is not implemented yet");
  }
  if (request.session.empty() && request.expected_position) {
    return InvalidField("expected_position", "needs a session");
  }
  return absl::OkStatus();
}

}  // namespace

TurnFront::TurnFront(SessionStore& store, TurnPlacer& placer, TurnAdmission* admission,
                     const Clock& clock)
    : store_(store), placer_(placer), admission_(admission), clock_(clock) {}

TurnFront::~TurnFront() { PINTLE_CHECK(running_.size() == 0, "a front must outlive its streams"); }

absl::StatusOr<std::unique_ptr<TurnStream>> TurnFront::Generate(const TenantId& tenant,
                                                                GenerationRequest request,
                                                                absl::Duration deadline) {
  PINTLE_RETURN_IF_ERROR(ValidateRequest(request));
  PINTLE_RETURN_IF_ERROR(RefuseLaterFeatures(request));
  if (deadline <= clock_.Monotonic()) {
    return absl::DeadlineExceededError("the deadline had passed before the turn began");
  }
  FrontTurn::Parts parts;
  if (admission_ != nullptr) {
    const TurnCost cost{InputTokensOf(request.input) + InputBytesOf(request.input) / kBytesPerToken,
                        OutputTokensOf(request)};
    PINTLE_ASSIGN_OR_RETURN(parts.admission, admission_->Admit(tenant, cost));
  }
  auto turn = std::make_shared<FrontTurn>(store_, placer_);
  PINTLE_ASSIGN_OR_RETURN(RunningTurns::Entry entry,
                          running_.Add(tenant, request.request_id, turn));
  if (!request.session.empty()) {
    PINTLE_ASSIGN_OR_RETURN(parts.begun, store_.BeginTurn(SessionKey{tenant, request.session},
                                                          request.expected_position));
    const std::string& model = parts.begun->session.model;
    if (!request.model.empty() && request.model != model) {
      store_.AbortTurn(parts.begun->ticket);
      return InvalidField("model", "is not the session's model");
    }
    request.model = model;
  }
  parts.tenant = tenant;
  parts.request = std::move(request);
  parts.deadline = deadline;
  PINTLE_RETURN_IF_ERROR(turn->Launch(std::move(parts), std::move(entry)));
  return std::make_unique<FrontStream>(std::move(turn));
}

absl::StatusOr<bool> TurnFront::CancelGenerate(const TenantId& tenant, const SessionId& session,
                                               const RequestId& request, CancelMode mode) {
  if (session.empty() && request.empty()) {
    return InvalidField("session", "or request_id must be given");
  }
  const std::shared_ptr<CancellableTurn> turn = running_.Find(tenant, session, request);
  if (turn == nullptr) return false;
  turn->Cancel(mode, absl::CancelledError("cancelled by CancelGenerate"));
  return true;
}

absl::StatusOr<StoredSession> TurnFront::DeleteSession(const SessionKey& key) {
  PINTLE_ASSIGN_OR_RETURN(StoredSession session, store_.Delete(key));
  // By its ticket: a session made again under this name keeps its turn.
  const auto turn = running_.Find(TurnTicket{key, session.running});
  if (turn != nullptr) {
    turn->Cancel(CancelMode::kRollback,
                 MakeError(Reason::kSessionDeleted, "session was deleted while its turn ran"));
  }
  DropKv(session);
  return session;
}

std::size_t TurnFront::ExpireIdle() {
  std::size_t removed = 0;
  while (true) {
    const std::vector<StoredSession> expired = store_.ExpireIdle(kExpireAtOnce);
    for (const StoredSession& session : expired) DropKv(session);
    removed += expired.size();
    if (expired.size() < kExpireAtOnce) return removed;
  }
}

void TurnFront::DropKv(const StoredSession& session) {
  const auto backend = placer_.BackendOf(session.binding.worker, session.binding.incarnation);
  if (backend != nullptr) backend->DropSession(session.key);
}

}  // namespace pintle

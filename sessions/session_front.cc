// SPDX-License-Identifier: Apache-2.0
#include "sessions/session_front.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/request_rules.h"
#include "contract/status_macros.h"
#include "sessions/session_rules.h"

namespace pintle {

SessionFront::SessionFront(SessionStore& store, TurnFront& turns, TurnPlacer& placer,
                           const Clock& clock)
    : store_(store), turns_(turns), placer_(placer), clock_(clock) {}

absl::StatusOr<SessionView> SessionFront::Create(const TenantId& tenant, NewSession session) {
  PINTLE_RETURN_IF_ERROR(ValidateNewSession(session));
  PINTLE_ASSIGN_OR_RETURN(session.model, placer_.ResolveModel(session.model));
  PINTLE_ASSIGN_OR_RETURN(StoredSession stored, store_.Create(tenant, std::move(session)));
  return ViewOf(std::move(stored));
}

absl::StatusOr<SessionView> SessionFront::Get(const SessionKey& key) const {
  PINTLE_RETURN_IF_ERROR(ValidateName("id", key.session.value()));
  PINTLE_ASSIGN_OR_RETURN(StoredSession stored, store_.Get(key));
  return ViewOf(std::move(stored));
}

absl::StatusOr<SessionViewPage> SessionFront::List(const TenantId& tenant, std::int32_t page_size,
                                                   const std::string& page_token) const {
  if (page_size < 0 || static_cast<std::size_t>(page_size) > limits::kSessionsPageMax) {
    return InvalidField(
        "page_size", absl::StrCat("is ", page_size, ", must be 0 to ", limits::kSessionsPageMax));
  }
  const std::size_t size =
      page_size == 0 ? limits::kSessionsPageDefault : static_cast<std::size_t>(page_size);
  PINTLE_ASSIGN_OR_RETURN(SessionPage page, store_.List(tenant, size, page_token));
  SessionViewPage views;
  views.next_page_token = std::move(page.next_page_token);
  for (StoredSession& session : page.sessions) views.sessions.push_back(ViewOf(std::move(session)));
  return views;
}

absl::StatusOr<SessionView> SessionFront::Update(const SessionKey& key,
                                                 const SessionChanges& changes) {
  PINTLE_RETURN_IF_ERROR(ValidateName("id", key.session.value()));
  PINTLE_RETURN_IF_ERROR(ValidateChanges(changes));
  PINTLE_ASSIGN_OR_RETURN(StoredSession stored, store_.Update(key, changes));
  return ViewOf(std::move(stored));
}

absl::Status SessionFront::Delete(const SessionKey& key) {
  PINTLE_RETURN_IF_ERROR(ValidateName("id", key.session.value()));
  return turns_.DeleteSession(key).status();
}

void SessionFront::SetHeld(std::int64_t tokens, SessionView* view) const {
  view->held_tokens = tokens;
  view->state = StateOf(view->session, clock_.Monotonic(), tokens);
}

SessionView SessionFront::ViewOf(StoredSession session) const {
  SessionView view;
  const absl::Duration now = clock_.Monotonic();
  if (session.binding.incarnation == 0) {
    view.held_tokens = 0;
  } else {
    view.held_tokens =
        placer_.HeldTokens(session.key, session.binding.worker, session.binding.incarnation);
  }
  view.state = StateOf(session, now, view.held_tokens);
  view.lease_expires = clock_.Wall() + (session.lease_expires - now);
  if (session.expected_return < absl::InfiniteDuration()) {
    view.expected_return = clock_.Wall() + (session.expected_return - now);
  }
  session.pin = PinOf(session, now);
  view.session = std::move(session);
  return view;
}

}  // namespace pintle

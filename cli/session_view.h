// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_SESSION_VIEW_H_
#define PINTLE_CLI_SESSION_VIEW_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "pintle/v1/sessions.pb.h"

// Sessions as people read them. Pure functions; everything a server said is made harmless.
namespace pintle {

// A table, one session a row. `now` is what "last used" is counted from.
std::string SessionTable(const std::vector<v1::Session>& sessions, absl::Time now);

// One session, a line per fact.
std::string SessionFacts(const v1::Session& session, absl::Time now);

// The turns with role and text of their messages; line feeds within a message are kept.
std::string TranscriptText(const v1::GetSessionResponse& response);

}  // namespace pintle

#endif  // PINTLE_CLI_SESSION_VIEW_H_

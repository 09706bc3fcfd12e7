// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_SESSIONS_ARCHIVE_CONVERSION_H_
#define PINTLE_SERVICES_SESSIONS_ARCHIVE_CONVERSION_H_

#include "absl/status/statusor.h"
#include "pintle/v1/sessions.pb.h"
#include "sessions/session_archive.h"

// Parts of a session's archive as they travel.
// Thread: pure functions.
namespace pintle {

void ToProto(ArchivePart part, v1::ArchivePart* out);
// INVALID_FIELD for a message without a part; as messages and turns convert otherwise.
absl::StatusOr<ArchivePart> FromProto(v1::ArchivePart part);

}  // namespace pintle

#endif  // PINTLE_SERVICES_SESSIONS_ARCHIVE_CONVERSION_H_

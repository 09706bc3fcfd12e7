// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_SESSION_ARCHIVE_H_
#define PINTLE_SESSIONS_SESSION_ARCHIVE_H_

#include <cstdint>
#include <map>
#include <string>
#include <variant>

#include "absl/time/time.h"
#include "contract/ids.h"
#include "contract/pin.h"
#include "contract/session_kv.h"
#include "contract/turn.h"

namespace pintle {

// The one format there is.
inline constexpr std::int32_t kArchiveVersion = 1;

// What an archive of a session begins with: all that is known of it beforehand, so that a reader
// can refuse it before anything is kept. Then come the turns, the portions of KV from position 0
// on without a gap, and the trailer.
struct ArchiveHeader {
  std::int32_t version = kArchiveVersion;
  std::string session;  // its id where it was exported
  std::string model;
  // Fingerprint and, when KV follows, the rest of it.
  KvShape shape;
  absl::Time template_clock = absl::UnixEpoch();
  absl::Duration lease = absl::ZeroDuration();
  // As the session had it; an imported session begins best effort.
  Pin pin = {};
  std::map<std::string, std::string> labels;
  std::int32_t turns = 0;
  Position position = 0;   // tokens of the turns
  Position kv_tokens = 0;  // of which KV follows
};

struct ArchiveTrailer {
  std::int32_t portions = 0;
  std::int64_t kv_bytes = 0;
  std::uint64_t checksum = 0;  // ArchiveChecksum over all before it
};

using ArchivePart = std::variant<ArchiveHeader, TranscriptTurn, KvPortion, ArchiveTrailer>;

}  // namespace pintle

#endif  // PINTLE_SESSIONS_SESSION_ARCHIVE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_SESSION_EXPORT_H_
#define PINTLE_SESSIONS_SESSION_EXPORT_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "contract/session_kv.h"
#include "sessions/archive_checksum.h"
#include "sessions/session_archive.h"
#include "sessions/session_record.h"

namespace pintle {

// One export as its reader pulls it: header, turns, portions of KV, trailer. A snapshot of the
// session: turns that run meanwhile change nothing in it.
// Thread: Next by one consumer at a time; its callback comes on any thread. Shared with the
// callbacks under way.
// Fails: WORKER_LOST when the worker goes while its KV is read; the archive is then incomplete and
// says so by having no trailer.
class SessionExport : public std::enable_shared_from_this<SessionExport> {
 public:
  using PartDone = absl::AnyInvocable<void(absl::StatusOr<std::optional<ArchivePart>>)>;
  using Opened = absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<SessionExport>>)>;

  // `fingerprint` is of the session's model now; `kv` may be null: then the archive has no KV.
  static void Open(StoredSession session, std::string fingerprint,
                   std::shared_ptr<SessionKvBackend> kv, Opened done);
  ~SessionExport();
  SessionExport(const SessionExport&) = delete;
  SessionExport& operator=(const SessionExport&) = delete;

  // The next part; nullopt after the trailer. Requires: the one before has been answered.
  void Next(PartDone done);

 private:
  SessionExport(StoredSession session, std::string fingerprint,
                std::shared_ptr<SessionKvBackend> kv);
  // Takes what the worker offers, if it was computed for this transcript.
  void TakeReading(const KvReading& reading);

  const StoredSession session_;
  const std::shared_ptr<SessionKvBackend> kv_;
  KvTransferId transfer_ = 0;
  ArchiveHeader header_;
  ArchiveTrailer trailer_;
  ArchiveChecksum checksum_;
  bool header_sent_ = false;
  bool trailer_sent_ = false;
  std::int32_t next_turn_ = 0;
  Position next_position_ = 0;
};

}  // namespace pintle

#endif  // PINTLE_SESSIONS_SESSION_EXPORT_H_

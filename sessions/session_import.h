// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_SESSION_IMPORT_H_
#define PINTLE_SESSIONS_SESSION_IMPORT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "contract/model_info.h"
#include "contract/session_kv.h"
#include "contract/turn_placer.h"
#include "sessions/archive_checksum.h"
#include "sessions/session_archive.h"
#include "sessions/session_store.h"

namespace pintle {

// One import as its parts come:
//
//   Accept(header) -> name taken in the store -> Accept(turn)* -> worker placed -> Accept(KV)*
//   -> Accept(trailer): all sums agree -> Finish: KV into the worker's cache, transcript into the
//   store. Any error, or the end before Finish: the name is free again and nothing is left.
//
// Thread: one call at a time; callbacks come on any thread. Shared with the callbacks under way.
// Borrows store, placer, directory and models.
// Fails: as Sessions.ImportSession says.
class SessionImport : public std::enable_shared_from_this<SessionImport> {
 public:
  struct Parts {
    SessionStore* store = nullptr;
    TurnPlacer* placer = nullptr;
    SessionKvDirectory* kv = nullptr;
    const TextBackend* models = nullptr;
    TenantId tenant;
    SessionId id;  // empty: the server chooses
    bool transcript_only = false;
  };
  struct Result {
    SessionKey key;
    Position kv_tokens = 0;
  };
  using Done = absl::AnyInvocable<void(absl::Status)>;
  using Finished = absl::AnyInvocable<void(absl::StatusOr<Result>)>;

  explicit SessionImport(Parts parts) : parts_(std::move(parts)) {}
  ~SessionImport();
  SessionImport(const SessionImport&) = delete;
  SessionImport& operator=(const SessionImport&) = delete;

  // After an error nothing more is accepted. Requires: the part before has been answered.
  void Accept(ArchivePart part, Done done);
  // No part follows.
  void Finish(Finished done);

 private:
  absl::Status Take(ArchiveHeader header);
  absl::Status CheckHeader(const ArchiveHeader& header, const ModelInfo& model) const;
  absl::Status Take(TranscriptTurn turn);
  absl::Status Take(const ArchiveTrailer& trailer) const;
  void Take(KvPortion portion, Done done);
  // Finds a worker and asks it for the transfer.
  void OpenWrite(KvPortion first, Done done);
  void Commit(Position kv_tokens, Finished done);

  const Parts parts_;
  ModelInfo model_;
  std::optional<ArchiveHeader> header_;
  std::optional<TurnTicket> ticket_;
  std::vector<TranscriptTurn> turns_;
  Position tokens_ = 0;         // of the turns so far
  std::size_t text_bytes_ = 0;  // of their messages
  Position kv_next_ = 0;
  std::int32_t portions_ = 0;
  std::int64_t kv_bytes_ = 0;
  ArchiveChecksum checksum_;
  bool complete_ = false;
  std::optional<Placement> placement_;
  std::shared_ptr<SessionKvBackend> backend_;
  KvTransferId transfer_ = 0;
};

}  // namespace pintle

#endif  // PINTLE_SESSIONS_SESSION_IMPORT_H_

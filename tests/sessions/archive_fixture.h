// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_SESSIONS_ARCHIVE_FIXTURE_H_
#define PINTLE_TESTS_SESSIONS_ARCHIVE_FIXTURE_H_

#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sessions/session_mover.h"
#include "tests/fakes/fake_session_kv.h"
#include "tests/sessions/front_fixture.h"

namespace pintle {

// One model "m" of fingerprint "f".
class OneModel final : public TextBackend {
 public:
  void Tokenize(TokenizeRequest, TokenizeCallback done) override { done(TokenizeResult()); }
  std::vector<ModelInfo> ListModels() const override {
    ModelInfo model;
    model.name = std::string("m");
    model.fingerprint = std::string("f");
    model.context_tokens = 100;
    model.vocabulary = 1000;
    return {model};
  }
};

// Sessions with KV, and their archives as lists of parts.
class ArchiveFixture {
 public:
  // A bound session of one chat turn of `tokens` ids, all of whose KV is held.
  SessionKey MakeSession(const char* id, std::int32_t tokens) {
    const SessionKey key = front.Create(id);
    auto begun = front.store.BeginTurn(key, std::nullopt);
    EXPECT_TRUE(front.store.Bind(begun->ticket, WorkerId("w0"), 1, false).ok());
    TurnPrepared prepared;
    prepared.messages = {Message{"user", "hello", {}, {}, {}}};
    prepared.appended.resize(static_cast<std::size_t>(tokens));
    std::iota(prepared.appended.begin(), prepared.appended.end(), 1);
    kv.kv->Put(key, prepared.appended);
    EXPECT_TRUE(front.store.CommitTurn(begun->ticket, prepared, TurnFinished()).ok());
    return key;
  }

  std::vector<ArchivePart> Export(const SessionKey& key, bool include_kv = true) {
    std::vector<ArchivePart> parts;
    std::shared_ptr<SessionExport> opened;
    mover.Export(key, include_kv, [&](absl::StatusOr<std::shared_ptr<SessionExport>> o) {
      EXPECT_TRUE(o.ok()) << o.status();
      opened = *std::move(o);
    });
    for (bool more = true; more;) {
      opened->Next([&](absl::StatusOr<std::optional<ArchivePart>> part) {
        EXPECT_TRUE(part.ok()) << part.status();
        more = part.ok() && part->has_value();
        if (more) parts.push_back(**std::move(part));
      });
    }
    return parts;
  }

  absl::StatusOr<SessionImport::Result> Import(std::vector<ArchivePart> parts, const char* id,
                                               bool transcript_only = false) {
    const auto import = mover.Import(front.tenant, SessionId(id), transcript_only);
    for (ArchivePart& part : parts) {
      absl::Status status;
      import->Accept(std::move(part), [&](absl::Status s) { status = std::move(s); });
      if (!status.ok()) return status;
    }
    absl::StatusOr<SessionImport::Result> result;
    import->Finish([&](absl::StatusOr<SessionImport::Result> r) { result = std::move(r); });
    return result;
  }

  FrontFixture front;
  OneModel models;
  OneSessionKv kv;
  SessionMover mover{{&front.store, &front.sessions, &front.placer, &kv, &models}};
};

}  // namespace pintle

#endif  // PINTLE_TESTS_SESSIONS_ARCHIVE_FIXTURE_H_

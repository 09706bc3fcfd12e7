// SPDX-License-Identifier: Apache-2.0
#include "sessions/session_mover.h"

#include <string>
#include <utility>

#include "contract/request_rules.h"

namespace pintle {

std::shared_ptr<SessionKvBackend> SessionMover::KvOf(const SessionBinding& binding) {
  return binding.incarnation == 0 ? nullptr
                                  : parts_.kv->KvOf(binding.worker, binding.incarnation);
}

void SessionMover::Fork(const SessionKey& from, const SessionId& id,
                        std::optional<Position> position, ViewDone done) {
  absl::Status valid = ValidateName("id", from.session.value());
  if (valid.ok() && !id.empty()) valid = ValidateName("new_id", id.value());
  if (!valid.ok()) return done(std::move(valid));
  absl::StatusOr<StoredSession> stored = parts_.store->Fork(from, id, position);
  if (!stored.ok()) return done(std::move(stored).status());
  const std::shared_ptr<SessionKvBackend> kv = KvOf(stored->binding);
  if (kv == nullptr) return done(parts_.front->Get(stored->key));
  // The answer waits for the worker, so that the fork's first turn finds the KV.
  kv->Fork(from, stored->key, stored->transcript.position(),
           [this, key = stored->key, done = std::move(done)](const absl::Status&) mutable {
             done(parts_.front->Get(key));
           });
}

void SessionMover::Truncate(const SessionKey& key, Position position, ViewDone done) {
  absl::Status valid = ValidateName("id", key.session.value());
  if (!valid.ok()) return done(std::move(valid));
  absl::StatusOr<StoredSession> stored = parts_.store->Truncate(key, position);
  if (!stored.ok()) return done(std::move(stored).status());
  const std::shared_ptr<SessionKvBackend> kv = KvOf(stored->binding);
  if (kv == nullptr) return done(parts_.front->Get(key));
  kv->Truncate(key, position, [this, key, done = std::move(done)](const absl::Status&) mutable {
    done(parts_.front->Get(key));
  });
}

void SessionMover::Export(const SessionKey& key, bool include_kv, SessionExport::Opened done) {
  absl::Status valid = ValidateName("id", key.session.value());
  if (!valid.ok()) return done(std::move(valid));
  absl::StatusOr<StoredSession> stored = parts_.store->Get(key);
  if (!stored.ok()) return done(std::move(stored).status());
  std::string fingerprint;
  for (const ModelInfo& model : parts_.models->ListModels()) {
    if (model.name == stored->model) fingerprint = model.fingerprint;
  }
  std::shared_ptr<SessionKvBackend> kv = include_kv ? KvOf(stored->binding) : nullptr;
  SessionExport::Open(*std::move(stored), std::move(fingerprint), std::move(kv), std::move(done));
}

std::shared_ptr<SessionImport> SessionMover::Import(const TenantId& tenant, const SessionId& id,
                                                    bool transcript_only) {
  SessionImport::Parts parts;
  parts.store = parts_.store;
  parts.placer = parts_.placer;
  parts.kv = parts_.kv;
  parts.models = parts_.models;
  parts.tenant = tenant;
  parts.id = id;
  parts.transcript_only = transcript_only;
  return std::make_shared<SessionImport>(std::move(parts));
}

}  // namespace pintle

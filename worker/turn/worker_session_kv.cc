// SPDX-License-Identifier: Apache-2.0
#include "worker/turn/worker_session_kv.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "contract/turn.h"
#include "sessions/archive_checksum.h"

namespace pintle {
namespace {

absl::Status Unknown() {
  return InvalidField("transfer", "is not under way here; it may have been given up");
}

absl::Status TooMany() {
  return MakeError(Reason::kQueueFull, absl::StrCat("transfers of sessions under way: limit ",
                                                    limits::kTransfers));
}

KvShape ShapeOf(const KvLayout& layout, const ModelInfo& model) {
  return {model.fingerprint, model.kv_dtype,  layout.layers,
          layout.kv_heads,   layout.head_dim, layout.element_bytes};
}

}  // namespace

WorkerSessionKv::WorkerSessionKv(Parts parts)
    : parts_(std::move(parts)), shape_(ShapeOf(parts_.layout, parts_.model)) {}

void WorkerSessionKv::Update(const SessionKey& key, Epoch epoch, SessionTerms terms,
                             VerdictDone done) {
  if (parts_.transcripts->IsStale(key, epoch)) {
    return done(MakeError(Reason::kStaleEpoch,
                          absl::StrCat("epoch is ", epoch, ", a newer binding is known here")));
  }
  parts_.engine->UpdateSession(key, std::move(terms), std::move(done));
}

void WorkerSessionKv::Fork(const SessionKey& from, const SessionKey& to, Position position,
                           Done done) {
  parts_.transcripts->Copy(from, to);
  parts_.engine->ForkSession(from, to, position, std::move(done));
}

void WorkerSessionKv::Truncate(const SessionKey& key, Position position, Done done) {
  parts_.engine->TruncateSession(key, position, std::move(done));
}

void WorkerSessionKv::QueryHeld(std::vector<SessionKey> keys, HeldDone done) {
  // Shared, because a refused question must still be answered.
  auto answer = std::make_shared<HeldDone>(std::move(done));
  const absl::Status asked = parts_.query_sessions(
      keys, [keys, answer](const std::vector<kv::KvSessionStats>& known) {
        absl::flat_hash_map<SessionKey, std::int64_t> tokens;
        for (const kv::KvSessionStats& session : known) tokens[session.key] = session.held_tokens;
        std::vector<std::int64_t> held;
        for (const SessionKey& key : keys) {
          const auto found = tokens.find(key);
          held.push_back(found == tokens.end() ? 0 : found->second);
        }
        (*answer)(std::move(held));
      });
  if (!asked.ok()) (*answer)(asked);
}

KvTransferId WorkerSessionKv::FreshId() {
  KvTransferId id = 0;
  while (id == 0 || readings_.contains(id) || writings_.contains(id)) id = parts_.random();
  return id;
}

void WorkerSessionKv::Forget() {
  const absl::Duration now = parts_.clock->Monotonic();
  // The engine gives its own up by the same rule.
  std::erase_if(readings_, [now](const auto& entry) {
    return now >= entry.second.used + limits::kTransferIdle;
  });
  for (auto it = writings_.begin(); it != writings_.end();) {
    const auto next = std::next(it);
    if (now >= it->second.used + limits::kTransferIdle) {
      staged_bytes_ -= it->second.staged_bytes;
      writings_.erase(it);
    }
    it = next;
  }
}

void WorkerSessionKv::OpenRead(const SessionKey& key, Position tokens_max, ReadingDone done) {
  parts_.engine->OpenReading(
      key, tokens_max,
      [this, done = std::move(done)](absl::StatusOr<EngineReading> reading) mutable {
        if (!reading.ok()) return done(std::move(reading).status());
        KvReading answer;
        answer.shape = shape_;
        answer.tokens = static_cast<Position>(reading->tokens.size());
        answer.digest = ExtendTranscriptDigest(kEmptyTranscriptDigest, reading->tokens);
        {
          absl::MutexLock lock(&mutex_);
          Forget();
          answer.transfer = FreshId();
          readings_[answer.transfer] = {reading->number, answer.tokens, 0,
                                        parts_.clock->Monotonic()};
        }
        done(std::move(answer));
      });
}

std::int32_t WorkerSessionKv::PortionTokens(Position first, Position end) const {
  // Equal parts of a block, each within the bound.
  const std::int64_t most =
      std::max<std::int64_t>(1, limits::kPortionBytes / shape_.BytesPerToken());
  const std::int64_t block = parts_.layout.block_tokens;
  const std::int64_t parts = (block + most - 1) / most;
  const auto size = static_cast<std::int32_t>((block + parts - 1) / parts);
  const auto left = static_cast<std::int32_t>(block - first % block);
  return std::min({size, left, end - first});
}

void WorkerSessionKv::Read(KvTransferId transfer, PortionDone done) {
  std::uint64_t number = 0;
  KvPortion portion;
  absl::Status refused;
  {
    absl::MutexLock lock(&mutex_);
    Forget();
    const auto found = readings_.find(transfer);
    if (found == readings_.end()) {
      refused = Unknown();
    } else if (found->second.next >= found->second.tokens) {
      refused = InvalidField("transfer", "has been read to its end");
    } else {
      Reading& it = found->second;
      it.used = parts_.clock->Monotonic();
      number = it.number;
      portion.first = it.next;
      portion.tokens = PortionTokens(it.next, it.tokens);
      it.next += portion.tokens;
    }
  }
  if (!refused.ok()) return done(std::move(refused));
  const Position first = portion.first;
  const std::int32_t tokens = portion.tokens;
  parts_.engine->ReadPositions(
      number, first, tokens,
      [portion = std::move(portion),
       done = std::move(done)](absl::StatusOr<std::string> bytes) mutable {
        if (!bytes.ok()) return done(std::move(bytes).status());
        portion.data = *std::move(bytes);
        portion.checksum = PortionChecksum(portion.data);
        done(std::move(portion));
      });
}

void WorkerSessionKv::OpenWrite(KvWriting writing, TransferDone done) {
  if (writing.shape != shape_) {
    return done(MakeError(Reason::kFingerprintMismatch,
                          "the KV was made by another model, or with another KV dtype; import the "
                          "transcript alone (transcript_only)"));
  }
  if (writing.tokens.empty() ||
      writing.tokens.size() >= static_cast<std::size_t>(parts_.model.context_tokens)) {
    return done(InvalidField("header.kv_tokens",
                             absl::StrCat("is ", writing.tokens.size(), ", must be 1 to ",
                                          parts_.model.context_tokens - 1)));
  }
  KvTransferId id = 0;
  {
    absl::MutexLock lock(&mutex_);
    Forget();
    if (writings_.size() < limits::kTransfers) {
      id = FreshId();
      Writing& it = writings_[id];
      it.writing = std::move(writing);
      it.used = parts_.clock->Monotonic();
    }
  }
  if (id == 0) return done(TooMany());
  done(id);
}

absl::Status WorkerSessionKv::Stage(Writing& writing, KvPortion portion) {
  const auto end = static_cast<Position>(writing.writing.tokens.size());
  if (portion.first != writing.next || portion.tokens < 1 || portion.tokens > end - portion.first) {
    return InvalidField("kv.first_position",
                        absl::StrCat("is ", portion.first, " with ", portion.tokens,
                                     " tokens, expected ", writing.next, " of ", end));
  }
  const std::int64_t bytes = portion.tokens * shape_.BytesPerToken();
  if (static_cast<std::int64_t>(portion.data.size()) != bytes) {
    return InvalidField("kv.data",
                        absl::StrCat("has ", portion.data.size(), " bytes, expected ", bytes));
  }
  if (PortionChecksum(portion.data) != portion.checksum) {
    return InvalidField("kv.checksum", "does not agree with the data: the archive is damaged");
  }
  writing.next += portion.tokens;
  writing.full = writing.full || staged_bytes_ + bytes > limits::kStagedBytes;
  if (writing.full) return absl::OkStatus();
  staged_bytes_ += bytes;
  writing.staged_bytes += bytes;
  writing.portions.push_back(std::move(portion));
  return absl::OkStatus();
}

void WorkerSessionKv::Write(KvTransferId transfer, KvPortion portion, Done done) {
  absl::Status status = Unknown();
  {
    absl::MutexLock lock(&mutex_);
    const auto found = writings_.find(transfer);
    if (found != writings_.end()) {
      found->second.used = parts_.clock->Monotonic();
      status = Stage(found->second, std::move(portion));
    }
  }
  done(std::move(status));
}

void WorkerSessionKv::FinishWrite(KvTransferId transfer, TokensDone done) {
  EngineImport import;
  std::int64_t bytes = 0;
  absl::Status refused = Unknown();
  {
    absl::MutexLock lock(&mutex_);
    const auto found = writings_.find(transfer);
    if (found != writings_.end()) {
      Writing& it = found->second;
      bytes = it.staged_bytes;
      if (it.next != static_cast<Position>(it.writing.tokens.size())) {
        refused = InvalidField("kv", absl::StrCat("ends at position ", it.next, " of ",
                                                  it.writing.tokens.size()));
        staged_bytes_ -= bytes;
      } else {
        refused = absl::OkStatus();
        import.key = it.writing.key;
        import.tokens = std::move(it.writing.tokens);
        import.portions = std::move(it.portions);
        if (!it.writing.trusted) import.secret = FreshId();
      }
      writings_.erase(found);
    }
  }
  if (!refused.ok()) return done(std::move(refused));
  parts_.engine->Import(
      std::move(import),
      [this, bytes, done = std::move(done)](absl::StatusOr<Position> tokens) mutable {
        {
          absl::MutexLock lock(&mutex_);
          staged_bytes_ -= bytes;
        }
        done(std::move(tokens));
      });
}

void WorkerSessionKv::Close(KvTransferId transfer) {
  std::uint64_t number = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (const auto found = readings_.find(transfer); found != readings_.end()) {
      number = found->second.number;
      readings_.erase(found);
    }
    if (const auto found = writings_.find(transfer); found != writings_.end()) {
      staged_bytes_ -= found->second.staged_bytes;
      writings_.erase(found);
    }
  }
  if (number != 0) parts_.engine->CloseReading(number);
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "sessions/session_import.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "sessions/session_rules.h"

namespace pintle {
namespace {

absl::Status OutOfOrder(absl::string_view what) {
  return InvalidField("part", absl::StrCat(what, " is not expected here: the archive is damaged"));
}

std::size_t TextBytesOf(const TranscriptTurn& turn) {
  std::size_t bytes = turn.tools_json.size() + turn.template_arguments_json.size();
  for (const Message& message : turn.messages) {
    bytes += message.role.size() + message.text.size() + message.name.size() +
             message.tool_call_id.size();
    for (const ToolCall& call : message.tool_calls) {
      bytes += call.id.size() + call.name.size() + call.arguments_json.size();
    }
  }
  return bytes;
}

}  // namespace

SessionImport::~SessionImport() {
  if (transfer_ != 0) backend_->Close(transfer_);
  if (!ticket_) return;
  // The name is free again, unless somebody deleted the session and made another.
  const absl::StatusOr<StoredSession> known = parts_.store->Get(ticket_->key);
  if (known.ok() && known->running == ticket_->number) {
    parts_.store->Delete(ticket_->key).IgnoreError();
  }
}

void SessionImport::Accept(ArchivePart part, Done done) {
  if (complete_) return done(OutOfOrder("a part after the trailer"));
  if (auto* portion = std::get_if<KvPortion>(&part)) {
    return Take(std::move(*portion), std::move(done));
  }
  absl::Status status;
  if (auto* header = std::get_if<ArchiveHeader>(&part)) {
    status = Take(std::move(*header));
  } else if (auto* turn = std::get_if<TranscriptTurn>(&part)) {
    status = Take(std::move(*turn));
  } else {
    status = Take(std::get<ArchiveTrailer>(part));
    complete_ = status.ok();
  }
  done(std::move(status));
}

absl::Status SessionImport::CheckHeader(const ArchiveHeader& header, const ModelInfo& model) const {
  if (header.version != kArchiveVersion) {
    return InvalidField("header.version", absl::StrCat("is ", header.version,
                                                       ", this server reads ", kArchiveVersion));
  }
  if (header.position < 0 || header.position > model.context_tokens) {
    return InvalidField("header.position",
                        absl::StrCat("is ", header.position, ", the context has ",
                                     model.context_tokens));
  }
  if (header.turns < 0 || header.turns > std::min(limits::kArchiveTurns, header.position)) {
    return InvalidField("header.turns", absl::StrCat("is ", header.turns, " for ", header.position,
                                                     " tokens"));
  }
  if (header.kv_tokens < 0 || header.kv_tokens > header.position) {
    return InvalidField("header.kv_tokens", absl::StrCat("is ", header.kv_tokens, " of ",
                                                         header.position));
  }
  if (header.shape.fingerprint == model.fingerprint || parts_.transcript_only) {
    return absl::OkStatus();
  }
  return MakeError(Reason::kFingerprintMismatch,
                   "the archive was made by another model; transcript_only imports its messages "
                   "and token ids, if the tokenizer is the same");
}

absl::Status SessionImport::Take(ArchiveHeader header) {
  if (header_) return OutOfOrder("a second header");
  NewSession session;
  session.id = parts_.id;
  session.lease = header.lease;
  session.labels = header.labels;
  PINTLE_ASSIGN_OR_RETURN(session.model, parts_.placer->ResolveModel(header.model));
  PINTLE_RETURN_IF_ERROR(ValidateNewSession(session));
  for (const ModelInfo& model : parts_.models->ListModels()) {
    if (model.name == session.model) model_ = model;
  }
  PINTLE_RETURN_IF_ERROR(CheckHeader(header, model_));
  PINTLE_ASSIGN_OR_RETURN(const StoredSession stored,
                          parts_.store->Create(parts_.tenant, std::move(session)));
  PINTLE_ASSIGN_OR_RETURN(BegunTurn begun, parts_.store->BeginTurn(stored.key, std::nullopt));
  ticket_ = std::move(begun.ticket);
  checksum_.Add(header);
  header_ = std::move(header);
  return absl::OkStatus();
}

absl::Status SessionImport::Take(TranscriptTurn turn) {
  if (!header_ || portions_ > 0 || static_cast<std::int32_t>(turns_.size()) >= header_->turns) {
    return OutOfOrder("a turn");
  }
  const auto left = static_cast<std::size_t>(header_->position - tokens_);
  if (turn.tokens.empty() || turn.tokens.size() > left || turn.output_tokens < 0 ||
      static_cast<std::size_t>(turn.output_tokens) > turn.tokens.size()) {
    return InvalidField("turn.token_ids",
                        absl::StrCat("has ", turn.tokens.size(), " ids, ", left, " are left"));
  }
  for (const TokenId token : turn.tokens) {
    if (token < 0 || token >= model_.vocabulary) {
      return InvalidField("turn.token_ids", absl::StrCat("has ", token, ", the vocabulary has ",
                                                         model_.vocabulary));
    }
  }
  text_bytes_ += TextBytesOf(turn);
  if (text_bytes_ > limits::kArchiveTextBytes) {
    return InvalidField("turn.messages", absl::StrCat("have ", text_bytes_, " bytes, limit ",
                                                      limits::kArchiveTextBytes));
  }
  tokens_ += static_cast<Position>(turn.tokens.size());
  checksum_.Add(turn);
  turns_.push_back(std::move(turn));
  return absl::OkStatus();
}

void SessionImport::Take(KvPortion portion, Done done) {
  if (!header_ || tokens_ != header_->position) return done(OutOfOrder("KV"));
  if (portion.first != kv_next_ || portion.tokens < 1 ||
      portion.tokens > header_->kv_tokens - kv_next_) {
    return done(OutOfOrder("a portion of KV"));
  }
  if (PortionChecksum(portion.data) != portion.checksum) {
    return done(
        InvalidField("kv.checksum", "does not agree with the data: the archive is damaged"));
  }
  kv_next_ += portion.tokens;
  ++portions_;
  kv_bytes_ += static_cast<std::int64_t>(portion.data.size());
  checksum_.Add(portion);
  if (parts_.transcript_only) return done(absl::OkStatus());
  if (transfer_ == 0) return OpenWrite(std::move(portion), std::move(done));
  backend_->Write(transfer_, std::move(portion),
                  [self = shared_from_this(), done = std::move(done)](absl::Status status) mutable {
                    done(std::move(status));
                  });
}

void SessionImport::OpenWrite(KvPortion first, Done done) {
  PlacementQuery query;
  query.session = ticket_->key;
  query.model = model_.name;
  query.new_tokens = header_->position - header_->kv_tokens;
  absl::StatusOr<Placement> placement = parts_.placer->Place(query);
  if (!placement.ok()) return done(std::move(placement).status());
  placement_ = *std::move(placement);
  backend_ = parts_.kv->KvOf(placement_->worker, placement_->incarnation);
  if (backend_ == nullptr) {
    return done(MakeError(Reason::kWorkerLost, "the worker left while the session was placed"));
  }
  KvWriting writing;
  writing.key = ticket_->key;
  writing.shape = header_->shape;
  for (const TranscriptTurn& turn : turns_) {
    writing.tokens.insert(writing.tokens.end(), turn.tokens.begin(), turn.tokens.end());
  }
  writing.tokens.resize(static_cast<std::size_t>(header_->kv_tokens));
  backend_->OpenWrite(std::move(writing),
                      [self = shared_from_this(), first = std::move(first),
                       done = std::move(done)](absl::StatusOr<KvTransferId> transfer) mutable {
                        if (!transfer.ok()) return done(std::move(transfer).status());
                        self->transfer_ = *transfer;
                        self->backend_->Write(
                            *transfer, std::move(first),
                            [self, done = std::move(done)](absl::Status status) mutable {
                              done(std::move(status));
                            });
                      });
}

absl::Status SessionImport::Take(const ArchiveTrailer& trailer) const {
  if (!header_) return OutOfOrder("a trailer");
  if (tokens_ != header_->position || static_cast<std::int32_t>(turns_.size()) != header_->turns ||
      kv_next_ != header_->kv_tokens || trailer.portions != portions_ ||
      trailer.kv_bytes != kv_bytes_) {
    return InvalidField("trailer", "does not agree with what came: the archive is incomplete");
  }
  if (trailer.checksum != checksum_.value()) {
    return InvalidField("trailer.checksum", "does not agree: the archive is damaged");
  }
  return absl::OkStatus();
}

void SessionImport::Finish(Finished done) {
  if (!complete_) {
    return done(InvalidField("part", "the archive ends before its trailer: it is incomplete"));
  }
  if (transfer_ == 0) return Commit(0, std::move(done));
  const absl::StatusOr<SessionBinding> bound =
      parts_.store->Bind(*ticket_, placement_->worker, placement_->incarnation, /*fence=*/false);
  if (!bound.ok()) return done(bound.status());
  backend_->FinishWrite(
      std::exchange(transfer_, 0), [self = shared_from_this(), done = std::move(done)](
                                       absl::StatusOr<Position> tokens) mutable {
        if (!tokens.ok()) return done(std::move(tokens).status());
        self->Commit(*tokens, std::move(done));
      });
}

void SessionImport::Commit(Position kv_tokens, Finished done) {
  const absl::StatusOr<StoredSession> stored = parts_.store->CommitImport(
      *ticket_, Transcript::Of(std::move(turns_)), header_->template_clock);
  const SessionKey key = ticket_->key;
  ticket_.reset();
  if (!stored.ok()) {
    // It was deleted meanwhile.
    if (placement_) placement_->backend->DropSession(key);
    return done(stored.status());
  }
  done(Result{key, kv_tokens});
}

}  // namespace pintle

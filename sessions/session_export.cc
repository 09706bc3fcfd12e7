// SPDX-License-Identifier: Apache-2.0
#include "sessions/session_export.h"

#include <utility>

#include "contract/errors.h"

namespace pintle {
namespace {

std::uint64_t DigestOfPrefix(const Transcript& transcript, Position tokens) {
  std::uint64_t digest = kEmptyTranscriptDigest;
  for (std::int32_t i = 0; i < transcript.turns() && tokens > 0; ++i) {
    const auto& ids = transcript.turn(i).tokens;
    const auto part = absl::MakeConstSpan(ids).first(
        std::min(ids.size(), static_cast<std::size_t>(tokens)));
    digest = ExtendTranscriptDigest(digest, part);
    tokens -= static_cast<Position>(part.size());
  }
  return digest;
}

}  // namespace

SessionExport::SessionExport(StoredSession session, std::string fingerprint,
                             std::shared_ptr<SessionKvBackend> kv)
    : session_(std::move(session)), kv_(std::move(kv)) {
  header_.session = session_.key.session.value();
  header_.model = session_.model;
  header_.shape.fingerprint = std::move(fingerprint);
  header_.template_clock = session_.template_clock;
  header_.lease = session_.lease;
  header_.pin = session_.pin;
  header_.labels = session_.labels;
  header_.turns = session_.transcript.turns();
  header_.position = session_.transcript.position();
}

SessionExport::~SessionExport() {
  if (transfer_ != 0) kv_->Close(transfer_);
}

void SessionExport::Open(StoredSession session, std::string fingerprint,
                         std::shared_ptr<SessionKvBackend> kv, Opened done) {
  std::shared_ptr<SessionExport> self(
      new SessionExport(std::move(session), std::move(fingerprint), std::move(kv)));
  if (self->kv_ == nullptr || self->header_.position == 0) return done(std::move(self));
  SessionKvBackend& backend = *self->kv_;
  const SessionKey key = self->session_.key;
  const Position position = self->header_.position;
  backend.OpenRead(key, position,
                   [self = std::move(self), done = std::move(done)](
                       absl::StatusOr<KvReading> reading) mutable {
                     if (!reading.ok()) return done(std::move(reading).status());
                     self->TakeReading(*reading);
                     done(std::move(self));
                   });
}

void SessionExport::TakeReading(const KvReading& reading) {
  transfer_ = reading.transfer;
  // KV of other tokens than the transcript's is nobody's truth: a turn is about to replace it.
  if (reading.tokens > header_.position ||
      reading.digest != DigestOfPrefix(session_.transcript, reading.tokens)) {
    return;
  }
  header_.shape = reading.shape;
  header_.kv_tokens = reading.tokens;
}

void SessionExport::Next(PartDone done) {
  if (!header_sent_) {
    header_sent_ = true;
    checksum_.Add(header_);
    return done(ArchivePart(header_));
  }
  if (next_turn_ < header_.turns) {
    const TranscriptTurn& turn = session_.transcript.turn(next_turn_++);
    checksum_.Add(turn);
    return done(ArchivePart(turn));
  }
  if (next_position_ < header_.kv_tokens) {
    kv_->Read(transfer_, [self = shared_from_this(), done = std::move(done)](
                             absl::StatusOr<KvPortion> portion) mutable {
      if (!portion.ok()) return done(std::move(portion).status());
      if (portion->first != self->next_position_ || portion->tokens < 1) {
        return done(MakeError(Reason::kModelFailed, "the worker sent KV out of order"));
      }
      self->next_position_ += portion->tokens;
      ++self->trailer_.portions;
      self->trailer_.kv_bytes += static_cast<std::int64_t>(portion->data.size());
      self->checksum_.Add(*portion);
      done(ArchivePart(*std::move(portion)));
    });
    return;
  }
  if (trailer_sent_) return done(std::nullopt);
  trailer_sent_ = true;
  trailer_.checksum = checksum_.value();
  done(ArchivePart(trailer_));
}

}  // namespace pintle

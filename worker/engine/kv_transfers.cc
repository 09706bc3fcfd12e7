// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/kv_transfers.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "worker/engine/tier_link.h"

namespace pintle {
namespace {

absl::Status TooMany() {
  return MakeError(Reason::kQueueFull, absl::StrCat("transfers of sessions under way: limit ",
                                                    limits::kTransfers));
}

// Copies positions [from, from + count) of a portion of `tokens`, both in the neutral layout.
void Slice(absl::Span<const std::byte> portion, std::int32_t tokens, std::int32_t from,
           std::int32_t count, std::size_t row_bytes, std::vector<std::byte>& out) {
  const std::size_t plane = static_cast<std::size_t>(tokens) * row_bytes;
  const std::size_t part = static_cast<std::size_t>(count) * row_bytes;
  const std::size_t planes = portion.size() / plane;
  out.resize(planes * part);
  for (std::size_t i = 0; i < planes; ++i) {
    std::memcpy(out.data() + i * part,
                portion.data() + i * plane + static_cast<std::size_t>(from) * row_bytes, part);
  }
}

}  // namespace

void KvTransfers::Open(const SessionKey& key, Position tokens_max, absl::Duration now,
                       EngineKv::ReadingDone done) {
  if (readings_.size() + lifting_ >= limits::kTransfers) return done(TooMany());
  absl::StatusOr<kv::KvSequence> sequence = cache_.Borrow(key, tokens_max, now);
  if (!sequence.ok()) return done(std::move(sequence).status());
  const kv::KvCache::LowerPart lower = cache_.SessionLower(key);
  const bool ends_there = cache_.HeldTokens(key) - lower.tokens == sequence->tokens();
  if (tier_ == nullptr || lower.tokens == 0 || !ends_there ||
      tokens_max < sequence->tokens() + lower.tokens) {
    return Register(*std::move(sequence), now, std::move(done));
  }
  ++lifting_;
  tier_->Lift(*std::move(sequence), lower, now,
              [this, now, done = std::move(done)](kv::KvSequence lifted) mutable {
                --lifting_;
                Register(std::move(lifted), now, std::move(done));
              });
}

void KvTransfers::Register(kv::KvSequence sequence, absl::Duration now,
                           EngineKv::ReadingDone done) {
  EngineReading reading;
  reading.number = next_reading_++;
  cache_.ReadTokens(sequence, &reading.tokens);
  readings_[reading.number] = Reading{std::move(sequence), now};
  done(std::move(reading));
}

absl::StatusOr<std::string> KvTransfers::Read(std::uint64_t reading, Position first,
                                              std::int32_t count, absl::Duration now) {
  const auto found = readings_.find(reading);
  if (found == readings_.end()) {
    return InvalidField("transfer", "is not under way here; it may have been given up");
  }
  Reading& it = found->second;
  it.used = now;
  const KvLayout layout = decoder_.Layout();
  if (first < 0 || count < 1 || count > it.sequence.tokens() - first ||
      first % layout.block_tokens + count > layout.block_tokens) {
    return InvalidField("transfer", "has no such positions in one block");
  }
  std::string bytes(static_cast<std::size_t>(count) * layout.bytes_per_token, '\0');
  const BlockIndex block =
      it.sequence.block_table()[static_cast<std::size_t>(first / layout.block_tokens)];
  PINTLE_RETURN_IF_ERROR(decoder_.ExportBlock(
      block, first % layout.block_tokens, count,
      absl::MakeSpan(reinterpret_cast<std::byte*>(bytes.data()), bytes.size())));
  return bytes;
}

void KvTransfers::Close(std::uint64_t reading, absl::Duration now) {
  const auto found = readings_.find(reading);
  if (found == readings_.end()) return;
  cache_.Rollback(std::move(found->second.sequence), now);
  readings_.erase(found);
}

void KvTransfers::Import(EngineImport import, EngineKv::TokensDone done, absl::Duration now) {
  if (imports_.size() >= limits::kTransfers) return done(TooMany());
  absl::StatusOr<kv::KvSequence> sequence = cache_.BeginImport(import.key, import.secret, now);
  if (!sequence.ok()) return done(std::move(sequence).status());
  imports_.push_back({std::move(import), std::move(done), *std::move(sequence), 0});
}

absl::Status KvTransfers::Write(Importing& importing, const KvPortion& portion,
                                absl::Duration now) {
  const KvLayout layout = decoder_.Layout();
  const auto row_bytes = static_cast<std::size_t>(layout.head_dim * layout.element_bytes);
  const auto whole = absl::MakeConstSpan(
      reinterpret_cast<const std::byte*>(portion.data.data()), portion.data.size());
  const Position end = portion.first + portion.tokens;
  for (Position at = portion.first; at < end;) {
    const Position next = std::min(end, (at / layout.block_tokens + 1) * layout.block_tokens);
    const std::int32_t count = next - at;
    absl::Span<const std::byte> bytes = whole;
    if (count != portion.tokens) {
      Slice(whole, portion.tokens, at - portion.first, count, row_bytes, scratch_);
      bytes = scratch_;
    }
    PINTLE_RETURN_IF_ERROR(cache_.Grow(importing.sequence, next, now));
    const BlockIndex block =
        importing.sequence.block_table()[static_cast<std::size_t>(at / layout.block_tokens)];
    PINTLE_RETURN_IF_ERROR(
        decoder_.ImportBlock(block, at % layout.block_tokens, count, bytes));
    cache_.Append(importing.sequence,
                  absl::MakeConstSpan(importing.import.tokens)
                      .subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(count)),
                  now);
    at = next;
  }
  return absl::OkStatus();
}

void KvTransfers::Commit(Importing& importing, absl::Duration now) {
  const Position tokens = importing.sequence.tokens();
  cache_.CommitTurn(std::move(importing.sequence), tokens, now);
  importing.done(tokens);
}

bool KvTransfers::Step(absl::Duration now) {
  if (imports_.empty()) return false;
  Importing& importing = imports_.front();
  const std::vector<KvPortion>& portions = importing.import.portions;
  absl::Status status;
  if (importing.next < portions.size()) status = Write(importing, portions[importing.next++], now);
  if (status.ok() && importing.next < portions.size()) {
    // Others get the next slice.
    imports_.splice(imports_.end(), imports_, imports_.begin());
    return true;
  }
  // KV is a cache: what found no room will be computed again.
  if (status.ok() || HasReason(status, Reason::kPoolFull)) {
    Commit(importing, now);
  } else {
    cache_.Rollback(std::move(importing.sequence), now);
    importing.done(std::move(status));
  }
  imports_.pop_front();
  return true;
}

absl::Duration KvTransfers::NextTimer() const {
  absl::Duration next = absl::InfiniteDuration();
  for (const auto& [number, reading] : readings_) {
    next = std::min(next, reading.used + limits::kTransferIdle);
  }
  return next;
}

bool KvTransfers::RunTimers(absl::Duration now) {
  bool ended = false;
  for (auto it = readings_.begin(); it != readings_.end();) {
    const auto next = std::next(it);
    if (now >= it->second.used + limits::kTransferIdle) {
      Close(it->first, now);
      ended = true;
    }
    it = next;
  }
  return ended;
}

bool KvTransfers::Yield(absl::Duration now) {
  if (readings_.empty() && imports_.empty() && lifting_ == 0) return false;
  if (tier_ != nullptr) tier_->EndLifts();
  while (!readings_.empty()) Close(readings_.begin()->first, now);
  for (Importing& importing : imports_) Commit(importing, now);
  imports_.clear();
  return true;
}

void KvTransfers::EndAll(const absl::Status& why, absl::Duration now) {
  if (tier_ != nullptr) tier_->EndLifts();
  while (!readings_.empty()) Close(readings_.begin()->first, now);
  for (Importing& importing : imports_) {
    cache_.Rollback(std::move(importing.sequence), now);
    importing.done(why);
  }
  imports_.clear();
}

}  // namespace pintle

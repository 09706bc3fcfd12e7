// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/fake_session_kv.h"

#include <algorithm>
#include <cstring>

#include "contract/errors.h"
#include "contract/turn.h"
#include "sessions/archive_checksum.h"

namespace pintle {

void FakeSessionKv::Put(const SessionKey& key, std::vector<TokenId> tokens) {
  absl::MutexLock lock(&mutex_);
  held_[key] = std::move(tokens);
}

std::vector<TokenId> FakeSessionKv::Held(const SessionKey& key) const {
  absl::MutexLock lock(&mutex_);
  const auto found = held_.find(key);
  return found == held_.end() ? std::vector<TokenId>() : found->second;
}

std::size_t FakeSessionKv::open_transfers() const {
  absl::MutexLock lock(&mutex_);
  return transfers_.size();
}

std::optional<SessionTerms> FakeSessionKv::TermsOf(const SessionKey& key) const {
  absl::MutexLock lock(&mutex_);
  const auto found = terms_.find(key);
  if (found == terms_.end()) return std::nullopt;
  return found->second;
}

void FakeSessionKv::Answer(absl::StatusOr<PinVerdict> verdict) {
  absl::MutexLock lock(&mutex_);
  verdict_ = std::move(verdict);
}

void FakeSessionKv::Update(const SessionKey& key, Epoch /*epoch*/, SessionTerms terms,
                           VerdictDone done) {
  absl::StatusOr<PinVerdict> verdict = PinVerdict::kAccepted;
  {
    absl::MutexLock lock(&mutex_);
    verdict = verdict_;
    if (verdict.ok()) terms_[key] = std::move(terms);
  }
  done(std::move(verdict));
}

void FakeSessionKv::Fork(const SessionKey& from, const SessionKey& to, Position position,
                         Done done) {
  std::vector<TokenId> tokens = Held(from);
  tokens.resize(std::min(tokens.size(), static_cast<std::size_t>(position)));
  Put(to, std::move(tokens));
  done(absl::OkStatus());
}

void FakeSessionKv::Truncate(const SessionKey& key, Position position, Done done) {
  std::vector<TokenId> tokens = Held(key);
  tokens.resize(std::min(tokens.size(), static_cast<std::size_t>(position)));
  Put(key, std::move(tokens));
  done(absl::OkStatus());
}

void FakeSessionKv::QueryHeld(std::vector<SessionKey> keys, HeldDone done) {
  {
    absl::MutexLock lock(&mutex_);
    if (silent_) {
      unanswered_.emplace_back(std::move(keys), std::move(done));
      return;
    }
  }
  std::vector<std::int64_t> held;
  for (const SessionKey& key : keys) held.push_back(static_cast<std::int64_t>(Held(key).size()));
  done(std::move(held));
}

void FakeSessionKv::set_silent(bool silent) {
  std::vector<std::pair<std::vector<SessionKey>, HeldDone>> late;
  {
    absl::MutexLock lock(&mutex_);
    silent_ = silent;
    if (!silent) late.swap(unanswered_);
  }
  for (auto& [keys, done] : late) QueryHeld(std::move(keys), std::move(done));
}

void FakeSessionKv::OpenRead(const SessionKey& key, Position tokens_max, ReadingDone done) {
  KvReading reading;
  std::vector<TokenId> tokens = Held(key);
  tokens.resize(std::min(tokens.size(), static_cast<std::size_t>(tokens_max)));
  reading.shape = Shape();
  reading.tokens = static_cast<Position>(tokens.size());
  reading.digest = ExtendTranscriptDigest(kEmptyTranscriptDigest, tokens);
  {
    absl::MutexLock lock(&mutex_);
    reading.transfer = next_++;
    transfers_[reading.transfer] = {key, std::move(tokens), 0};
  }
  done(reading);
}

void FakeSessionKv::Read(KvTransferId transfer, PortionDone done) {
  KvPortion portion;
  {
    absl::MutexLock lock(&mutex_);
    Transfer& it = transfers_.at(transfer);
    const std::size_t count = std::min<std::size_t>(3, it.tokens.size() - it.next);
    portion.first = static_cast<Position>(it.next);
    portion.tokens = static_cast<std::int32_t>(count);
    portion.data.resize(4 * count);
    std::memcpy(portion.data.data(), it.tokens.data() + it.next, 4 * count);
    portion.checksum = PortionChecksum(portion.data);
    it.next += count;
  }
  done(std::move(portion));
}

void FakeSessionKv::OpenWrite(KvWriting writing, TransferDone done) {
  if (writing.shape != Shape()) {
    return done(MakeError(Reason::kFingerprintMismatch, "another model's KV"));
  }
  KvTransferId id = 0;
  {
    absl::MutexLock lock(&mutex_);
    id = next_++;
    transfers_[id] = {writing.key, std::move(writing.tokens), 0};
  }
  done(id);
}

void FakeSessionKv::Write(KvTransferId transfer, KvPortion portion, Done done) {
  {
    absl::MutexLock lock(&mutex_);
    transfers_.at(transfer).next += static_cast<std::size_t>(portion.tokens);
  }
  done(absl::OkStatus());
}

void FakeSessionKv::FinishWrite(KvTransferId transfer, TokensDone done) {
  Position tokens = 0;
  {
    absl::MutexLock lock(&mutex_);
    Transfer& it = transfers_.at(transfer);
    tokens = static_cast<Position>(it.tokens.size());
    held_[it.key] = std::move(it.tokens);
    transfers_.erase(transfer);
  }
  done(tokens);
}

void FakeSessionKv::Close(KvTransferId transfer) {
  absl::MutexLock lock(&mutex_);
  transfers_.erase(transfer);
}

}  // namespace pintle

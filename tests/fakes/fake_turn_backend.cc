// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/fake_turn_backend.h"

#include <algorithm>
#include <string>
#include <variant>

#include "contract/check.h"
#include "contract/errors.h"

namespace pintle {
namespace {

std::string TextOf(const std::vector<TokenId>& tokens) {
  std::string text;
  for (const TokenId token : tokens) text.push_back(static_cast<char>('a' + token % 26));
  return text;
}

std::int32_t CountTokens(const std::vector<TranscriptTurn>& turns) {
  std::size_t count = 0;
  for (const TranscriptTurn& turn : turns) count += turn.tokens.size();
  return static_cast<std::int32_t>(count);
}

}  // namespace

std::vector<TokenId> FakeAnswer(std::uint64_t context_digest, std::int32_t count) {
  std::vector<TokenId> tokens;
  std::uint64_t digest = context_digest;
  for (std::int32_t i = 0; i < count; ++i) {
    tokens.push_back(static_cast<TokenId>((digest >> 17) % 50000));
    digest = ExtendTranscriptDigest(digest, absl::MakeConstSpan(&tokens.back(), 1));
  }
  return tokens;
}

std::vector<TokenId> FakeTokens(const GenerationInput& input) {
  std::string bytes;
  if (const auto* tokens = std::get_if<TokensInput>(&input)) return *tokens;
  if (const auto* prompt = std::get_if<PromptInput>(&input)) bytes = prompt->text;
  if (const auto* chat = std::get_if<ChatInput>(&input)) {
    for (const Message& message : chat->messages) bytes += message.text;
  }
  std::vector<TokenId> tokens;
  for (const char byte : bytes) tokens.push_back(static_cast<unsigned char>(byte));
  return tokens;
}

class FakeTurn::Stream final : public TurnStream {
 public:
  explicit Stream(std::shared_ptr<FakeTurn> turn) : turn_(std::move(turn)) {}
  ~Stream() override {
    turn_->signal_->Close();
    absl::MutexLock lock(&turn_->mutex_);
    turn_->released_ = true;
    if (!turn_->ended_) {
      turn_->ended_ = true;
      turn_->cancelled_.emplace(CancelMode::kRollback, absl::CancelledError("released"));
    }
  }

  void SetReadyCallback(absl::AnyInvocable<void()> callback) override {
    turn_->signal_->SetCallback(std::move(callback));
  }
  std::optional<TurnEvent> Next() override {
    absl::MutexLock lock(&turn_->mutex_);
    if (turn_->said_.empty()) return std::nullopt;
    TurnEvent event = std::move(turn_->said_.front());
    turn_->said_.pop_front();
    return event;
  }
  void Cancel(CancelMode mode, absl::Status why) override { turn_->Cancel(mode, std::move(why)); }

 private:
  const std::shared_ptr<FakeTurn> turn_;
};

FakeTurn::FakeTurn(FakeTurnBackend& backend, TurnRequest request, std::deque<TurnEvent> script,
                   std::vector<TranscriptTurn> base)
    : backend_(backend),
      request_(std::move(request)),
      base_(std::move(base)),
      script_(std::move(script)) {}

bool FakeTurn::Step() {
  TurnEvent event;
  {
    absl::MutexLock lock(&mutex_);
    if (script_.empty() || ended_) return false;
    event = std::move(script_.front());
    script_.pop_front();
  }
  Say(std::move(event));
  return true;
}

void FakeTurn::StepAll() {
  while (Step()) {
  }
}

void FakeTurn::Say(TurnEvent event) {
  {
    absl::MutexLock lock(&mutex_);
    if (ended_) return;
    if (const auto* prepared = std::get_if<TurnPrepared>(&event)) prepared_ = *prepared;
    const auto* chunk = std::get_if<TurnChunk>(&event);
    if (chunk != nullptr && chunk->choice == 0) {
      delivered_.insert(delivered_.end(), chunk->tokens.begin(), chunk->tokens.end());
    }
    const auto* finished = std::get_if<TurnFinished>(&event);
    if (finished != nullptr && prepared_) {
      backend_.Store(*this, *prepared_, *finished);
    }
    ended_ = IsLast(event);
    said_.push_back(std::move(event));
  }
  signal_->Notify();
}

void FakeTurn::IgnoreCancel() {
  absl::MutexLock lock(&mutex_);
  ignore_cancel_ = true;
}

void FakeTurn::Cancel(CancelMode mode, absl::Status why) {
  TurnFinished finished;
  {
    absl::MutexLock lock(&mutex_);
    if (ended_) return;
    cancelled_.emplace(mode, why);
    if (ignore_cancel_) return;
    finished.output = delivered_;
    finished.usage.completion_tokens = static_cast<std::int32_t>(delivered_.size());
    if (!prepared_) mode = CancelMode::kRollback;
  }
  if (mode == CancelMode::kRollback) {
    Say(TurnFailed{std::move(why)});
    return;
  }
  for (std::int32_t choice = 0; choice < request_.request.n; ++choice) {
    Say(TurnChoiceFinished{choice, FinishReason::kCancelled, ""});
  }
  Say(std::move(finished));
}

std::optional<std::pair<CancelMode, absl::Status>> FakeTurn::cancelled() const {
  absl::MutexLock lock(&mutex_);
  return cancelled_;
}

bool FakeTurn::released() const {
  absl::MutexLock lock(&mutex_);
  return released_;
}

FakeTurnBackend::FakeTurnBackend(Options options) : options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<TurnStream>> FakeTurnBackend::Start(TurnRequest turn) {
  std::shared_ptr<FakeTurn> fake;
  {
    absl::MutexLock lock(&mutex_);
    if (fail_next_) {
      absl::Status status = *std::move(fail_next_);
      fail_next_.reset();
      return status;
    }
    absl::StatusOr<std::vector<TranscriptTurn>> base = Resolve(turn);
    std::deque<TurnEvent> script;
    if (base.ok()) {
      script = ScriptFor(turn, *base);
    } else {
      script.push_back(TurnFailed{base.status()});
      base.emplace();
    }
    fake = std::make_shared<FakeTurn>(*this, std::move(turn), std::move(script), *std::move(base));
    turns_.push_back(fake);
  }
  if (options_.answer_at_once) fake->StepAll();
  return std::make_unique<FakeTurn::Stream>(std::move(fake));
}

absl::StatusOr<std::vector<TranscriptTurn>> FakeTurnBackend::Resolve(const TurnRequest& turn) {
  if (turn.request.session.empty()) return std::vector<TranscriptTurn>();
  Copy& copy = copies_[SessionKey{turn.tenant, turn.request.session}];
  if (turn.incarnation != options_.incarnation || turn.epoch < copy.epoch) {
    return MakeError(Reason::kStaleEpoch, "an older binding");
  }
  copy.epoch = turn.epoch;
  const auto base = static_cast<std::size_t>(turn.base_turns);
  if (copy.turns.size() < base || TranscriptDigest(copy.turns, base) != turn.base_digest) {
    return MakeError(Reason::kPositionMismatch, "the copy is another");
  }
  copy.turns.resize(base);
  copy.turns.insert(copy.turns.end(), turn.missing_turns.begin(), turn.missing_turns.end());
  return copy.turns;
}

std::deque<TurnEvent> FakeTurnBackend::ScriptFor(const TurnRequest& turn,
                                                 const std::vector<TranscriptTurn>& base) const {
  std::deque<TurnEvent> script;
  TurnPrepared prepared;
  prepared.kept_turns = static_cast<std::int32_t>(base.size());
  prepared.truncated_to = CountTokens(base);
  prepared.appended = FakeTokens(turn.request.input);
  prepared.history = base.empty() ? HistoryOutcome::kNew : HistoryOutcome::kAppended;
  script.push_back(prepared);
  TurnStarted started;
  started.worker = options_.worker;
  started.incarnation = options_.incarnation;
  started.prompt_tokens =
      prepared.truncated_to + static_cast<std::int32_t>(prepared.appended.size());
  script.push_back(started);
  const std::uint64_t context =
      ExtendTranscriptDigest(TranscriptDigest(base, base.size()), prepared.appended);
  const std::int32_t count = turn.request.stopping.max_tokens.value_or(4);
  TurnFinished finished;
  for (std::int32_t choice = 0; choice < turn.request.n; ++choice) {
    const std::vector<TokenId> answer =
        FakeAnswer(context + static_cast<std::uint64_t>(choice), count);
    for (std::int32_t at = 0; at < count; at += options_.tokens_per_chunk) {
      TurnChunk chunk;
      chunk.choice = choice;
      chunk.first_index = at;
      const std::int32_t end = std::min(count, at + options_.tokens_per_chunk);
      chunk.tokens.assign(answer.begin() + at, answer.begin() + end);
      chunk.text = TextOf(chunk.tokens);
      script.push_back(std::move(chunk));
    }
    script.push_back(TurnChoiceFinished{choice, FinishReason::kLength, ""});
    if (choice == 0) finished.output = answer;
  }
  finished.usage = Usage{started.prompt_tokens, 0, count * turn.request.n};
  script.push_back(std::move(finished));
  return script;
}

void FakeTurnBackend::Store(const FakeTurn& turn, const TurnPrepared& prepared,
                            const TurnFinished& finished) {
  if (turn.request_.request.session.empty()) return;
  absl::MutexLock lock(&mutex_);
  const auto it = copies_.find(SessionKey{turn.request_.tenant, turn.request_.request.session});
  if (it == copies_.end() || it->second.epoch != turn.request_.epoch) return;
  if (static_cast<std::size_t>(prepared.kept_turns) > turn.base_.size()) return;
  it->second.turns = CommitToTranscript(turn.base_, prepared, finished);
}

void FakeTurnBackend::DropSession(const SessionKey& key) {
  absl::MutexLock lock(&mutex_);
  copies_.erase(key);
  drops_.push_back(key);
}

void FakeTurnBackend::FailNextStart(absl::Status status) {
  absl::MutexLock lock(&mutex_);
  fail_next_ = std::move(status);
}

void FakeTurnBackend::ForgetCopies() {
  absl::MutexLock lock(&mutex_);
  copies_.clear();
}

std::size_t FakeTurnBackend::starts() const {
  absl::MutexLock lock(&mutex_);
  return turns_.size();
}

std::shared_ptr<FakeTurn> FakeTurnBackend::turn(std::size_t index) const {
  absl::MutexLock lock(&mutex_);
  PINTLE_CHECK(index < turns_.size(), "no such turn was started");
  return turns_[index];
}

std::shared_ptr<FakeTurn> FakeTurnBackend::last() const {
  absl::MutexLock lock(&mutex_);
  PINTLE_CHECK(!turns_.empty(), "no turn was started");
  return turns_.back();
}

std::vector<SessionKey> FakeTurnBackend::drops() const {
  absl::MutexLock lock(&mutex_);
  return drops_;
}

bool FakeTurnBackend::Holds(const SessionKey& key) const {
  absl::MutexLock lock(&mutex_);
  return copies_.contains(key);
}

}  // namespace pintle

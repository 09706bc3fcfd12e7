// SPDX-License-Identifier: Apache-2.0
#include "worker/turn/turn_task.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "worker/text/seam/turn_history.h"

namespace pintle {
namespace {

template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <typename... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

absl::Status CheckModel(const GenerationRequest& request, const ModelInfo& model) {
  if (request.model.empty() || request.model == model.name) return absl::OkStatus();
  return MakeError(Reason::kModelNotFound, "model is not served here; see ListModels");
}

absl::Status CheckContext(std::size_t new_tokens, std::size_t prompt_tokens, Position context) {
  const auto limit = static_cast<std::size_t>(context);
  if (prompt_tokens < limit) return absl::OkStatus();
  if (new_tokens >= limit) {
    ErrorDetail detail;
    detail.reason = Reason::kPromptTooLong;
    detail.fields.push_back(
        {"input", absl::StrCat("has ", new_tokens, " tokens, limit ", limit - 1)});
    return MakeError(std::move(detail),
                     absl::StrCat("input has ", new_tokens, " tokens, limit ", limit - 1));
  }
  return MakeError(Reason::kContextFull, absl::StrCat("the session's context would have ",
                                                      prompt_tokens, " tokens, limit ", limit - 1));
}

}  // namespace

TurnTask::TurnTask(TurnEnvironment& environment, TurnRequest request,
                   absl::AnyInvocable<void(TurnTask*)> on_end)
    : environment_(environment),
      request_(std::move(request)),
      key_{request_.tenant, request_.request.session},
      start_(environment.clock->Monotonic()),
      on_end_(std::move(on_end)) {}

absl::Status TurnTask::Start() {
  absl::MutexLock lock(&mutex_);
  job_posted_ = environment_.pool->TryPost([self = shared_from_this()] { self->RunJob(); });
  if (job_posted_) return absl::OkStatus();
  return MakeError(Reason::kQueueFull,
                   absl::StrCat("the text queue holds ", limits::kTextJobs, " jobs, its limit"));
}

void TurnTask::StartAccepted() {
  absl::MutexLock lock(&mutex_);
  if (job_posted_) return;
  job_posted_ = true;
  environment_.pool->PostAccepted([self = shared_from_this()] { self->RunJob(); });
}

bool TurnTask::ending() const {
  absl::MutexLock lock(&mutex_);
  return ending_;
}

// --- The consumer's side -------------------------------------------------------------------

void TurnTask::SetReadyCallback(absl::AnyInvocable<void()> callback) {
  signal_.SetCallback(std::move(callback));
}

std::optional<TurnEvent> TurnTask::Next() {
  std::optional<TurnEvent> event;
  {
    absl::MutexLock lock(&mutex_);
    if (ready_.empty()) return std::nullopt;
    event = std::move(ready_.front());
    ready_.pop_front();
  }
  if (const auto* chunk = std::get_if<TurnChunk>(&*event)) {
    AddUnread(-static_cast<std::int32_t>(chunk->tokens.size()));
  }
  return event;
}

void TurnTask::Cancel(CancelMode mode, absl::Status why) {
  absl::MutexLock lock(&mutex_);
  // The first wish counts, but a rollback still overrides a partial commit not yet carried out.
  if (cancel_ && cancel_->first == CancelMode::kRollback) return;
  if (mode == CancelMode::kRollback) ending_ = true;
  cancel_.emplace(mode, why.ok() ? absl::CancelledError("the turn was cancelled") : std::move(why));
  PostJobLocked();
}

void TurnTask::Detach() {
  signal_.Close();
  Cancel(CancelMode::kRollback, absl::CancelledError("the caller went away"));
}

// --- The engine's side ---------------------------------------------------------------------

void TurnTask::Push(EngineEvent event) {
  if (std::holds_alternative<EngineToken>(event)) unread_tokens_.fetch_add(1);
  {
    absl::MutexLock lock(&mutex_);
    raw_.push_back(std::move(event));
    if (job_posted_) return;
    job_posted_ = true;
  }
  // Not under the lock: the job may begin, and want it, before this returns.
  if (environment_.engine_wakes_pool) {
    environment_.pool->PostQuietly([self = shared_from_this()] { self->RunJob(); });
  } else {
    environment_.pool->Post([self = shared_from_this()] { self->RunJob(); });
  }
}

std::int32_t TurnTask::UnreadMax() const {
  return static_cast<std::int32_t>(limits::kOutboxEvents) * request_.request.n;
}

bool TurnTask::Paused() const { return unread_tokens_.load() >= UnreadMax(); }

void TurnTask::AddUnread(std::int32_t tokens) {
  const std::int32_t before = unread_tokens_.fetch_add(tokens);
  if (before >= UnreadMax() && before + tokens < UnreadMax()) environment_.engine->Wake();
}

// --- Text jobs -----------------------------------------------------------------------------

void TurnTask::PostJobLocked() {
  if (job_posted_) return;
  job_posted_ = true;
  environment_.pool->Post([self = shared_from_this()] { self->RunJob(); });
}

bool TurnTask::TakeWork(std::optional<std::pair<CancelMode, absl::Status>>& cancel,
                        std::deque<EngineEvent>& events) {
  absl::MutexLock lock(&mutex_);
  cancel.reset();
  if (cancel_ && !last_emitted_) cancel.swap(cancel_);
  events.clear();
  events.swap(raw_);
  const bool work = cancel.has_value() || !events.empty() || !prepare_done_;
  if (!work) job_posted_ = false;
  return work;
}

void TurnTask::RunJob() {
  std::optional<std::pair<CancelMode, absl::Status>> cancel;
  std::deque<EngineEvent> events;
  while (TakeWork(cancel, events)) {
    if (cancel && !prepare_done_) {
      prepare_done_ = true;
      Fail(std::move(cancel->second));
      cancel.reset();
    }
    if (!prepare_done_) {
      prepare_done_ = true;
      Prepare();
    }
    for (EngineEvent& event : events) Handle(std::move(event));
    if (cancel) ApplyCancel(cancel->first, std::move(cancel->second));
    signal_.Notify();
  }
}

void TurnTask::Prepare() {
  absl::StatusOr<EngineTurn> turn = PrepareEngineTurn();
  if (!turn.ok()) return Fail(std::move(turn).status());
  prompt_tokens_ = static_cast<std::int32_t>(turn->prompt.size());
  Emit(prepared_);
  absl::StatusOr<TurnId> id = environment_.engine->Submit(*std::move(turn));
  if (!id.ok()) return Fail(std::move(id).status());
  turn_ = *id;
}

absl::StatusOr<EngineTurn> TurnTask::PrepareEngineTurn() {
  const GenerationRequest& request = request_.request;
  PINTLE_RETURN_IF_ERROR(CheckModel(request, environment_.model));
  if (request_.incarnation != 0 && request_.incarnation != environment_.incarnation) {
    return MakeError(Reason::kStaleEpoch, "incarnation is not this worker's");
  }
  if (environment_.clock->Monotonic() >= request_.deadline) {
    return absl::DeadlineExceededError("the deadline passed before the turn began");
  }
  if (key_.session.empty()) {
    transcript_ = std::make_shared<const std::vector<TranscriptTurn>>();
  } else {
    PINTLE_ASSIGN_OR_RETURN(transcript_, environment_.transcripts->Resolve(request_));
  }
  PINTLE_ASSIGN_OR_RETURN(prepared_, text::PrepareTurn(*environment_.text, *transcript_,
                                                       request.input, request_.template_clock));
  EngineTurn turn;
  turn.key = key_;
  for (std::int32_t i = 0; i < prepared_.kept_turns; ++i) {
    const std::vector<TokenId>& tokens = (*transcript_)[static_cast<std::size_t>(i)].tokens;
    turn.prompt.insert(turn.prompt.end(), tokens.begin(), tokens.end());
  }
  turn.prompt.insert(turn.prompt.end(), prepared_.appended.begin(), prepared_.appended.end());
  const Position context = environment_.model.context_tokens;
  PINTLE_RETURN_IF_ERROR(CheckContext(prepared_.appended.size(), turn.prompt.size(), context));

  seed_ = request.sampling.seed ? *request.sampling.seed : environment_.draw_seed();
  turn.sampling = ResolveSampling(request.sampling, environment_.defaults, seed_);
  turn.stopping = ResolveStopping(request.stopping, environment_.defaults,
                                  context - static_cast<Position>(turn.prompt.size()));
  turn.logprobs = request.output.logprobs;
  turn.top_logprobs = request.output.top_logprobs;
  turn.prompt_logprobs = request.output.prompt_logprobs;
  turn.n = request.n;
  turn.priority = request.priority;
  turn.deadline = request_.deadline;
  turn.request_id = request.request_id;
  turn.pin = request_.pin;
  turn.lease = request_.lease;
  turn.sink = shared_from_this();
  choices_.reserve(static_cast<std::size_t>(request.n));
  for (std::int32_t choice = 0; choice < request.n; ++choice) {
    choices_.emplace_back(choice, *environment_.text, request, turn.stopping);
  }
  return turn;
}

void TurnTask::Handle(EngineEvent event) {
  if (last_emitted_) return;
  std::visit(Overloaded{
                 [this](const EngineStarted& started) { HandleStarted(started); },
                 [this](EnginePromptScores& scores) { HandleScores(std::move(scores)); },
                 [this](EngineToken& token) { HandleToken(std::move(token)); },
                 [this](const EngineChoiceEnded& ended) { HandleChoiceEnded(ended); },
                 [this](const EngineEnded& ended) { HandleEnded(ended); },
             },
             event);
}

void TurnTask::HandleStarted(const EngineStarted& started) {
  cached_ = started.cached;
  queue_ = started.queue;
  TurnStarted event;
  event.worker = environment_.worker;
  event.incarnation = environment_.incarnation;
  event.seed = seed_;
  event.history = prepared_.history;
  event.dropped_tokens = prepared_.dropped_tokens;
  event.prompt_tokens = started.prompt_tokens;
  event.cached = started.cached;
  event.queue = started.queue;
  Emit(std::move(event));
  if (request_.request.output.echo) EmitEcho();
}

void TurnTask::EmitEcho() {
  TurnPromptChunk chunk;
  chunk.first_position = prepared_.truncated_to;
  chunk.tokens = prepared_.appended;
  chunk.text =
      environment_.text->Decode(prepared_.appended, request_.request.output.skip_special_tokens);
  Emit(std::move(chunk));
}

void TurnTask::HandleScores(EnginePromptScores scores) {
  TurnPromptChunk chunk;
  chunk.first_position = scores.first_position;
  for (const TokenLogprob& score : scores.scores) chunk.tokens.push_back(score.token);
  chunk.logprobs = std::move(scores.scores);
  Emit(std::move(chunk));
}

void TurnTask::HandleToken(EngineToken token) {
  ChoiceOutput& output = choices_[static_cast<std::size_t>(token.choice)];
  // Tokens made after a stop string are dropped: the engine had not heard of it yet.
  if (!output.finished() && !commit_sent_) {
    const std::int32_t choice = token.choice;
    absl::StatusOr<std::optional<TurnChunk>> chunk = output.Push(std::move(token));
    if (!chunk.ok()) {
      environment_.engine->Cancel(*turn_, std::move(chunk).status());
    } else {
      if (*chunk) Deliver(**std::move(chunk));
      if (output.stopped()) {
        environment_.engine->StopChoice(*turn_, choice);
        AnnounceChoice(choice);
        CommitIfDone();
      }
    }
  }
  AddUnread(-1);
}

void TurnTask::HandleChoiceEnded(const EngineChoiceEnded& ended) {
  ChoiceOutput& output = choices_[static_cast<std::size_t>(ended.choice)];
  if (output.finished()) return;
  FinishChoice(output, ended.reason);
  AnnounceChoice(ended.choice);
  CommitIfDone();
}

void TurnTask::FinishChoice(ChoiceOutput& output, FinishReason reason) {
  if (std::optional<TurnChunk> rest = output.Finish(reason)) Deliver(*std::move(rest));
}

void TurnTask::AnnounceChoice(std::int32_t choice) {
  const ChoiceOutput& output = choices_[static_cast<std::size_t>(choice)];
  TurnChoiceFinished finished;
  finished.choice = choice;
  finished.reason = output.reason();
  finished.stop = output.matched_stop();
  Emit(std::move(finished));
}

void TurnTask::CommitIfDone() {
  if (commit_sent_) return;
  const bool done = std::all_of(choices_.begin(), choices_.end(),
                                [](const ChoiceOutput& output) { return output.finished(); });
  if (!done) return;
  commit_sent_ = true;
  environment_.engine->Commit(*turn_, EngineCommit{choices_.front().delivered()});
}

void TurnTask::ApplyCancel(CancelMode mode, absl::Status why) {
  if (last_emitted_) return;
  // A submit that failed has emitted its end, so the engine knows this turn.
  if (mode == CancelMode::kRollback) {
    environment_.engine->Cancel(*turn_, std::move(why));
    return;
  }
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    if (choices_[i].finished()) continue;
    const auto choice = static_cast<std::int32_t>(i);
    environment_.engine->StopChoice(*turn_, choice);
    FinishChoice(choices_[i], FinishReason::kCancelled);
    AnnounceChoice(choice);
  }
  CommitIfDone();
}

void TurnTask::HandleEnded(const EngineEnded& ended) {
  if (!ended.status.ok()) return Fail(ended.status);
  const ChoiceOutput& committed = choices_.front();
  TurnFinished finished;
  finished.usage = CurrentUsage();
  finished.timings = {queue_, first_token_.value_or(Elapsed()), Elapsed()};
  finished.output = committed.delivered();
  if (std::holds_alternative<ChatInput>(request_.request.input)) {
    finished.answer.role = "assistant";
    finished.answer.text = committed.text();
  }
  finished.closed = committed.reason() == FinishReason::kEos;
  if (!key_.session.empty()) {
    environment_.transcripts->Store(key_, request_.epoch,
                                    std::make_shared<const std::vector<TranscriptTurn>>(
                                        CommitToTranscript(*transcript_, prepared_, finished)));
  }
  EmitLast(std::move(finished));
}

void TurnTask::Fail(absl::Status why) { EmitLast(TurnFailed{std::move(why)}); }

void TurnTask::EmitLast(TurnEvent event) {
  last_emitted_ = true;
  if (on_end_) on_end_(this);
  Emit(std::move(event));
}

void TurnTask::Deliver(TurnChunk chunk) {
  if (!first_token_) first_token_ = Elapsed();
  unread_tokens_.fetch_add(static_cast<std::int32_t>(chunk.tokens.size()));
  absl::MutexLock lock(&mutex_);
  // A reader that is behind gets fewer, larger chunks.
  if (environment_.merge_chunks && !ready_.empty()) {
    auto* last = std::get_if<TurnChunk>(&ready_.back());
    if (last != nullptr && MergeChunk(*last, std::move(chunk))) return;
  }
  ready_.push_back(std::move(chunk));
}

void TurnTask::Emit(TurnEvent event) {
  absl::MutexLock lock(&mutex_);
  ready_.push_back(std::move(event));
}

Usage TurnTask::CurrentUsage() const {
  Usage usage;
  usage.prompt_tokens = prompt_tokens_;
  usage.cached_tokens = cached_.Total();
  for (const ChoiceOutput& output : choices_) {
    usage.completion_tokens += static_cast<std::int32_t>(output.delivered().size());
  }
  return usage;
}

absl::Duration TurnTask::Elapsed() const { return environment_.clock->Monotonic() - start_; }

}  // namespace pintle

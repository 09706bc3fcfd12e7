// SPDX-License-Identifier: Apache-2.0
#include "worker/turn/worker_turns.h"

#include <utility>
#include <variant>

#include "contract/errors.h"
#include "contract/status_macros.h"
#include "worker/turn/turn_task.h"

namespace pintle {
namespace {

// The consumer's end of a turn: leaving it rolls the turn back.
class TaskStream final : public TurnStream {
 public:
  explicit TaskStream(std::shared_ptr<TurnTask> task) : task_(std::move(task)) {}
  ~TaskStream() override { task_->Detach(); }

  void SetReadyCallback(absl::AnyInvocable<void()> callback) override {
    task_->SetReadyCallback(std::move(callback));
  }
  std::optional<TurnEvent> Next() override { return task_->Next(); }
  void Cancel(CancelMode mode, absl::Status why) override { task_->Cancel(mode, std::move(why)); }

 private:
  std::shared_ptr<TurnTask> task_;
};

absl::StatusOr<TokenizeResult> TokenizeNow(const TurnEnvironment& environment,
                                           const TokenizeRequest& request) {
  const text::TextModel& model = *environment.text;
  TokenizeResult result;
  if (const auto* tokens = std::get_if<TokensInput>(&request.input)) {
    for (const TokenId token : *tokens) {
      if (token < 0 || static_cast<std::size_t>(token) >= model.vocab_size()) {
        return InvalidField("tokens", "holds an id outside the vocabulary");
      }
    }
    result.tokens = *tokens;
    result.text = model.Decode(*tokens, /*skip_special=*/false);
    return result;
  }
  if (const auto* prompt = std::get_if<PromptInput>(&request.input)) {
    PINTLE_ASSIGN_OR_RETURN(result.tokens,
                            model.Encode(prompt->text, {.add_special_tokens = true,
                                                        .parse_special = prompt->parse_special}));
    result.text = prompt->text;
    return result;
  }
  const auto& chat = std::get<ChatInput>(request.input);
  const absl::Time now = request.template_clock == absl::UnixEpoch() ? environment.clock->Wall()
                                                                     : request.template_clock;
  PINTLE_ASSIGN_OR_RETURN(
      const text::RenderedChat rendered,
      model.RenderChat(chat.messages, {.tools_json = chat.tools_json,
                                       .template_arguments_json = chat.template_arguments_json,
                                       .add_generation_prompt = request.add_generation_prompt,
                                       .now = now}));
  PINTLE_ASSIGN_OR_RETURN(result.tokens, model.EncodeRendered(rendered, 0));
  result.text = rendered.text;
  return result;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TurnStream>> WorkerTurns::Start(TurnRequest turn) {
  auto task = std::make_shared<TurnTask>(environment_, std::move(turn),
                                         [this](TurnTask* ended) { Leave(ended); });
  PINTLE_RETURN_IF_ERROR(task->key().session.empty() ? task->Start() : Enter(task));
  return std::make_unique<TaskStream>(std::move(task));
}

absl::Status WorkerTurns::Enter(const std::shared_ptr<TurnTask>& task) {
  absl::MutexLock lock(&mutex_);
  Live& live = live_[task->key()];
  if (live.running == nullptr) {
    absl::Status started = task->Start();
    if (started.ok()) {
      live.running = task;
    } else {
      live_.erase(task->key());
    }
    return started;
  }
  const bool newer = task->epoch() > live.running->epoch();
  if ((!newer && !live.running->ending()) || live.waiting.size() >= kWaitingTurns) {
    return MakeError(Reason::kSessionBusy, "the session is running another turn");
  }
  if (newer) {
    live.running->Cancel(CancelMode::kRollback,
                         MakeError(Reason::kStaleEpoch, "the session was bound anew"));
  }
  live.waiting.push_back(task);
  return absl::OkStatus();
}

void WorkerTurns::Leave(TurnTask* task) {
  absl::MutexLock lock(&mutex_);
  const auto found = live_.find(task->key());
  if (found == live_.end()) return;
  Live& live = found->second;
  if (live.running.get() != task) {
    // Cancelled while it waited.
    std::erase_if(live.waiting, [task](const auto& waiting) { return waiting.get() == task; });
    return;
  }
  if (live.waiting.empty()) {
    live_.erase(found);
    return;
  }
  live.running = std::move(live.waiting.front());
  live.waiting.pop_front();
  live.running->StartAccepted();
}

void WorkerTurns::DropSession(const SessionKey& key) {
  environment_.transcripts->Drop(key);
  environment_.engine->DropSession(key);
}

void WorkerTurns::Tokenize(TokenizeRequest request, TokenizeCallback done) {
  if (!request.model.empty() && request.model != environment_.model.name) {
    return done(MakeError(Reason::kModelNotFound, "model is not served here; see ListModels"));
  }
  // Shared, because a refused job must still be answered.
  auto answer = std::make_shared<TokenizeCallback>(std::move(done));
  const bool posted = environment_.pool->TryPost([this, request = std::move(request), answer] {
    (*answer)(TokenizeNow(environment_, request));
  });
  if (!posted) (*answer)(MakeError(Reason::kQueueFull, "the text queue is full"));
}

}  // namespace pintle

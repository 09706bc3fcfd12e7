// SPDX-License-Identifier: Apache-2.0
#include "tests/worker/turn/turn_bench.h"

#include "absl/synchronization/mutex.h"
#include "contract/check.h"

namespace pintle {

FakeDecoderOptions TurnBench::Small() {
  FakeDecoderOptions options;
  options.vocabulary = text::FakeTextModel::kVocabSize;
  options.eos_token = text::FakeTextModel::kImEnd;
  options.context_tokens = 2048;
  return options;
}

TurnBench::TurnBench(std::int32_t blocks, FakeDecoderOptions options) {
  auto decoder = std::make_unique<FakeDecoder>(options);
  decoder_ = decoder.get();
  PINTLE_CHECK(decoder->AllocateKv(blocks).ok(), "the fake allocates");
  EngineOptions engine_options;
  engine_options.slow_reader_time = absl::Milliseconds(300);
  engine_ = *Engine::Create(engine_options, std::move(decoder), clock_);
  pool_ = std::make_unique<TextPool>(2, 1000);
  environment_.worker = WorkerId("w");
  environment_.incarnation = 7;
  environment_.model.name = "fake";
  environment_.model.context_tokens = options.context_tokens;
  // The decoder makes this one only where a test asks for it.
  environment_.defaults.eos_token_ids = {options.eos_token};
  environment_.text = &text_;
  environment_.engine = engine_.get();
  environment_.pool = pool_.get();
  environment_.transcripts = &transcripts_;
  environment_.clock = &clock_;
  environment_.draw_seed = [] { return std::uint64_t{42}; };
  turns_ = std::make_unique<WorkerTurns>(environment_);
  engine_->Start();
}

TurnBench::~TurnBench() {
  engine_->Stop();
  pool_.reset();  // Before what its jobs use.
}

TurnRequest TurnBench::Prompt(const std::string& text, std::int32_t max_tokens) {
  TurnRequest request;
  request.tenant = TenantId("t");
  request.request.input = PromptInput{text, true};
  request.request.sampling.temperature = 0.0F;
  request.request.stopping.max_tokens = max_tokens;
  return request;
}

TurnRequest TurnBench::Chat(const std::string& session, const std::string& text,
                            std::int32_t max_tokens) {
  TurnRequest request = Prompt("", max_tokens);
  request.request.session = SessionId(session);
  ChatInput chat;
  chat.messages.push_back({"user", text, {}, "", ""});
  request.request.input = chat;
  request.epoch = 1;
  // An owner that is in step with this worker names its whole transcript as the base.
  const auto copy = owner_.find(session);
  if (copy == owner_.end()) return request;
  request.base_turns = static_cast<std::int32_t>(copy->second.size());
  for (const TranscriptTurn& turn : copy->second) {
    request.base_position += static_cast<Position>(turn.tokens.size());
  }
  request.base_digest = TranscriptDigest(copy->second, copy->second.size());
  return request;
}

SeenTurn TurnBench::Drain(TurnStream& stream) {
  // Shared with the callback, which may still run when the last event has been taken.
  struct Ready {
    absl::Mutex mutex;
    bool ready = false;
  };
  const auto signal = std::make_shared<Ready>();
  SeenTurn seen;
  stream.SetReadyCallback([signal] {
    absl::MutexLock lock(&signal->mutex);
    signal->ready = true;
  });
  bool last = false;
  while (!last) {
    std::optional<TurnEvent> event = stream.Next();
    if (!event) {
      absl::MutexLock lock(&signal->mutex);
      PINTLE_CHECK(
          signal->mutex.AwaitWithTimeout(absl::Condition(&signal->ready), absl::Seconds(60)),
          "a turn without an end");
      signal->ready = false;
      continue;
    }
    last = IsLast(*event);
    if (auto* prepared = std::get_if<TurnPrepared>(&*event)) seen.prepared = *prepared;
    if (auto* started = std::get_if<TurnStarted>(&*event)) seen.started = *started;
    if (auto* chunk = std::get_if<TurnChunk>(&*event); chunk != nullptr && chunk->choice == 0) {
      PINTLE_CHECK(static_cast<std::size_t>(chunk->first_index) == seen.tokens.size(), "a gap");
      seen.tokens.insert(seen.tokens.end(), chunk->tokens.begin(), chunk->tokens.end());
      seen.text += chunk->text;
      seen.logprobs.insert(seen.logprobs.end(), chunk->logprobs.begin(), chunk->logprobs.end());
    }
    if (auto* choice = std::get_if<TurnChoiceFinished>(&*event); choice && choice->choice == 0) {
      seen.choice = *choice;
    }
    if (auto* finished = std::get_if<TurnFinished>(&*event)) seen.finished = *finished;
    if (auto* failed = std::get_if<TurnFailed>(&*event)) seen.status = failed->status;
    seen.events.push_back(*std::move(event));
  }
  return seen;
}

SeenTurn TurnBench::Run(TurnRequest request) {
  const std::string session = request.request.session.value();
  auto stream = turns_->Start(std::move(request));
  PINTLE_CHECK(stream.ok(), "the text pool has room");
  SeenTurn seen = Drain(**stream);
  if (!session.empty() && seen.status.ok()) Keep(session, seen);
  return seen;
}

void TurnBench::Keep(const std::string& session, const SeenTurn& seen) {
  owner_[session] = CommitToTranscript(owner_[session], seen.prepared, seen.finished);
}

std::int64_t TurnBench::BlocksInUse() {
  PINTLE_CHECK(engine_->AwaitIdle(absl::Seconds(60)), "a turn without an end");
  // The figures may be one step older than the end of the last turn.
  while (engine_->Snapshot().turns_running > 0) engine_->Wake();
  return engine_->Snapshot().kv.Blocks(kv::BlockState::kInUse);
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "tests/worker/engine/stream_load.h"

#include <ctime>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "contract/check.h"
#include "tests/worker/engine/engine_bench.h"

namespace pintle {
namespace {

constexpr std::size_t kPromptTokens = 32;
constexpr std::int32_t kBlocks = 24000;

}  // namespace

StreamLoad::StreamLoad(std::int32_t sessions, std::int32_t tokens) : tokens_(tokens) {
  FakeDecoderOptions options;
  options.context_tokens = 1 << 20;
  auto decoder = std::make_unique<FakeDecoder>(options);
  PINTLE_CHECK(decoder->AllocateKv(kBlocks).ok(), "the pool is small");
  streams_.resize(static_cast<std::size_t>(sessions));
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    streams_[i].prompt = EngineBench::Prompt(kPromptTokens, static_cast<std::uint32_t>(i));
    streams_[i].expected = decoder->ReferenceTokens(streams_[i].prompt, tokens);
  }
  auto engine = Engine::Create(EngineOptions(), std::move(decoder), clock_);
  PINTLE_CHECK(engine.ok(), "valid options");
  engine_ = *std::move(engine);
  engine_->Start();
}

void StreamLoad::Submit(std::size_t index) {
  Stream& stream = streams_[index];
  EngineTurn turn = EngineBench::Turn(stream.prompt, tokens_);
  turn.key.session = SessionId(absl::StrCat("s", index));
  stream.sink = std::make_shared<RecordingSink>(
      [this, index](const EngineEvent& event) { Notice(index, event); });
  turn.sink = stream.sink;
  const auto id = engine_->Submit(std::move(turn));
  PINTLE_CHECK(id.ok(), "the session is free and the queue has room");
  stream.turn = *id;
}

void StreamLoad::Notice(std::size_t stream, const EngineEvent& event) {
  if (!std::holds_alternative<EngineChoiceEnded>(event) &&
      !std::holds_alternative<EngineEnded>(event)) {
    return;
  }
  absl::MutexLock lock(&mutex_);
  news_.push_back(stream);
}

std::size_t StreamLoad::AwaitNotice() {
  absl::MutexLock lock(&mutex_);
  const auto any = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !news_.empty(); };
  mutex_.Await(absl::Condition(&any));
  const std::size_t stream = news_.front();
  news_.pop_front();
  return stream;
}

StreamLoad::Result StreamLoad::Run(absl::Duration least) {
  Result result;
  const absl::Duration start = clock_.Monotonic();
  const std::clock_t cpu_start = std::clock();
  for (std::size_t i = 0; i < streams_.size(); ++i) Submit(i);
  std::size_t running = streams_.size();
  while (running > 0) {
    const std::size_t index = AwaitNotice();
    Stream& stream = streams_[index];
    const SinkRecord record = stream.sink->Record();
    if (!record.ended) {
      engine_->Commit(stream.turn, {record.tokens.at(0)});
      continue;
    }
    // A failed turn may have left two notices; the second finds the stream idle.
    if (stream.turn == 0) continue;
    stream.turn = 0;
    ++result.turns;
    result.failed_turns += record.ended->status.ok() ? 0 : 1;
    const auto made = record.tokens.find(0);
    if (made == record.tokens.end() || made->second != stream.expected) ++result.wrong_turns;
    if (made != record.tokens.end()) {
      result.tokens += static_cast<std::int64_t>(made->second.size());
    }
    if (clock_.Monotonic() - start < least) {
      Submit(index);
    } else {
      --running;
    }
  }
  result.cpu_seconds = static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;
  result.seconds = absl::ToDoubleSeconds(clock_.Monotonic() - start);
  return result;
}

void StreamLoad::StartBlocked(std::int32_t tokens) {
  blocked_sink_ = std::make_shared<BlockedSink>();
  EngineTurn turn = EngineBench::Turn(EngineBench::Prompt(kPromptTokens, 99999), tokens);
  turn.key.session = SessionId("blocked");
  turn.sink = blocked_sink_;
  const auto id = engine_->Submit(std::move(turn));
  PINTLE_CHECK(id.ok(), "the session is free and the queue has room");
  blocked_ = *id;
}

std::int64_t StreamLoad::StopBlocked() {
  engine_->Cancel(blocked_, absl::CancelledError("the run is over"));
  engine_->AwaitIdle(absl::InfiniteDuration());
  return blocked_sink_->events();
}

}  // namespace pintle

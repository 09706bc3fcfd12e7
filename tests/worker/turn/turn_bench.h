// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_WORKER_TURN_TURN_BENCH_H_
#define PINTLE_TESTS_WORKER_TURN_TURN_BENCH_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "contract/clock.h"
#include "contract/turn.h"
#include "tests/fakes/fake_decoder.h"
#include "tests/fakes/fake_text_model.h"
#include "worker/engine/engine.h"
#include "worker/turn/worker_turns.h"

namespace pintle {

// What a consumer saw of one turn.
struct SeenTurn {
  std::vector<TurnEvent> events;
  TurnPrepared prepared;
  TurnStarted started;
  std::vector<TokenId> tokens;  // of choice 0
  std::string text;             // of choice 0
  std::vector<TokenLogprob> logprobs;
  TurnChoiceFinished choice;
  TurnFinished finished;
  absl::Status status;
};

// A whole worker below its services: fake text, digests for a model, a real engine with its thread.
class TurnBench {
 public:
  explicit TurnBench(std::int32_t blocks = 256, FakeDecoderOptions decoder = Small());
  ~TurnBench();

  static FakeDecoderOptions Small();

  WorkerTurns& turns() { return *turns_; }
  Engine& engine() { return *engine_; }
  const FakeDecoder& decoder() const { return *decoder_; }
  TranscriptCache& transcripts() { return transcripts_; }

  // Requests of tenant "t".
  static TurnRequest Prompt(const std::string& text, std::int32_t max_tokens);
  TurnRequest Chat(const std::string& session, const std::string& text, std::int32_t max_tokens);
  // Pulls until the last event.
  static SeenTurn Drain(TurnStream& stream);
  SeenTurn Run(TurnRequest request);
  // Commits a turn to the owner's transcript, as Run does.
  void Keep(const std::string& session, const SeenTurn& seen);
  const std::vector<TranscriptTurn>& transcript(const std::string& session) {
    return owner_[session];
  }
  // Blocks that somebody uses, once the engine is idle.
  std::int64_t BlocksInUse();

 private:
  std::map<std::string, std::vector<TranscriptTurn>> owner_;  // the sessions' truth
  SystemClock clock_;
  text::FakeTextModel text_;
  FakeDecoder* decoder_ = nullptr;
  std::unique_ptr<Engine> engine_;
  TranscriptCache transcripts_{100};
  std::unique_ptr<TextPool> pool_;
  TurnEnvironment environment_;
  std::unique_ptr<WorkerTurns> turns_;
};

}  // namespace pintle

#endif  // PINTLE_TESTS_WORKER_TURN_TURN_BENCH_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_WORKER_ENGINE_ENGINE_BENCH_H_
#define PINTLE_TESTS_WORKER_ENGINE_ENGINE_BENCH_H_

#include <functional>
#include <memory>
#include <vector>

#include "contract/clock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_decoder.h"
#include "tests/fakes/recording_sink.h"
#include "worker/engine/engine.h"

namespace pintle {

// A turn under test and what it was made of.
struct TestTurn {
  TurnId id = 0;
  std::shared_ptr<RecordingSink> sink;
};

// An engine without a thread on a clock that stands still: rounds are taken one by one, and after
// each all invariants of the cache are checked.
class EngineBench {
 public:
  struct Setup {
    FakeDecoderOptions decoder;
    EngineOptions engine;
    std::int32_t blocks = 64;
    // Invariants are O(pool): big loads check them less often.
    int rounds_per_check = 1;
    // The tier below the device; without a thread, its operations are taken one by one too.
    std::function<EngineTier(std::size_t block_bytes)> tier;
  };

  EngineBench() : EngineBench(Setup()) {}
  explicit EngineBench(Setup setup);

  // A greedy turn; fields to change before Submit.
  static EngineTurn Turn(std::vector<TokenId> prompt, std::int32_t max_tokens,
                         const char* session = "", const char* tenant = "acme");
  // `count` ids that depend on `salt` alone, all in the vocabulary and above every special id.
  static std::vector<TokenId> Prompt(std::size_t count, std::uint32_t salt);

  TestTurn Submit(EngineTurn turn);
  absl::Status SubmitError(EngineTurn turn);
  // One round; false when idle.
  bool Round();
  // The next operation of the tier below; false when there is none.
  bool RunIo();
  // Rounds and operations until nothing is left to do.
  void RunUntilIdle();
  // Submits, runs until idle and commits what choice 0 has made. Returns the record.
  SinkRecord RunTurn(EngineTurn turn);
  // Commits choice 0's output and takes the round that carries it out.
  SinkRecord Commit(const TestTurn& turn);

  // What an engine without any cache would make after this prompt.
  std::vector<TokenId> Reference(const std::vector<TokenId>& prompt, std::int32_t tokens) const {
    return decoder_->ReferenceTokens(prompt, tokens);
  }
  // No block is in use, reserved or pinned; free + evictable = total.
  void ExpectAllBlocksFree() const;
  std::int64_t BlocksInUse() const;

  ManualClock& clock() { return clock_; }
  Engine& engine() { return *engine_; }
  FakeDecoder& decoder() { return *decoder_; }

 private:
  ManualClock clock_;
  const Setup setup_;
  FakeDecoder* decoder_ = nullptr;  // owned by the engine
  std::unique_ptr<Engine> engine_;
  int rounds_ = 0;
  bool runs_io_ = false;
};

// Joins two runs of ids.
std::vector<TokenId> Join(std::vector<TokenId> first, const std::vector<TokenId>& second);

}  // namespace pintle

#endif  // PINTLE_TESTS_WORKER_ENGINE_ENGINE_BENCH_H_

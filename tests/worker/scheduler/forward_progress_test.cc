// SPDX-License-Identifier: Apache-2.0
// Plays plans against a pool that only counts blocks: random loads, readers that pause, and a pool
// as small as one maximal request. Every request must finish, and no plan may overdraw the pool.
#include <algorithm>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "worker/scheduler/scheduler.h"

namespace pintle {
namespace {

constexpr std::int32_t kBlockTokens = 16;

std::int32_t BlocksFor(std::int32_t tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens; }

struct Request {
  Standing standing;
  std::int32_t prompt = 1;
  std::int32_t output = 1;
  std::int32_t known = 1;     // prompt and tokens sampled so far
  std::int32_t computed = 0;  // of them, with KV
  std::int32_t blocks = 0;
  bool running = false;
  bool preempted = false;
  bool finished = false;
  bool paused = false;
};

class PoolGame {
 public:
  PoolGame(std::uint32_t seed, std::int32_t pool) : random_(seed), pool_(pool), free_(pool) {
    options_.step_tokens = 48;
    options_.sequences_max = 12;
    options_.prefill_chunk_min = 8;
    options_.prefill_chunk_max = 32;
    options_.queue_time = absl::InfiniteDuration();
  }

  void Add(std::int32_t prompt, std::int32_t output) {
    Request request;
    request.standing = {Pick(0, 100), now_, requests_.size()};
    request.prompt = request.known = prompt;
    request.output = output;
    requests_.push_back(request);
  }

  // One step; returns how many requests have finished.
  std::size_t Step(bool readers_pause) {
    now_ += absl::Milliseconds(100);
    if (readers_pause) {
      for (Request& request : requests_) request.paused = Pick(0, 3) == 0;
    }
    const StepPlan plan = Scheduler(options_).Step(Input());
    for (std::uint64_t turn : plan.preempted) Release(requests_[turn]);
    for (const PlannedAdmission& admission : plan.admitted) {
      Request& request = requests_[admission.turn];
      request.running = true;
      Take(request, BlocksFor(request.known) + 1);
      Compute(request, admission.rows);
    }
    for (const PlannedRun& run : plan.runs) {
      Request& request = requests_[run.sequence];
      EXPECT_TRUE(request.running);
      EXPECT_FALSE(request.paused);
      Take(request, std::max(0, BlocksFor(request.computed + run.rows) - request.blocks));
      Compute(request, run.rows);
    }
    return static_cast<std::size_t>(std::count_if(requests_.begin(), requests_.end(),
                                                  [](const Request& r) { return r.finished; }));
  }

  std::int32_t Pick(std::int32_t low, std::int32_t high) {
    return std::uniform_int_distribution<std::int32_t>(low, high)(random_);
  }
  std::size_t size() const { return requests_.size(); }
  std::int32_t free_blocks() const { return free_; }
  std::int32_t preemptions() const { return preemptions_; }

 private:
  StepInput Input() const {
    StepInput input;
    input.now = now_;
    input.block_tokens = kBlockTokens;
    input.blocks_available = free_;
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      const Request& request = requests_[i];
      if (request.finished) continue;
      if (request.running) {
        input.running.push_back({i, request.standing, request.blocks, 1, request.paused, true});
        input.sequences.push_back({i, input.running.size() - 1, request.known - request.computed,
                                   request.blocks * kBlockTokens - request.computed});
      } else {
        WaitingTurn turn;
        turn.turn = i;
        turn.standing = request.standing;
        turn.tokens_left = request.known;
        turn.blocks_needed = std::min(pool_, BlocksFor(request.known) + 1);
        turn.preempted = request.preempted;
        turn.paused = request.paused;
        input.waiting.push_back(turn);
      }
    }
    return input;
  }

  void Take(Request& request, std::int32_t blocks) {
    blocks = std::min(blocks, pool_ - request.blocks);
    ASSERT_LE(blocks, free_) << "the plan overdraws the pool";
    free_ -= blocks;
    request.blocks += blocks;
  }

  void Release(Request& request) {
    ++preemptions_;
    free_ += request.blocks;
    request.blocks = 0;
    request.computed = 0;
    request.running = false;
    request.preempted = true;
  }

  void Compute(Request& request, std::int32_t rows) {
    ASSERT_GT(rows, 0);
    request.computed += rows;
    ASSERT_LE(request.computed, request.known);
    ASSERT_LE(BlocksFor(request.computed), request.blocks);
    if (request.computed < request.known) return;
    if (request.known == request.prompt + request.output) {
      request.finished = true;
      free_ += request.blocks;
      request.blocks = 0;
    } else {
      ++request.known;
    }
  }

  std::mt19937 random_;
  SchedulerOptions options_;
  absl::Duration now_ = absl::Seconds(1);
  const std::int32_t pool_;
  std::int32_t free_;
  std::int32_t preemptions_ = 0;
  std::vector<Request> requests_;
};

class ForwardProgressTest : public ::testing::TestWithParam<std::uint32_t> {};

TEST_P(ForwardProgressTest, EveryRequestFinishesInAPoolOfOneMaximalRequest) {
  constexpr std::int32_t kMaximal = 320;
  PoolGame game(GetParam(), BlocksFor(kMaximal));
  for (int i = 0; i < 30; ++i) {
    const std::int32_t prompt = game.Pick(1, kMaximal - 1);
    game.Add(prompt, game.Pick(1, kMaximal - prompt));
  }
  // One maximal request at a time would need this many steps; the load may not need more.
  std::size_t finished = 0;
  for (int step = 0; step < 30 * (kMaximal + kMaximal / 8) && finished < game.size(); ++step) {
    finished = game.Step(/*readers_pause=*/false);
    ASSERT_FALSE(HasFatalFailure());
  }
  EXPECT_EQ(finished, game.size()) << "seed " << GetParam();
  EXPECT_EQ(game.free_blocks(), BlocksFor(kMaximal));
}

TEST_P(ForwardProgressTest, EveryRequestFinishesThoughReadersPauseAndOthersKeepComing) {
  constexpr std::int32_t kMaximal = 200;
  PoolGame game(GetParam(), BlocksFor(kMaximal));
  std::size_t finished = 0;
  for (int step = 0; step < 60000 && (game.size() < 60 || finished < game.size()); ++step) {
    if (step % 5 == 0 && game.size() < 60) {
      const std::int32_t prompt = game.Pick(1, 100);
      game.Add(prompt, game.Pick(1, kMaximal - prompt));
    }
    finished = game.Step(/*readers_pause=*/true);
    ASSERT_FALSE(HasFatalFailure());
  }
  EXPECT_EQ(finished, game.size()) << "seed " << GetParam();
  EXPECT_GT(game.preemptions(), 0) << "the load must be heavy enough to preempt";
}

INSTANTIATE_TEST_SUITE_P(Seeds, ForwardProgressTest, ::testing::Range(1U, 21U));

}  // namespace
}  // namespace pintle

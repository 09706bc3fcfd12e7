// SPDX-License-Identifier: Apache-2.0
// A whole engine under random loads, checked against an oracle without a cache: sessions that
// append, replace and roll back, several choices, readers that pause, cancels, tiny pools.
#include <algorithm>
#include <cstdio>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_block_store.h"
#include "tests/worker/engine/engine_bench.h"

namespace pintle {
namespace {

struct Running {
  TestTurn test;
  EngineTurn wanted;
};

class RandomLoad {
 public:
  // With a tier: a small and unreliable one below the device.
  RandomLoad(std::uint32_t seed, bool tier) : random_(seed), bench_(MakeSetup(tier)) {}

  // Plays `rounds` rounds, then lets everything finish.
  void Play(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      if (running_.size() < 12 && Pick(0, 2) == 0) SubmitOne();
      bench_.Round();
      // A tier that is slow at times, now and then too slow for those who wait.
      for (int i = Pick(0, 6); i > 0 && bench_.RunIo(); --i) {
      }
      bench_.clock().Advance(Pick(0, 99) == 0 ? absl::Seconds(Pick(0, 11))
                                              : absl::Milliseconds(Pick(0, 50)));
      for (std::size_t i = 0; i < running_.size(); ++i) Disturb(i);
      if (Pick(0, 9) == 0) ChangeSession();
    }
    for (Running& running : running_) running.test.sink->set_paused(false);
    for (int round = 0; round < 100000 && !running_.empty(); ++round) {
      bench_.Round();
      bench_.RunIo();
      for (std::size_t i = 0; i < running_.size();) {
        if (!EndIfFinished(i)) ++i;
      }
    }
    EXPECT_TRUE(running_.empty()) << "turns hang";
    while (bench_.RunIo() || bench_.Round()) {
    }
    bench_.ExpectAllBlocksFree();
  }

  std::int64_t committed() const { return committed_; }
  tier::TierStats Tier() { return bench_.engine().Snapshot().tiers.at(0); }

 private:
  tier::FakeBlockStore::Faults MakeFaults() {
    tier::FakeBlockStore::Faults faults;
    const int rate = Pick(0, 2) * 10;  // in a hundred
    const auto sometimes = [this, rate](std::int32_t) {
      return Pick(1, 100) <= rate ? absl::InternalError("the medium failed") : absl::OkStatus();
    };
    faults.on_write = sometimes;
    faults.on_read = sometimes;
    faults.damages = [this, rate](std::int32_t) { return Pick(1, 100) <= rate; };
    return faults;
  }

  EngineBench::Setup MakeSetup(bool tier) {
    EngineBench::Setup setup;
    if (tier) {
      setup.tier = [this](std::size_t block_bytes) {
        EngineTier made;
        made.store = std::make_unique<tier::FakeBlockStore>(
            std::make_shared<tier::FakeMedium>(), Pick(4, 60), block_bytes, MakeFaults());
        made.probe = false;
        made.threaded = false;
        made.staging_bytes = static_cast<std::int64_t>(block_bytes) * Pick(1, 20);
        return made;
      };
    }
    constexpr std::int32_t kBlockTokens[] = {16, 32, 256};
    setup.decoder.block_tokens = kBlockTokens[Pick(0, 2)];
    setup.decoder.eos_per_mille = Pick(0, 1) * 20;
    setup.blocks = std::max(10, Pick(350, 1500) / setup.decoder.block_tokens);
    setup.engine.scheduler.step_tokens = Pick(8, 128);
    setup.engine.scheduler.prefill_chunk_min = Pick(1, 16);
    setup.engine.scheduler.prefill_chunk_max = Pick(16, 128);
    setup.engine.scheduler.sequences_max = Pick(8, 32);
    setup.engine.scheduler.queue_time = absl::InfiniteDuration();
    // Time jumps so that the tier is late at times; readers must not be for that.
    setup.engine.slow_reader_time = absl::InfiniteDuration();
    setup.engine.commit_time = absl::InfiniteDuration();
    setup.engine.kv.hash_bits = Pick(0, 1) == 0 ? 128 : 4;
    return setup;
  }

  std::int32_t Pick(std::int32_t low, std::int32_t high) {
    return std::uniform_int_distribution<std::int32_t>(low, high)(random_);
  }

  void SubmitOne() {
    EngineTurn turn;
    turn.key.tenant = TenantId(Pick(0, 1) == 0 ? "acme" : "other");
    if (Pick(0, 3) != 0) turn.key.session = SessionId(absl::StrCat("s", Pick(0, 3)));
    std::vector<TokenId> history = transcripts_[turn.key];
    if (turn.key.session.empty() || history.size() > 150) history.clear();
    if (Pick(0, 4) == 0)
      history.resize(static_cast<std::size_t>(Pick(0, 150)) % (history.size() + 1));
    // Few salts, so that prompts share prefixes.
    const auto salt = static_cast<std::uint32_t>(Pick(0, 2));
    turn.prompt = Join(history, EngineBench::Prompt(static_cast<std::size_t>(Pick(1, 60)), salt));
    turn.stopping.max_tokens = Pick(1, 60);
    turn.stopping.eos_token_ids = {2};
    turn.n = Pick(0, 3) == 0 ? Pick(2, 3) : 1;
    turn.priority = Pick(0, 100);
    if (Pick(0, 1) == 0) {
      turn.sampling.temperature = 1.0F;
      turn.sampling.seed = static_cast<std::uint64_t>(Pick(0, 1000));
      turn.sampling.repetition_penalty = 1.2F;
    }
    turn.prompt_logprobs = Pick(0, 7) == 0;
    turn.sink = std::make_shared<RecordingSink>();
    const auto id = bench_.engine().Submit(turn);
    if (!id.ok()) {
      EXPECT_TRUE(HasReason(id.status(), Reason::kSessionBusy) ||
                  HasReason(id.status(), Reason::kPromptTooLong))
          << id.status();
      return;
    }
    running_.push_back({{*id, std::static_pointer_cast<RecordingSink>(turn.sink)}, turn});
  }

  static bool IsBusy(const std::vector<Running>& running, const SessionKey& key) {
    return std::any_of(running.begin(), running.end(),
                       [&](const Running& one) { return one.wanted.key == key; });
  }

  // Forks a session at a position, cuts one, or drops one.
  void ChangeSession() {
    const TenantId tenant(Pick(0, 1) == 0 ? "acme" : "other");
    const SessionKey from{tenant, SessionId(absl::StrCat("s", Pick(0, 3)))};
    const SessionKey to{tenant, SessionId(absl::StrCat("s", Pick(0, 3)))};
    std::vector<TokenId> history = transcripts_[from];
    const auto cut = static_cast<std::size_t>(Pick(0, 150)) % (history.size() + 1);
    history.resize(cut);
    const auto position = static_cast<Position>(cut);
    absl::Status status = absl::UnknownError("not called");
    const auto done = [&status](absl::Status s) { status = std::move(s); };
    const std::int32_t kind = Pick(0, 3);
    if (kind == 0) {
      bench_.engine().TruncateSession(from, position, done);
      bench_.Round();
      EXPECT_EQ(status.ok(), !HasReason(status, Reason::kSessionBusy)) << status;
      if (!IsBusy(running_, from)) transcripts_[from] = history;
    } else if (kind == 1 && !IsBusy(running_, from)) {
      bench_.engine().DropSession(from);
      bench_.Round();
      transcripts_[from].clear();
    } else if (from != to && !IsBusy(running_, to)) {
      bench_.engine().ForkSession(from, to, position, done);
      bench_.Round();
      EXPECT_TRUE(status.ok()) << status;
      transcripts_[to] = history;
    }
  }

  void Disturb(std::size_t& i) {
    Running& running = running_[i];
    const std::int32_t dice = Pick(0, 199);
    if (dice < 2) {
      bench_.engine().Cancel(running.test.id, absl::CancelledError("test"));
      bench_.Round();
      EXPECT_EQ(running.test.sink->Record().ended->status.code(), absl::StatusCode::kCancelled);
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i--));
      return;
    }
    if (dice < 10) running.test.sink->set_paused(dice < 5);
    if (dice > 150 && EndIfFinished(i)) --i;
  }

  // Checks a turn whose choices have ended against the oracle and commits it.
  bool EndIfFinished(std::size_t i) {
    const Running running = running_[i];
    SinkRecord record = running.test.sink->Record();
    if (record.ended) {
      // Nothing but a pool that could never hold all choices at once may end a turn here.
      ADD_FAILURE() << record.ended->status;
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
    if (static_cast<std::int32_t>(record.finished.size()) < running.wanted.n) return false;
    for (std::int32_t choice = 0; choice < running.wanted.n; ++choice) {
      const std::vector<TokenId>& made = record.tokens[choice];
      auto expected = bench_.decoder().ReferenceSampled(running.wanted.prompt,
                                                        static_cast<std::int32_t>(made.size()),
                                                        running.wanted.sampling, choice);
      // Where EOS is a matter of sampling alone the reference goes on.
      EXPECT_EQ(made, expected);
    }
    auto output = record.tokens[0];
    if (Pick(0, 3) == 0 && output.size() > 2) output.resize(output.size() - 2);
    bench_.engine().Commit(running.test.id, {output});
    bench_.Round();
    record = running.test.sink->Record();
    EXPECT_TRUE(record.ended && record.ended->status.ok());
    if (!running.wanted.key.session.empty()) {
      transcripts_[running.wanted.key] = Join(running.wanted.prompt, output);
    }
    ++committed_;
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
    return true;
  }

  std::mt19937 random_;
  EngineBench bench_;
  std::vector<Running> running_;
  std::map<SessionKey, std::vector<TokenId>> transcripts_;
  std::int64_t committed_ = 0;
};

class EngineRandomTest : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  // Over all seeds the tier must have been used in every way, or the test would show nothing.
  static void TearDownTestSuite() {
    std::printf("tier: %lld tokens down, %lld up, %lld failures\n",
                static_cast<long long>(moved_down), static_cast<long long>(moved_up),
                static_cast<long long>(lost));
    EXPECT_GT(moved_down, 0);
    EXPECT_GT(moved_up, 0);
    EXPECT_GT(lost, 0);
  }
  static inline std::int64_t moved_down = 0;
  static inline std::int64_t moved_up = 0;
  static inline std::int64_t lost = 0;
};

TEST_P(EngineRandomTest, EveryCommittedTurnEqualsTheOracle) {
  SCOPED_TRACE(absl::StrCat("seed ", GetParam()));
  RandomLoad load(GetParam(), /*tier=*/false);
  load.Play(600);
  EXPECT_GT(load.committed(), 10);
}

TEST_P(EngineRandomTest, AnUnreliableTierBelowChangesNoToken) {
  SCOPED_TRACE(absl::StrCat("seed ", GetParam()));
  RandomLoad load(GetParam(), /*tier=*/true);
  load.Play(600);
  EXPECT_GT(load.committed(), 10);
  moved_down += load.Tier().physical.moved_in;
  moved_up += load.Tier().hit_tokens;
  lost += load.Tier().damaged + load.Tier().late + load.Tier().write_failures;
}

INSTANTIATE_TEST_SUITE_P(Seeds, EngineRandomTest, ::testing::Range(1U, 41U));

}  // namespace
}  // namespace pintle

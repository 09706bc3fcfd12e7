// SPDX-License-Identifier: Apache-2.0
// A whole engine under random loads, checked against an oracle without a cache: sessions that
// append, replace and roll back, several choices, readers that pause, cancels, tiny pools, pins,
// forks, truncations, exports and imports, an unreliable tier below, and restarts.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
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
  // With pins: sessions are pinned at random, and moved as wholes.
  // With drafts: text that repeats itself, drafted whatever it costs.
  RandomLoad(std::uint32_t seed, bool tier, bool pins = false, bool drafts = false)
      : random_(seed),
        pins_(pins),
        drafts_(drafts),
        setup_(MakeSetup(tier)),
        engine_bench_(std::make_unique<EngineBench>(setup_)) {}

  // Plays `rounds` rounds, then lets everything finish.
  void Play(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      if (running_.size() < 12 && Pick(0, 2) == 0) SubmitOne();
      bench().Round();
      // A tier that is slow at times, now and then too slow for those who wait.
      for (int i = Pick(0, 6); i > 0 && bench().RunIo(); --i) {
      }
      bench().clock().Advance(Pick(0, 99) == 0 ? absl::Seconds(Pick(0, 11))
                                              : absl::Milliseconds(Pick(0, 50)));
      for (std::size_t i = 0; i < running_.size(); ++i) Disturb(i);
      if (Pick(0, 9) == 0) ChangeSession();
      if (pins_ && Pick(0, 9) == 0) ChangePin();
      if (pins_ && Pick(0, 19) == 0) MoveSession();
      if (pins_ && setup_.tier && Pick(0, 99) == 0) Restart();
    }
    for (Running& running : running_) running.test.sink->set_paused(false);
    for (int round = 0; round < 100000 && !running_.empty(); ++round) {
      bench().Round();
      bench().RunIo();
      for (std::size_t i = 0; i < running_.size();) {
        if (!EndIfFinished(i)) ++i;
      }
    }
    EXPECT_TRUE(running_.empty()) << "turns hang";
    for (const auto& [key, history] : transcripts_) SetPin(key, Pin());
    while (bench().RunIo() || bench().Round()) {
    }
    bench().ExpectAllBlocksFree();
  }

  std::int64_t committed() const { return committed_; }
  std::int64_t pinned() const { return pinned_; }
  std::int64_t moved() const { return moved_; }
  std::int64_t restarts() const { return restarts_; }
  std::int64_t accepted() { return bench().engine().Snapshot().accepted_tokens; }
  tier::TierStats Tier() { return bench().engine().Snapshot().tiers.at(0); }

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
      setup.engine.kv.hash_key = {3, 4};
      setup.tier = [this, slots = Pick(4, 60)](std::size_t block_bytes) {
        EngineTier made;
        made.store = std::make_unique<tier::FakeBlockStore>(medium_, slots, block_bytes,
                                                            MakeFaults());
        made.sessions = manifest_;
        made.probe = false;
        made.threaded = false;
        made.staging_bytes = static_cast<std::int64_t>(block_bytes) * Pick(1, 20);
        return made;
      };
    }
    constexpr std::int32_t kBlockTokens[] = {16, 32, 256};
    setup.decoder.block_tokens = kBlockTokens[Pick(0, 2)];
    setup.decoder.eos_per_mille = Pick(0, 1) * 20;
    if (drafts_) {
      setup.engine.speculation.at_any_cost = true;
      setup.engine.speculation.tokens_max = Pick(1, limits::kDraftTokens);
      setup.decoder.echo_per_mille = Pick(500, 990);
    }
    setup.blocks = std::max(10, Pick(350, 1500) / setup.decoder.block_tokens);
    // Requests are short enough to leave room for guarantees.
    if (pins_) setup.decoder.context_tokens = (setup.blocks / 2 - 2) * setup.decoder.block_tokens;
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
      turn.sampling.temperature = drafts_ ? 0.1F : 1.0F;
      turn.sampling.seed = static_cast<std::uint64_t>(Pick(0, 1000));
      turn.sampling.repetition_penalty = drafts_ ? 1.005F : 1.2F;
    }
    turn.prompt_logprobs = Pick(0, 7) == 0;
    if (pins_ && !turn.key.session.empty() && Pick(0, 3) == 0) {
      turn.pin = RandomPin();
      turn.lease = absl::Milliseconds(Pick(1, 20000));
    }
    turn.sink = std::make_shared<RecordingSink>();
    const auto id = bench().engine().Submit(turn);
    if (!id.ok()) {
      EXPECT_TRUE(HasReason(id.status(), Reason::kSessionBusy) ||
                  HasReason(id.status(), Reason::kPromptTooLong))
          << id.status();
      return;
    }
    running_.push_back({{*id, std::static_pointer_cast<RecordingSink>(turn.sink)}, turn});
  }

  // Sets or changes what a session is promised; refused where budgets say so.
  void ChangePin() {
    const SessionKey key{TenantId(Pick(0, 1) == 0 ? "acme" : "other"),
                         SessionId(absl::StrCat("s", Pick(0, 3)))};
    SetPin(key, RandomPin());
  }

  Pin RandomPin() {
    Pin pin;
    pin.kind = static_cast<PinKind>(Pick(0, 2));
    pin.budget_tokens = Pick(1, 300);
    pin.resident = Pick(0, 3) == 0;
    pin.priority = Pick(0, 100);
    return pin;
  }

  void SetPin(const SessionKey& key, const Pin& pin) {
    PinAnswer answer;
    EXPECT_TRUE(bench()
                    .engine()
                    .SetPin(key, pin, absl::Milliseconds(Pick(1, 20000)),
                            [&answer](PinAnswer given) { answer = std::move(given); })
                    .ok());
    bench().Round();
    EXPECT_EQ(answer.verdict == PinVerdict::kRejected, !answer.why.ok()) << answer.why;
    if (answer.why.ok() && pin.kind == PinKind::kGuaranteed) ++pinned_;
  }

  // Exports one session and imports it as another.
  void MoveSession() {
    const TenantId tenant(Pick(0, 1) == 0 ? "acme" : "other");
    const SessionKey from{tenant, SessionId(absl::StrCat("s", Pick(0, 3)))};
    const SessionKey to{tenant, SessionId(absl::StrCat("s", Pick(0, 3)))};
    if (IsBusy(running_, to)) return;
    absl::StatusOr<EngineReading> opened = absl::UnknownError("not called");
    bench().engine().OpenReading(from, Pick(0, 200), [&](auto o) { opened = std::move(o); });
    bench().Round();
    while (absl::IsUnknown(opened.status())) {
      bench().RunIo();
      bench().Round();
    }
    if (!opened.ok()) return;
    EngineImport import;
    import.key = to;
    import.tokens = opened->tokens;
    import.secret = static_cast<std::uint64_t>(Pick(0, 3));
    const auto end = static_cast<Position>(opened->tokens.size());
    const std::int32_t width = setup_.decoder.block_tokens;
    for (Position at = 0; at < end;) {
      const std::int32_t count = std::min({Pick(1, width), width - at % width, end - at});
      absl::StatusOr<std::string> bytes = absl::UnknownError("not called");
      bench().engine().ReadPositions(opened->number, at, count,
                                     [&](auto read) { bytes = std::move(read); });
      bench().Round();
      if (!bytes.ok()) return;  // turns needed the blocks
      import.portions.push_back({at, count, *std::move(bytes), 0});
      at += count;
    }
    bench().engine().CloseReading(opened->number);
    absl::StatusOr<Position> held = absl::UnknownError("not called");
    bench().engine().Import(std::move(import), [&](auto tokens) { held = std::move(tokens); });
    while (absl::IsUnknown(held.status())) bench().Round();
    if (!held.ok()) return;
    EXPECT_LE(*held, end);
    transcripts_[to] = std::move(opened->tokens);
    ++moved_;
  }

  // Stopped, with or without the time to save, or killed: transcripts and the medium remain.
  void Restart() {
    const std::int32_t how = Pick(0, 2);
    if (how > 0) bench().engine().Stop();
    if (how > 1) {
      bench().engine().SaveTier(absl::Milliseconds(1), [](std::int64_t, std::int64_t) {});
      while (bench().RunIo()) {
      }
    }
    manifest_.clear();
    for (const auto& place : bench().engine().cache().SessionPlaces()) {
      tier::TierManifest::SessionEnd end{place.key, place.tail_hash, place.tokens};
      if (place.pin == PinKind::kGuaranteed) {
        end.guarantee = {place.budget_tokens, place.resident,
                         bench().clock().Wall() + absl::Seconds(Pick(-1, 9))};
      }
      manifest_.push_back(std::move(end));
    }
    running_.clear();
    engine_bench_ = std::make_unique<EngineBench>(setup_);
    ++restarts_;
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
      bench().engine().TruncateSession(from, position, done);
      bench().Round();
      EXPECT_EQ(status.ok(), !HasReason(status, Reason::kSessionBusy)) << status;
      if (!IsBusy(running_, from)) transcripts_[from] = history;
    } else if (kind == 1 && !IsBusy(running_, from)) {
      bench().engine().DropSession(from);
      bench().Round();
      transcripts_[from].clear();
    } else if (from != to && !IsBusy(running_, to)) {
      bench().engine().ForkSession(from, to, position, done);
      bench().Round();
      EXPECT_TRUE(status.ok()) << status;
      transcripts_[to] = history;
    }
  }

  void Disturb(std::size_t& i) {
    Running& running = running_[i];
    const std::int32_t dice = Pick(0, 199);
    if (dice < 2) {
      bench().engine().Cancel(running.test.id, absl::CancelledError("test"));
      bench().Round();
      const absl::Status ended = running.test.sink->Record().ended->status;
      // A budget may have ended it before.
      EXPECT_TRUE(absl::IsCancelled(ended) || (pins_ && absl::IsResourceExhausted(ended))) << ended;
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
      // Nothing but a budget that cannot hold it may end a turn here.
      EXPECT_TRUE(pins_ && (HasReason(record.ended->status, Reason::kSessionBudget) ||
                            HasReason(record.ended->status, Reason::kPinBudget)))
          << record.ended->status;
      running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
      return true;
    }
    if (static_cast<std::int32_t>(record.finished.size()) < running.wanted.n) return false;
    for (std::int32_t choice = 0; choice < running.wanted.n; ++choice) {
      const std::vector<TokenId>& made = record.tokens[choice];
      auto expected = bench().decoder().ReferenceSampled(running.wanted.prompt,
                                                        static_cast<std::int32_t>(made.size()),
                                                        running.wanted.sampling, choice);
      // Where EOS is a matter of sampling alone the reference goes on.
      EXPECT_EQ(made, expected);
    }
    auto output = record.tokens[0];
    if (Pick(0, 3) == 0 && output.size() > 2) output.resize(output.size() - 2);
    bench().engine().Commit(running.test.id, {output});
    bench().Round();
    record = running.test.sink->Record();
    EXPECT_TRUE(record.ended && record.ended->status.ok());
    if (!running.wanted.key.session.empty()) {
      transcripts_[running.wanted.key] = Join(running.wanted.prompt, output);
    }
    ++committed_;
    running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(i));
    return true;
  }

  EngineBench& bench() { return *engine_bench_; }

  std::mt19937 random_;
  const bool pins_;
  const bool drafts_;
  std::shared_ptr<tier::FakeMedium> medium_ = std::make_shared<tier::FakeMedium>();
  std::vector<tier::TierManifest::SessionEnd> manifest_;
  const EngineBench::Setup setup_;
  std::unique_ptr<EngineBench> engine_bench_;
  std::vector<Running> running_;
  std::map<SessionKey, std::vector<TokenId>> transcripts_;
  std::int64_t committed_ = 0;
  std::int64_t pinned_ = 0;
  std::int64_t moved_ = 0;
  std::int64_t restarts_ = 0;
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
    std::printf("pins %lld, moves %lld, restarts %lld\n", static_cast<long long>(pinned),
                static_cast<long long>(moved), static_cast<long long>(restarts));
    EXPECT_GT(pinned, 0);
    EXPECT_GT(moved, 0);
    EXPECT_GT(restarts, 0);
    std::printf("accepted drafts %lld\n", static_cast<long long>(accepted));
    EXPECT_GT(accepted, 1000);
  }
  static inline std::int64_t moved_down = 0;
  static inline std::int64_t moved_up = 0;
  static inline std::int64_t lost = 0;
  static inline std::int64_t pinned = 0;
  static inline std::int64_t moved = 0;
  static inline std::int64_t restarts = 0;
  static inline std::int64_t accepted = 0;
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

TEST_P(EngineRandomTest, PinsMovesAndRestartsChangeNoToken) {
  SCOPED_TRACE(absl::StrCat("seed ", GetParam()));
  RandomLoad load(GetParam(), /*tier=*/GetParam() % 4 != 0, /*pins=*/true);
  load.Play(600);
  EXPECT_GT(load.committed(), 5);
  pinned += load.pinned();
  moved += load.moved();
  restarts += load.restarts();
}

TEST_P(EngineRandomTest, DraftsChangeNoToken) {
  SCOPED_TRACE(absl::StrCat("seed ", GetParam()));
  RandomLoad load(GetParam(), /*tier=*/GetParam() % 4 == 1, /*pins=*/GetParam() % 2 == 1,
                  /*drafts=*/true);
  load.Play(600);
  EXPECT_GT(load.committed(), 5);
  accepted += load.accepted();
}

INSTANTIATE_TEST_SUITE_P(Seeds, EngineRandomTest, ::testing::Range(1U, 41U));

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
// The tier below the device as turns feel it: what they find there, what they wait for, and that
// no fault of it changes a token or holds others up.
#include "worker/engine/tier_link.h"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_block_store.h"
#include "tests/worker/engine/engine_bench.h"
#include "worker/tier/disk_block_store.h"

namespace pintle {
namespace {

class TierLinkTest : public testing::Test {
 protected:
  // A pool of 12 blocks of 16 tokens: one conversation of 100 tokens pushes another out.
  void Make(tier::FakeBlockStore::Faults faults = {},
            std::vector<tier::TierManifest::SessionEnd> sessions = {}) {
    EngineBench::Setup setup;
    setup.blocks = blocks_;
    if (context_ > 0) setup.decoder.context_tokens = context_;
    setup.engine.kv.hash_key = {7, 9};
    setup.tier = [&](std::size_t block_bytes) {
      EngineTier tier;
      tier.store =
          std::make_unique<tier::FakeBlockStore>(medium_, slots_, block_bytes, std::move(faults));
      tier.probe = false;
      tier.threaded = false;
      tier.sessions = std::move(sessions);
      return tier;
    };
    bench_ = std::make_unique<EngineBench>(std::move(setup));
  }
  // One more turn of a session; its tokens are checked against the oracle.
  SinkRecord Turn(const char* session, std::size_t more, std::int32_t output = 8) {
    std::vector<TokenId>& history = history_[session];
    const std::vector<TokenId> prompt =
        Join(history, EngineBench::Prompt(more, static_cast<std::uint32_t>(history.size() + more +
                                                                          session[0])));
    SinkRecord record = bench_->RunTurn(EngineBench::Turn(prompt, output, session));
    EXPECT_EQ(record.tokens[0], bench_->Reference(prompt, output));
    history = Join(prompt, record.tokens[0]);
    return record;
  }
  // As the manifest would name it.
  tier::TierManifest::SessionEnd End(const kv::KvCache::SessionPlace& place) {
    tier::TierManifest::SessionEnd end{place.key, place.tail_hash, place.tokens};
    if (place.pin == PinKind::kGuaranteed) {
      const absl::Duration left = place.lease_until - bench_->clock().Monotonic();
      end.guarantee = {place.budget_tokens, place.resident, bench_->clock().Wall() + left};
    }
    return end;
  }
  tier::TierStats Stats() { return bench_->engine().Snapshot().tiers.at(0); }
  const kv::KvCache& cache() { return bench_->engine().cache(); }
  static SessionKey Key(const char* session) { return {TenantId("acme"), SessionId(session)}; }

  void SetPin(const char* session, const Pin& pin) {
    PinAnswer answer;
    answer.verdict = PinVerdict::kMissing;
    ASSERT_TRUE(bench_->engine()
                    .SetPin(Key(session), pin, absl::Minutes(5),
                            [&answer](PinAnswer given) { answer = std::move(given); })
                    .ok());
    bench_->RunUntilIdle();
    EXPECT_EQ(answer.verdict, PinVerdict::kAccepted) << answer.why;
  }
  void Guarantee(const char* session, Position budget, bool resident = false) {
    Pin pin;
    pin.kind = PinKind::kGuaranteed;
    pin.budget_tokens = budget;
    pin.resident = resident;
    SetPin(session, pin);
  }
  void StopAndSave() {
    bench_->engine().Stop();
    bench_->engine().SaveTier(absl::Milliseconds(20), [](std::int64_t, std::int64_t) {});
    while (bench_->RunIo()) {
    }
  }
  std::vector<tier::TierManifest::SessionEnd> Ends() {
    std::vector<tier::TierManifest::SessionEnd> ends;
    for (const auto& place : cache().SessionPlaces()) ends.push_back(End(place));
    return ends;
  }
  void Restart() { Make({}, Ends()); }

  // Guarantees of up to six blocks beside requests of twelve.
  void LeaveRoomForPins() {
    blocks_ = 20;
    context_ = 192;
  }

  std::int32_t blocks_ = 12;
  std::int32_t context_ = 0;
  std::int32_t slots_ = 64;
  std::shared_ptr<tier::FakeMedium> medium_ = std::make_shared<tier::FakeMedium>();
  std::unique_ptr<EngineBench> bench_;
  std::map<std::string, std::vector<TokenId>> history_;
};

TEST_F(TierLinkTest, AnEvictedConversationComesBackFromTheTier) {
  Make();
  Turn("a", 100);
  Turn("b", 100);
  const std::int64_t computed = bench_->engine().Snapshot().prompt_tokens_computed;
  const SinkRecord record = Turn("a", 10);
  ASSERT_TRUE(record.started.has_value());
  EXPECT_GT(record.started->cached.disk, 0);
  // All that the session held: everything but the last output token.
  EXPECT_EQ(record.started->cached.Total(), 107);
  EXPECT_EQ(bench_->engine().Snapshot().prompt_tokens_computed - computed, 11);
  EXPECT_EQ(Stats().hit_tokens, record.started->cached.disk);
}

TEST_F(TierLinkTest, ASessionHoldsWhatTheTierKeepsOfIt) {
  Make();
  Turn("a", 100);
  Turn("b", 100);
  const auto stats = cache().SessionStats(Key("a"));
  ASSERT_TRUE(stats.has_value());
  EXPECT_EQ(stats->held_tokens, 107);
  EXPECT_GT(stats->lower_tokens, 0);
  EXPECT_EQ(cache().Stats().evictions, kv::ByReason{});
  EXPECT_EQ(stats->ledger.present, 107);
}

TEST_F(TierLinkTest, WhatTheDeviceGivesTheTierTakesAndBack) {
  Make();
  for (int i = 0; i < 5; ++i) {
    Turn("a", i == 0 ? 90 : 3);
    Turn("b", i == 0 ? 90 : 3);
  }
  const kv::KvLedger device = cache().Stats().physical;
  const kv::KvLedger disk = Stats().physical;
  EXPECT_EQ(device.moved_out, disk.moved_in);
  EXPECT_EQ(device.moved_in, disk.moved_out);
  EXPECT_GT(device.moved_in, 0);
}

TEST_F(TierLinkTest, ADeletedSessionLeavesNothingInTheTier) {
  Make();
  Turn("a", 100);
  Turn("b", 100);
  ASSERT_GT(Stats().physical.present, 0);
  bench_->engine().DropSession(Key("a"));
  bench_->RunUntilIdle();
  EXPECT_EQ(Stats().physical.present, 0);
  for (const tier::FakeMedium::Slot& slot : medium_->slots) EXPECT_FALSE(slot.label.has_value());
}

TEST_F(TierLinkTest, ADamagedBlockIsComputedAgain) {
  tier::FakeBlockStore::Faults faults;
  faults.damages = [](std::int32_t slot) { return slot % 2 == 0; };
  Make(std::move(faults));
  Turn("a", 100);
  Turn("b", 100);
  Turn("a", 10);
  Turn("b", 10);
  EXPECT_GT(Stats().damaged, 0);
}

TEST_F(TierLinkTest, AFullDiskIsAnEvictionLater) {
  tier::FakeBlockStore::Faults faults;
  faults.on_write = [](std::int32_t) { return absl::ResourceExhaustedError("full"); };
  Make(std::move(faults));
  Turn("a", 100);
  Turn("b", 100);
  bench_->RunUntilIdle();
  EXPECT_EQ(Stats().physical.present, 0);
  EXPECT_GT(Stats().write_failures, 0);
  EXPECT_LT(cache().HeldTokens(Key("a")), 107);
  Turn("a", 10);
}

TEST_F(TierLinkTest, OthersGoOnWhileATurnWaitsForItsBlocks) {
  Make();
  Turn("a", 100);
  Turn("b", 100);
  const std::vector<TokenId> prompt = Join(history_["a"], EngineBench::Prompt(5, 3));
  const TestTurn waiting = bench_->Submit(EngineBench::Turn(prompt, 4, "a"));
  while (bench_->Round()) {
  }
  EXPECT_FALSE(waiting.sink->Record().started.has_value());
  const TestTurn other = bench_->Submit(EngineBench::Turn(EngineBench::Prompt(10, 77), 6, "c"));
  while (bench_->Round()) {
  }
  EXPECT_EQ(other.sink->Record().tokens[0].size(), 6U);
  EXPECT_FALSE(waiting.sink->Record().started.has_value());
  bench_->RunUntilIdle();
  EXPECT_EQ(waiting.sink->Record().tokens[0], bench_->Reference(prompt, 4));
  EXPECT_GT(waiting.sink->Record().started->cached.disk, 0);
}

TEST_F(TierLinkTest, ATierThatDoesNotAnswerCostsABoundedTime) {
  Make();
  Turn("a", 100);
  Turn("b", 100);
  const std::vector<TokenId> prompt = Join(history_["a"], EngineBench::Prompt(5, 3));
  const TestTurn waiting = bench_->Submit(EngineBench::Turn(prompt, 4, "a"));
  while (bench_->Round()) {
  }
  EXPECT_TRUE(waiting.sink->Record().tokens[0].empty());
  bench_->clock().Advance(absl::Seconds(10));
  while (bench_->Round()) {
  }
  EXPECT_EQ(waiting.sink->Record().tokens[0], bench_->Reference(prompt, 4));
  EXPECT_EQ(Stats().late, 1);
  bench_->RunUntilIdle();  // the answers nobody waits for give their buffers back
  EXPECT_EQ(Stats().blocks[kv::At(kv::BlockState::kInUse)], 0);
}

TEST_F(TierLinkTest, ATurnCancelledWhileItWaitsLeavesItsSessionAsItWas) {
  Make();
  Turn("a", 100);
  Turn("b", 100);
  const TestTurn waiting = bench_->Submit(
      EngineBench::Turn(Join(history_["a"], EngineBench::Prompt(5, 3)), 4, "a"));
  while (bench_->Round()) {
  }
  bench_->engine().Cancel(waiting.id, absl::CancelledError("test"));
  bench_->RunUntilIdle();
  EXPECT_TRUE(waiting.sink->Record().ended.has_value());
  EXPECT_EQ(cache().HeldTokens(Key("a")), 107);
  bench_->ExpectAllBlocksFree();
  EXPECT_GT(Turn("a", 10).started->cached.disk, 0);
}

TEST_F(TierLinkTest, ARestartedEngineGoesOnFromWhatWasSaved) {
  Make();
  Turn("a", 100);
  bench_->engine().Stop();
  bench_->engine().SaveTier(absl::Milliseconds(20), [](std::int64_t, std::int64_t) {});
  while (bench_->RunIo()) {
  }
  Make();
  const SinkRecord record = Turn("a", 10);
  EXPECT_EQ(record.started->cached.disk, 107);
  EXPECT_EQ(Stats().blocks_found, 7);
}

TEST_F(TierLinkTest, AfterACrashWhatWasWrittenIsFound) {
  Make();
  Turn("a", 100);
  Turn("b", 100);
  Make();  // nothing was saved; the medium is as it was
  const SinkRecord record = Turn("a", 10);
  EXPECT_EQ(record.started->cached.session, 0);
  Turn("b", 10);
  EXPECT_GT(Stats().blocks_found, 0);
}

TEST_F(TierLinkTest, SessionsOfTheManifestHoldTheirBlocksAgain) {
  Make();
  Turn("a", 100);
  Turn("b", 100);
  bench_->engine().Stop();
  bench_->engine().SaveTier(absl::Milliseconds(20), [](std::int64_t, std::int64_t) {});
  while (bench_->RunIo()) {
  }
  std::vector<tier::TierManifest::SessionEnd> ends;
  for (const auto& place : cache().SessionPlaces()) {
    ends.push_back(End(place));
  }
  Make({}, ends);
  EXPECT_EQ(cache().HeldTokens(Key("a")), 107);
  EXPECT_EQ(cache().HeldTokens(Key("b")), 107);
  bench_->engine().DropSession(Key("a"));
  bench_->engine().DropSession(Key("b"));
  bench_->RunUntilIdle();
  EXPECT_EQ(Stats().physical.present, 0);
}

TEST_F(TierLinkTest, APromptThatGoesOnAsSomebodyElsesLeavesTheSessionItsOwnKv) {
  Make();
  Turn("a", 100);
  Turn("b", 100);
  Turn("c", 150);
  Turn("d", 150);
  ASSERT_EQ(cache().SessionStats(Key("a"))->lower_tokens, 107);
  ASSERT_EQ(cache().SessionStats(Key("b"))->lower_tokens, 107);
  // The turn of a, begun anew with b's words, reads b's blocks back and ends badly.
  const TestTurn turn = bench_->Submit(
      EngineBench::Turn(Join(history_["b"], EngineBench::Prompt(3, 3)), 30, "a"));
  while (!turn.sink->Record().started.has_value()) {
    if (!bench_->Round()) bench_->RunIo();
  }
  EXPECT_GT(turn.sink->Record().started->cached.disk, 0);
  bench_->engine().Cancel(turn.id, absl::CancelledError("test"));
  bench_->RunUntilIdle();
  EXPECT_EQ(cache().HeldTokens(Key("a")), 107);
  EXPECT_EQ(cache().SessionStats(Key("a"))->lower_tokens, 107);
  EXPECT_EQ(Turn("a", 4).started->cached.Total(), 107);
}

TEST_F(TierLinkTest, AReadingHasWhatTheTierHoldsToo) {
  Make();
  Turn("a", 100);
  Turn("b", 100);
  ASSERT_GT(cache().SessionStats(Key("a"))->lower_tokens, 0);
  absl::StatusOr<EngineReading> opened = absl::UnknownError("not called");
  bench_->engine().OpenReading(Key("a"), 1000, [&](auto o) { opened = std::move(o); });
  bench_->Round();
  EXPECT_TRUE(absl::IsUnknown(opened.status())) << "it waits for the tier, nobody else does";
  bench_->RunUntilIdle();
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_EQ(opened->tokens,
            std::vector<TokenId>(history_["a"].begin(), history_["a"].begin() + 107));
  EngineImport import;
  import.key = Key("c");
  import.tokens = opened->tokens;
  for (Position at = 0; at < 107; at += 16) {
    const std::int32_t count = std::min(16, 107 - at);
    absl::StatusOr<std::string> bytes = absl::UnknownError("not called");
    bench_->engine().ReadPositions(opened->number, at, count,
                                   [&](auto read) { bytes = std::move(read); });
    bench_->Round();
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    import.portions.push_back({at, count, *std::move(bytes), 0});
  }
  bench_->engine().CloseReading(opened->number);
  bench_->engine().DropSession(Key("a"));
  bench_->engine().DropSession(Key("b"));
  bench_->RunUntilIdle();
  absl::StatusOr<Position> held = absl::UnknownError("not called");
  bench_->engine().Import(std::move(import), [&](auto tokens) { held = std::move(tokens); });
  bench_->RunUntilIdle();
  ASSERT_EQ(*held, 107);
  history_["c"] = history_["a"];
  EXPECT_EQ(Turn("c", 5).started->cached.session, 107);
}

TEST_F(TierLinkTest, AReadingOfADamagedTierEndsWhereTheDamageBegins) {
  Make();
  Turn("a", 100);
  Turn("b", 100);
  for (tier::FakeMedium::Slot& slot : medium_->slots) slot.damaged = true;
  absl::StatusOr<EngineReading> opened = absl::UnknownError("not called");
  bench_->engine().OpenReading(Key("a"), 1000, [&](auto o) { opened = std::move(o); });
  bench_->RunUntilIdle();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_LT(opened->tokens.size(), 107U);
  EXPECT_GT(Stats().damaged, 0);
  bench_->engine().CloseReading(opened->number);
  bench_->RunUntilIdle();
  bench_->ExpectAllBlocksFree();
}

TEST_F(TierLinkTest, AGuaranteeThatCameBackWithTheManifestKeepsItsBlocksUntilItsLeaseEnds) {
  slots_ = 16;
  LeaveRoomForPins();
  Make();
  Guarantee("a", 64);
  Turn("a", 50);
  StopAndSave();
  Restart();
  ASSERT_EQ(cache().SessionStats(Key("a"))->pin, PinKind::kGuaranteed);
  EXPECT_EQ(cache().SessionStats(Key("a"))->lower_tokens, 57);
  // Far more than the tier holds comes down.
  for (int i = 0; i < 12; ++i) Turn(std::string(1, static_cast<char>('b' + i)).c_str(), 80);
  EXPECT_GT(Stats().evictions[kv::At(kv::KvReason::kCapacity)], 0);
  EXPECT_EQ(cache().HeldTokens(Key("a")), 57);
  bench_->clock().Advance(absl::Minutes(6));
  bench_->RunUntilIdle();
  EXPECT_EQ(cache().SessionStats(Key("a"))->state, kv::KvSessionState::kExpired);
  for (int i = 0; i < 12; ++i) Turn(std::string(1, static_cast<char>('B' + i)).c_str(), 80);
  EXPECT_EQ(cache().HeldTokens(Key("a")), 0);
}

TEST_F(TierLinkTest, TheNextTurnOfARestoredGuaranteeReadsItsBlocksAndIsItsOwn) {
  LeaveRoomForPins();
  Make();
  Guarantee("a", 96);
  Turn("a", 50);
  StopAndSave();
  Restart();
  EXPECT_EQ(Turn("a", 5).started->cached.disk, 57);
  EXPECT_EQ(cache().SessionStats(Key("a"))->pin, PinKind::kGuaranteed);
  EXPECT_EQ(cache().Stats().guaranteed_tokens, 96);
}

TEST_F(TierLinkTest, AnEndedLeaseIsNotTakenUpAgain) {
  LeaveRoomForPins();
  Make();
  Guarantee("a", 64);
  Turn("a", 50);
  StopAndSave();
  std::vector<tier::TierManifest::SessionEnd> ends = Ends();
  ends[0].guarantee->lease_until = bench_->clock().Wall() - absl::Seconds(1);
  Make({}, ends);
  EXPECT_EQ(cache().SessionStats(Key("a"))->pin, PinKind::kBestEffort);
  EXPECT_EQ(cache().HeldTokens(Key("a")), 57);
}

TEST_F(TierLinkTest, ADamagedDiskCostsARestoredGuaranteeItsKvAndNoToken) {
  LeaveRoomForPins();
  Make();
  Guarantee("a", 96);
  Turn("a", 50);
  StopAndSave();
  for (tier::FakeMedium::Slot& slot : medium_->slots) slot.damaged = true;
  Restart();
  EXPECT_EQ(Turn("a", 5).started->cached.disk, 0);
  EXPECT_GT(Stats().physical.removed[kv::At(kv::KvReason::kDamaged)], 0);
  EXPECT_EQ(cache().SessionStats(Key("a"))->pin, PinKind::kGuaranteed);
}

TEST_F(TierLinkTest, GuaranteedKvStaysOnTheDeviceBesideATierResidentOrNot) {
  LeaveRoomForPins();
  for (const bool resident : {false, true}) {
    medium_ = std::make_shared<tier::FakeMedium>();
    history_.clear();
    Make();
    Guarantee("a", 64, resident);
    Turn("a", 50);
    for (int i = 0; i < 6; ++i) Turn(std::string(1, static_cast<char>('b' + i)).c_str(), 80);
    EXPECT_GT(Stats().physical.moved_in, 0);
    EXPECT_EQ(cache().SessionStats(Key("a"))->lower_tokens, 0);
    EXPECT_EQ(cache().HeldTokens(Key("a")), 57);
  }
}

TEST_F(TierLinkTest, AtTheEndGuaranteedSessionsAreSavedFirstThenRetainedThenTheLatest) {
  slots_ = 9;  // one in reserve for what comes next, or more
  LeaveRoomForPins();
  Make();
  Turn("old", 16);
  Guarantee("g", 32);
  Turn("g", 16);
  Pin retained;
  retained.kind = PinKind::kRetained;
  SetPin("r", retained);
  Turn("r", 16);
  bench_->clock().Advance(absl::Seconds(1));
  Turn("new", 16);
  bench_->engine().Stop();
  std::vector<std::int64_t> told;
  bench_->engine().SaveTier(absl::Milliseconds(1), [&](std::int64_t written, std::int64_t) {
    told.push_back(written);
  });
  ASSERT_FALSE(told.empty());
  while (bench_->RunIo()) {
  }
  // Unthreaded, nothing is written while it waits: what was staged came first.
  std::vector<TokenId> first;
  for (const tier::FakeMedium::Slot& slot : medium_->slots) {
    if (slot.label && slot.label->first_position == 0) first.push_back(slot.label->tokens[0]);
  }
  ASSERT_GE(first.size(), 2U);
  const std::vector<TokenId> expected = {history_["g"][0], history_["r"][0], history_["new"][0]};
  first.resize(expected.size());
  EXPECT_EQ(first, expected);
}

TEST_F(TierLinkTest, EventsOfBothTiersSumUpToTheirLedgers) {
  tier::FakeBlockStore::Faults faults;
  int reads = 0;
  faults.on_read = [&reads](std::int32_t) {
    return ++reads % 7 == 0 ? absl::InternalError("the medium failed") : absl::OkStatus();
  };
  slots_ = 24;
  Make(std::move(faults));
  std::mt19937 random(5);
  for (int step = 0; step < 200; ++step) {
    const std::string name(1, static_cast<char>('a' + random() % 4));
    if (history_[name].size() > 110) history_[name].resize(random() % 60);
    if (random() % 12 == 0) {
      bench_->engine().DropSession(Key(name.c_str()));
      bench_->RunUntilIdle();
    } else {
      Turn(name.c_str(), 1 + random() % 30);
    }
  }
  bench_->RunUntilIdle();
  std::vector<CacheEvent> events;
  ASSERT_TRUE(bench_->engine().events().Read(0, 1 << 20, &events));
  kv::KvLedger told[kv::kKvTiers];
  for (const CacheEvent& event : events) {
    kv::KvLedger& from = told[static_cast<std::size_t>(event.tier)];
    if (event.kind == CacheEventKind::kStored) {
      from.added += event.tokens;
    } else if (event.kind == CacheEventKind::kMoved) {
      from.moved_out += event.tokens;
      told[static_cast<std::size_t>(event.to)].moved_in += event.tokens;
    } else {
      from.removed[kv::At(event.reason)] += event.tokens;
    }
  }
  const auto expect_equal = [](const kv::KvLedger& sum, const kv::KvLedger& ledger) {
    EXPECT_EQ(sum.added, ledger.added);
    EXPECT_EQ(sum.moved_in, ledger.moved_in);
    EXPECT_EQ(sum.moved_out, ledger.moved_out);
    EXPECT_EQ(sum.removed, ledger.removed);
  };
  expect_equal(told[static_cast<std::size_t>(kv::KvTier::kDevice)], cache().Stats().physical);
  expect_equal(told[static_cast<std::size_t>(kv::KvTier::kDisk)], Stats().physical);
  EXPECT_GT(Stats().physical.removed[kv::At(kv::KvReason::kDamaged)], 0);
  EXPECT_GT(Stats().physical.removed[kv::At(kv::KvReason::kSessionDeleted)], 0);
  EXPECT_GT(Stats().physical.moved_out, 0);
}

TEST_F(TierLinkTest, RandomTurnsDeletionsAndRestartsChangeNoToken) {
  std::int64_t from_disk = 0;
  for (std::uint32_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937 random(seed);
    const auto pick = [&](std::uint32_t below) {
      return std::uniform_int_distribution<std::uint32_t>(0, below - 1)(random);
    };
    medium_ = std::make_shared<tier::FakeMedium>();
    history_.clear();
    Make();
    for (int step = 0; step < 60; ++step) {
      const std::string name(1, static_cast<char>('a' + pick(4)));
      if (history_[name].size() > 110) history_[name].resize(pick(60));
      const std::uint32_t dice = pick(20);
      if (dice == 0) {
        bench_->engine().DropSession(Key(name.c_str()));
        bench_->RunUntilIdle();
      } else if (dice < 3) {
        std::vector<tier::TierManifest::SessionEnd> ends;
        if (dice == 1) {
          bench_->engine().Stop();
          bench_->engine().SaveTier(absl::Milliseconds(1), [](std::int64_t, std::int64_t) {});
          while (bench_->RunIo()) {
          }
        }
        for (const auto& place : cache().SessionPlaces()) {
          ends.push_back(End(place));
        }
        Make({}, std::move(ends));
      } else {
        from_disk += Turn(name.c_str(), 1 + pick(30)).started->cached.disk;
      }
    }
    bench_->ExpectAllBlocksFree();
  }
  EXPECT_GT(from_disk, 1000);
}

TEST_F(TierLinkTest, RealFilesServeAsWell) {
  std::string folder = absl::StrCat(testing::TempDir(), "/pintle-link-XXXXXX");
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const auto make = [&] {
    EngineBench::Setup setup;
    setup.blocks = 12;
    setup.engine.kv.hash_key = {7, 9};
    setup.tier = [&](std::size_t block_bytes) {
      EngineTier tier;
      tier.store = *tier::DiskBlockStore::Open({folder, 1 << 20, block_bytes, 16, "fake"});
      tier.folder = folder;
      return tier;
    };
    bench_ = std::make_unique<EngineBench>(std::move(setup));
  };
  make();
  Turn("a", 100);
  bench_->engine().Stop();
  bench_->engine().SaveTier(absl::Seconds(60), [](std::int64_t, std::int64_t) {});
  const auto manifest = tier::LoadManifest(folder);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  ASSERT_EQ(manifest->sessions.size(), 1U);
  EXPECT_EQ(manifest->sessions[0].tokens, 107);
  bench_.reset();
  make();
  const std::vector<TokenId> prompt = Join(history_["a"], EngineBench::Prompt(5, 3));
  const TestTurn turn = bench_->Submit(EngineBench::Turn(prompt, 4, "a"));
  while (turn.sink->Record().tokens[0].size() < 4) bench_->Round();
  EXPECT_EQ(turn.sink->Record().tokens[0], bench_->Reference(prompt, 4));
  EXPECT_EQ(turn.sink->Record().started->cached.disk, 107);
  bench_.reset();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace pintle

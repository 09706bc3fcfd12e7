// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/session_store_conformance.h"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "contract/errors.h"

namespace pintle {

StoredSession SessionStoreConformance::CreateNamed(const char* id) {
  NewSession session;
  session.id = SessionId(id);
  session.model = "m";
  absl::StatusOr<StoredSession> stored = store_->Create(tenant_, session);
  EXPECT_TRUE(stored.ok()) << stored.status();
  return *std::move(stored);
}

absl::StatusOr<StoredSession> SessionStoreConformance::RunTurn(const SessionKey& key,
                                                               std::vector<TokenId> prompt,
                                                               std::vector<TokenId> output) {
  absl::StatusOr<BegunTurn> begun = store_->BeginTurn(key, std::nullopt);
  if (!begun.ok()) return begun.status();
  TurnPrepared prepared;
  prepared.kept_turns = begun->session.transcript.turns();
  prepared.truncated_to = begun->session.transcript.position();
  prepared.appended = std::move(prompt);
  TurnFinished finished;
  finished.output = std::move(output);
  return store_->CommitTurn(begun->ticket, prepared, finished);
}

namespace {

const SessionKey kA{TenantId("t"), SessionId("a")};

TEST_P(SessionStoreConformance, CreatedSessionIsReadBack) {
  NewSession session;
  session.id = SessionId("a");
  session.model = "m";
  session.lease = absl::Minutes(3);
  session.labels = {{"k", "v"}};
  const auto stored = store_->Create(tenant_, session);
  ASSERT_TRUE(stored.ok());
  const auto read = store_->Get(kA);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->key, kA);
  EXPECT_EQ(read->model, "m");
  EXPECT_EQ(read->lease, absl::Minutes(3));
  EXPECT_EQ(read->labels, session.labels);
  EXPECT_EQ(read->created, clock_.Wall());
  EXPECT_EQ(read->template_clock, clock_.Wall());
  EXPECT_EQ(read->lease_expires, clock_.Monotonic() + absl::Minutes(3));
  EXPECT_EQ(read->transcript.turns(), 0);
  EXPECT_EQ(read->binding, SessionBinding());
}

TEST_P(SessionStoreConformance, TakenNameIsRefusedWithinItsTenantOnly) {
  CreateNamed("a");
  NewSession again;
  again.id = SessionId("a");
  EXPECT_TRUE(HasReason(store_->Create(tenant_, again).status(), Reason::kSessionExists));
  EXPECT_TRUE(store_->Create(TenantId("other"), again).ok());
}

TEST_P(SessionStoreConformance, EmptyIdsBecomeDistinctHexOf128Bits) {
  const auto one = store_->Create(tenant_, NewSession());
  const auto two = store_->Create(tenant_, NewSession());
  ASSERT_TRUE(one.ok() && two.ok());
  EXPECT_NE(one->key.session, two->key.session);
  EXPECT_EQ(one->key.session.value().size(), 32U);
  EXPECT_EQ(one->key.session.value().find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST_P(SessionStoreConformance, BoundOnSessionsIsOneForAllTenantsAndFreedByDelete) {
  for (std::size_t i = 0; i < kMax; ++i) {
    ASSERT_TRUE(store_->Create(TenantId(i % 2 ? "x" : "y"), NewSession()).ok());
  }
  const absl::Status refused = store_->Create(tenant_, NewSession()).status();
  ASSERT_TRUE(HasReason(refused, Reason::kSessionsMax)) << refused;
  EXPECT_TRUE(DetailOf(refused)->retry_after.has_value());
  const auto page = store_->List(TenantId("x"), 1, "");
  ASSERT_TRUE(store_->Delete(page->sessions[0].key).ok());
  EXPECT_TRUE(store_->Create(tenant_, NewSession()).ok());
  EXPECT_EQ(store_->size(), kMax);
}

TEST_P(SessionStoreConformance, ListPagesInOrderWithinTheTenant) {
  for (const char* id : {"d", "a", "c", "b", "e"}) CreateNamed(id);
  NewSession foreign;
  foreign.id = SessionId("aa");
  ASSERT_TRUE(store_->Create(TenantId("other"), foreign).ok());
  std::string ids, token;
  int pages = 0;
  do {
    const auto page = store_->List(tenant_, 2, token);
    ASSERT_TRUE(page.ok());
    for (const StoredSession& session : page->sessions) ids += session.key.session.value();
    token = page->next_page_token;
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(ids, "abcde");
  EXPECT_EQ(pages, 3);
}

TEST_P(SessionStoreConformance, ListGoesOnAfterTheLastPagesSessionWasDeleted) {
  for (const char* id : {"a", "b", "c"}) CreateNamed(id);
  const auto first = store_->List(tenant_, 2, "");
  ASSERT_TRUE(store_->Delete({tenant_, SessionId("b")}).ok());
  const auto second = store_->List(tenant_, 2, first->next_page_token);
  ASSERT_TRUE(second.ok());
  ASSERT_EQ(second->sessions.size(), 1U);
  EXPECT_EQ(second->sessions[0].key.session.value(), "c");
}

TEST_P(SessionStoreConformance, ForeignPageTokenIsRefused) {
  const auto page = store_->List(tenant_, 2, "zzz");
  ASSERT_TRUE(HasReason(page.status(), Reason::kInvalidField));
  EXPECT_EQ(DetailOf(page.status())->fields[0].field, "page_token");
}

TEST_P(SessionStoreConformance, UnknownSessionIsNotFoundEverywhere) {
  EXPECT_TRUE(HasReason(store_->Get(kA).status(), Reason::kSessionNotFound));
  EXPECT_TRUE(HasReason(store_->Update(kA, {}).status(), Reason::kSessionNotFound));
  EXPECT_TRUE(HasReason(store_->Delete(kA).status(), Reason::kSessionNotFound));
  EXPECT_TRUE(HasReason(store_->BeginTurn(kA, {}).status(), Reason::kSessionNotFound));
}

TEST_P(SessionStoreConformance, UpdateChangesTheLeaseAndRenewsIt) {
  CreateNamed("a");
  clock_.Advance(absl::Minutes(5));
  SessionChanges changes;
  changes.lease = absl::Minutes(1);
  const auto updated = store_->Update(kA, changes);
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(updated->lease_expires, clock_.Monotonic() + absl::Minutes(1));
  EXPECT_EQ(updated->last_used, clock_.Wall());
}

TEST_P(SessionStoreConformance, APinWhoseTimeHasEndedIsGoneWhenTheSessionIsUsedAgain) {
  const Pin pin{.kind = PinKind::kGuaranteed, .budget_tokens = 8};
  NewSession session;
  session.id = SessionId("a");
  session.pin = pin;
  ASSERT_TRUE(store_->Create(tenant_, session).ok());
  clock_.Advance(session.lease - absl::Seconds(1));
  const auto begun = store_->BeginTurn(kA, std::nullopt);
  ASSERT_TRUE(begun.ok());
  EXPECT_EQ(begun->session.pin, pin);
  clock_.Advance(2 * session.lease);  // it cannot end while a turn runs
  store_->AbortTurn(begun->ticket);
  EXPECT_EQ(store_->Get(kA)->pin, pin);
  clock_.Advance(session.lease);
  EXPECT_EQ(store_->Update(kA, {})->pin, Pin{});
  SessionChanges changes;
  changes.pin = pin;
  ASSERT_TRUE(store_->Update(kA, changes).ok());
  clock_.Advance(session.lease);
  EXPECT_EQ(store_->BeginTurn(kA, std::nullopt)->session.pin, Pin{});
}

TEST_P(SessionStoreConformance, HintsStayUntilATurnBegins) {
  CreateNamed("a");
  SessionChanges changes;
  changes.hints.outlook = SessionOutlook::kAwaitingTool;
  ASSERT_TRUE(store_->Update(kA, changes).ok());
  changes.hints = {std::nullopt, absl::Seconds(9)};
  const auto told = store_->Update(kA, changes);
  ASSERT_TRUE(told.ok());
  EXPECT_EQ(told->outlook, SessionOutlook::kAwaitingTool);
  EXPECT_EQ(told->expected_return, clock_.Monotonic() + absl::Seconds(9));
  const auto begun = store_->BeginTurn(kA, std::nullopt);
  ASSERT_TRUE(begun.ok());
  EXPECT_EQ(begun->session.outlook, SessionOutlook::kOpen);
  EXPECT_EQ(begun->session.expected_return, absl::InfiniteDuration());
  ASSERT_TRUE(store_->Update(kA, changes).ok());  // what a running turn's client says is for after
  store_->AbortTurn(begun->ticket);
  EXPECT_LT(store_->Get(kA)->expected_return, absl::InfiniteDuration());
}

TEST_P(SessionStoreConformance, AHomeBindsWhatIsNotBound) {
  const SessionHome home{WorkerId("w"), 7};
  NewSession session;
  session.id = SessionId("a");
  session.home = home;
  const auto made = store_->Create(tenant_, session);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->binding.worker, home.worker);
  EXPECT_EQ(made->binding.incarnation, home.incarnation);
  EXPECT_GT(made->binding.epoch, 0U);
  SessionChanges changes;
  changes.home = {WorkerId("other"), 8};
  EXPECT_EQ(store_->Update(kA, changes)->binding, made->binding);
}

TEST_P(SessionStoreConformance, AForkIsBestEffort) {
  NewSession session;
  session.id = SessionId("a");
  session.pin = {.kind = PinKind::kGuaranteed, .budget_tokens = 8};
  ASSERT_TRUE(store_->Create(tenant_, session).ok());
  ASSERT_TRUE(RunTurn(kA, {1}, {2}).ok());
  EXPECT_EQ(store_->Fork(kA, SessionId("b"), std::nullopt)->pin, Pin{});
}

TEST_P(SessionStoreConformance, CommittedTurnsAppend) {
  CreateNamed("a");
  ASSERT_TRUE(RunTurn(kA, {1, 2}, {3}).ok());
  const auto after = RunTurn(kA, {4}, {5, 6});
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->transcript.turns(), 2);
  EXPECT_EQ(after->transcript.position(), 6);
  EXPECT_EQ(after->transcript.turn(1).tokens, (std::vector<TokenId>{4, 5, 6}));
  EXPECT_EQ(after->running, 0U);
}

TEST_P(SessionStoreConformance, TurnThatKeepsFewerTurnsTruncates) {
  CreateNamed("a");
  ASSERT_TRUE(RunTurn(kA, {1, 2}, {3}).ok());
  ASSERT_TRUE(RunTurn(kA, {4}, {5}).ok());
  const auto begun = store_->BeginTurn(kA, 5);
  ASSERT_TRUE(begun.ok());
  TurnPrepared prepared;
  prepared.kept_turns = 1;
  prepared.truncated_to = 3;
  prepared.appended = {7};
  TurnFinished finished;
  finished.output = {8};
  const auto after = store_->CommitTurn(begun->ticket, prepared, finished);
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->transcript.position(), 5);
  EXPECT_EQ(after->transcript.turn(1).tokens, (std::vector<TokenId>{7, 8}));
}

TEST_P(SessionStoreConformance, CommitFromAnotherTranscriptChangesNothingAndTheTurnStillRuns) {
  CreateNamed("a");
  ASSERT_TRUE(RunTurn(kA, {1, 2}, {3}).ok());
  const auto begun = store_->BeginTurn(kA, {});
  TurnPrepared prepared;
  prepared.kept_turns = 1;
  prepared.truncated_to = 2;  // the turn has 3 tokens
  EXPECT_EQ(store_->CommitTurn(begun->ticket, prepared, {}).status().code(),
            absl::StatusCode::kInternal);
  prepared.kept_turns = 2;
  EXPECT_FALSE(store_->CommitTurn(begun->ticket, prepared, {}).ok());
  EXPECT_EQ(store_->Get(kA)->transcript.position(), 3);
  EXPECT_EQ(store_->Get(kA)->running, begun->ticket.number);
}

TEST_P(SessionStoreConformance, SnapshotIsUntouchedByLaterCommits) {
  CreateNamed("a");
  ASSERT_TRUE(RunTurn(kA, {1}, {2}).ok());
  const StoredSession before = *store_->Get(kA);
  ASSERT_TRUE(RunTurn(kA, {3}, {4}).ok());
  EXPECT_EQ(before.transcript.turns(), 1);
  EXPECT_EQ(before.transcript.position(), 2);
}

TEST_P(SessionStoreConformance, SecondTurnIsBusyUntilTheFirstEnds) {
  CreateNamed("a");
  const auto first = store_->BeginTurn(kA, {});
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(HasReason(store_->BeginTurn(kA, {}).status(), Reason::kSessionBusy));
  store_->AbortTurn(first->ticket);
  EXPECT_TRUE(store_->BeginTurn(kA, {}).ok());
}

TEST_P(SessionStoreConformance, MismatchTellsTheRealPositionAndBeginsNothing) {
  CreateNamed("a");
  ASSERT_TRUE(RunTurn(kA, {1, 2}, {3}).ok());
  const absl::Status status = store_->BeginTurn(kA, 2).status();
  ASSERT_TRUE(HasReason(status, Reason::kPositionMismatch));
  const std::vector<std::pair<std::string, std::string>> metadata{{"position", "3"}};
  EXPECT_EQ(DetailOf(status)->metadata, metadata);
  EXPECT_TRUE(store_->BeginTurn(kA, 3).ok());
}

TEST_P(SessionStoreConformance, AbortedTurnLeavesTheTranscriptAndRestartsTheLease) {
  CreateNamed("a");
  ASSERT_TRUE(RunTurn(kA, {1}, {2}).ok());
  const auto begun = store_->BeginTurn(kA, {});
  clock_.Advance(absl::Minutes(20));
  store_->AbortTurn(begun->ticket);
  const auto after = store_->Get(kA);
  EXPECT_EQ(after->transcript.position(), 2);
  EXPECT_EQ(after->lease_expires, clock_.Monotonic() + after->lease);
}

TEST_P(SessionStoreConformance, EndedTicketIsVoid) {
  CreateNamed("a");
  const auto old = store_->BeginTurn(kA, {});
  store_->AbortTurn(old->ticket);
  const auto current = store_->BeginTurn(kA, {});
  store_->AbortTurn(old->ticket);
  EXPECT_EQ(store_->Get(kA)->running, current->ticket.number);
  EXPECT_FALSE(store_->CommitTurn(old->ticket, {}, {}).ok());
  EXPECT_FALSE(store_->Bind(old->ticket, WorkerId("w"), 1, false).ok());
}

TEST_P(SessionStoreConformance, DeletedSessionsTicketIsVoidEvenWhenTheNameIsUsedAgain) {
  CreateNamed("a");
  const auto old = store_->BeginTurn(kA, {});
  const auto deleted = store_->Delete(kA);
  ASSERT_TRUE(deleted.ok());
  EXPECT_EQ(deleted->running, old->ticket.number);
  CreateNamed("a");
  const auto current = store_->BeginTurn(kA, {});
  ASSERT_TRUE(current.ok());
  EXPECT_TRUE(HasReason(store_->CommitTurn(old->ticket, {}, {}).status(), Reason::kSessionDeleted));
  store_->AbortTurn(old->ticket);
  EXPECT_EQ(store_->Get(kA)->running, current->ticket.number);
}

TEST_P(SessionStoreConformance, ChangedBindingRaisesTheEpochAndForgetsWhatWasSynced) {
  CreateNamed("a");
  const auto begun = store_->BeginTurn(kA, {});
  const auto first = store_->Bind(begun->ticket, WorkerId("w"), 7, false);
  ASSERT_TRUE(first.ok());
  EXPECT_GT(first->epoch, 0U);
  EXPECT_EQ(first->synced_turns, 0);
  const auto committed = store_->CommitTurn(begun->ticket, {}, {});
  EXPECT_EQ(committed->binding.synced_turns, 1);

  const auto second = store_->BeginTurn(kA, {});
  const auto same = store_->Bind(second->ticket, WorkerId("w"), 7, false);
  EXPECT_EQ(same->epoch, first->epoch);
  EXPECT_EQ(same->synced_turns, 1);
  const auto restarted = store_->Bind(second->ticket, WorkerId("w"), 8, false);
  EXPECT_GT(restarted->epoch, first->epoch);
  EXPECT_EQ(restarted->synced_turns, 0);
  const auto fenced = store_->Bind(second->ticket, WorkerId("w"), 8, true);
  EXPECT_GT(fenced->epoch, restarted->epoch);
}

TEST_P(SessionStoreConformance, EpochsRiseEvenOverANameUsedAgain) {
  CreateNamed("a");
  const auto old = store_->BeginTurn(kA, {});
  const Epoch before = store_->Bind(old->ticket, WorkerId("w"), 1, false)->epoch;
  ASSERT_TRUE(store_->Delete(kA).ok());
  CreateNamed("a");
  const auto begun = store_->BeginTurn(kA, {});
  EXPECT_GT(store_->Bind(begun->ticket, WorkerId("w"), 1, false)->epoch, before);
}

TEST_P(SessionStoreConformance, IdleSessionsExpireOldestFirstAndRunningOnesNever) {
  CreateNamed("a");
  CreateNamed("b");
  clock_.Advance(absl::Hours(1));
  CreateNamed("c");
  CreateNamed("r");
  ASSERT_TRUE(store_->BeginTurn({tenant_, SessionId("r")}, {}).ok());
  clock_.Advance(absl::Hours(23) - absl::Seconds(1));
  EXPECT_TRUE(store_->ExpireIdle(10).empty());
  ASSERT_TRUE(store_->Update(kA, {}).ok());
  clock_.Advance(absl::Hours(2));
  const auto one = store_->ExpireIdle(1);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one[0].key.session.value(), "b");
  const auto rest = store_->ExpireIdle(10);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].key.session.value(), "c");
  EXPECT_EQ(store_->size(), 2U);
}

TEST_P(SessionStoreConformance, BoundCountsCountEachProcess) {
  for (const char* id : {"a", "b", "c"}) {
    CreateNamed(id);
    const auto begun = store_->BeginTurn({tenant_, SessionId(id)}, {});
    ASSERT_TRUE(store_->Bind(begun->ticket, WorkerId("w"), id[0] == 'c' ? 2 : 1, false).ok());
  }
  CreateNamed("unbound");
  const std::map<Incarnation, std::int64_t> expected{{1, 2}, {2, 1}};
  EXPECT_EQ(store_->BoundCounts(), expected);
}

TEST_P(SessionStoreConformance, AForkBeginsWithTheTranscriptUpToThePosition) {
  CreateNamed("a");
  ASSERT_TRUE(RunTurn(kA, {1, 2}, {3}).ok());
  const auto source = RunTurn(kA, {4}, {5, 6});
  ASSERT_TRUE(source.ok());
  clock_.Advance(absl::Hours(1));
  const auto whole = store_->Fork(kA, SessionId("b"), std::nullopt);
  ASSERT_TRUE(whole.ok()) << whole.status();
  EXPECT_EQ(whole->transcript.digest(), source->transcript.digest());
  EXPECT_EQ(whole->template_clock, source->template_clock);
  EXPECT_EQ(whole->model, "m");
  EXPECT_EQ(whole->created, clock_.Wall());
  const auto cut = store_->Fork(kA, SessionId(), 4);
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(cut->key.session.value().size(), 32U);
  EXPECT_EQ(cut->transcript.turns(), 2);
  EXPECT_EQ(cut->transcript.turn(1).tokens, std::vector<TokenId>({4}));
  EXPECT_TRUE(cut->transcript.turn(1).messages.empty());
  EXPECT_EQ(store_->Get(kA)->transcript.position(), 6);
}

TEST_P(SessionStoreConformance, AForkIsBoundAsItsSourceUnderAnEpochOfItsOwn) {
  CreateNamed("a");
  auto begun = store_->BeginTurn(kA, std::nullopt);
  const auto bound = store_->Bind(begun->ticket, WorkerId("w"), 9, false);
  TurnPrepared prepared;
  prepared.appended = {1, 2};
  ASSERT_TRUE(store_->CommitTurn(begun->ticket, prepared, TurnFinished()).ok());
  // A running turn is not part of it.
  begun = store_->BeginTurn(kA, std::nullopt);
  const auto fork = store_->Fork(kA, SessionId("b"), std::nullopt);
  ASSERT_TRUE(fork.ok());
  EXPECT_EQ(fork->running, 0U);
  EXPECT_EQ(fork->transcript.position(), 2);
  EXPECT_EQ(fork->binding.worker, WorkerId("w"));
  EXPECT_EQ(fork->binding.incarnation, 9U);
  EXPECT_GT(fork->binding.epoch, bound->epoch);
  EXPECT_EQ(fork->binding.synced_turns, 1);
  EXPECT_EQ(store_->Fork(kA, SessionId("c"), 1)->binding.synced_turns, 0);
}

TEST_P(SessionStoreConformance, AForkIsRefusedAsACreationIs) {
  CreateNamed("a");
  CreateNamed("b");
  EXPECT_TRUE(HasReason(store_->Fork(kA, SessionId("b"), std::nullopt).status(),
                        Reason::kSessionExists));
  EXPECT_TRUE(HasReason(store_->Fork(kA, SessionId("c"), 1).status(), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(store_->Fork(kA, SessionId("c"), -1).status(), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(
      store_->Fork(SessionKey{tenant_, SessionId("x")}, SessionId("c"), 0).status(),
      Reason::kSessionNotFound));
  for (std::size_t i = store_->size(); i < kMax; ++i) {
    ASSERT_TRUE(store_->Fork(kA, SessionId(), std::nullopt).ok());
  }
  EXPECT_TRUE(
      HasReason(store_->Fork(kA, SessionId(), std::nullopt).status(), Reason::kSessionsMax));
}

TEST_P(SessionStoreConformance, TruncationKeepsTheFirstTokensAndTheBinding) {
  CreateNamed("a");
  auto begun = store_->BeginTurn(kA, std::nullopt);
  const auto bound = store_->Bind(begun->ticket, WorkerId("w"), 9, false);
  TurnPrepared prepared;
  prepared.appended = {1, 2, 3};
  ASSERT_TRUE(store_->CommitTurn(begun->ticket, prepared, TurnFinished()).ok());
  ASSERT_TRUE(RunTurn(kA, {4, 5}, {6}).ok());
  EXPECT_TRUE(HasReason(store_->Truncate(kA, 7).status(), Reason::kInvalidField));
  auto cut = store_->Truncate(kA, 5);
  ASSERT_TRUE(cut.ok()) << cut.status();
  EXPECT_EQ(cut->transcript.position(), 5);
  EXPECT_EQ(cut->binding.epoch, bound->epoch);
  EXPECT_EQ(cut->binding.synced_turns, 1);
  EXPECT_EQ(cut->running, 0U);
  cut = store_->Truncate(kA, 3);
  EXPECT_EQ(cut->transcript.turns(), 1);
  EXPECT_EQ(cut->binding.synced_turns, 1);
  begun = store_->BeginTurn(kA, std::nullopt);
  EXPECT_TRUE(HasReason(store_->Truncate(kA, 0).status(), Reason::kSessionBusy));
}

TEST_P(SessionStoreConformance, AnImportsTranscriptIsItsSessions) {
  CreateNamed("a");
  const auto begun = store_->BeginTurn(kA, std::nullopt);
  TranscriptTurn turn;
  turn.tokens = {1, 2, 3};
  const auto stored =
      store_->CommitImport(begun->ticket, Transcript::Of({turn, turn}), absl::FromUnixSeconds(5));
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(stored->running, 0U);
  EXPECT_EQ(stored->transcript.position(), 6);
  EXPECT_EQ(stored->template_clock, absl::FromUnixSeconds(5));
  EXPECT_TRUE(
      HasReason(store_->CommitImport(begun->ticket, Transcript(), absl::UnixEpoch()).status(),
                Reason::kSessionDeleted));
}

TEST_P(SessionStoreConformance, ConcurrentTurnsOfOneSessionCommitOneAfterAnother) {
  CreateNamed("a");
  constexpr int kThreads = 4;
  constexpr int kTurns = 50;
  std::atomic<int> committed = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTurns; ++i) {
        absl::StatusOr<StoredSession> done = RunTurn(kA, {t}, {i});
        while (HasReason(done.status(), Reason::kSessionBusy)) {
          std::this_thread::yield();
          done = RunTurn(kA, {t}, {i});
        }
        if (done.ok()) ++committed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(committed, kThreads * kTurns);
  EXPECT_EQ(store_->Get(kA)->transcript.position(), 2 * kThreads * kTurns);
}

}  // namespace
}  // namespace pintle

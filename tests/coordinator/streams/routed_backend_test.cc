// SPDX-License-Identifier: Apache-2.0
#include "coordinator/streams/routed_backend.h"

#include <atomic>
#include <string>
#include <thread>

#include "tests/coordinator/streams/fleet_fixture.h"

namespace pintle {
namespace {

TEST(RoutedBackendTest, SessionStaysWithItsWorker) {
  FleetFixture f(/*answer_at_once=*/true);
  f.Join("a", 1);
  f.Join("b", 2);
  const SessionKey key = f.Create("s");
  for (int turn = 0; turn < 5; ++turn) {
    EXPECT_TRUE(FleetFixture::EndOf(FleetFixture::Drain(**f.Generate("s", {turn}))).ok());
  }
  const Incarnation home = f.store.Get(key)->binding.incarnation;
  EXPECT_EQ(f.connector.workers[home]->starts(), 5U);
  EXPECT_EQ(f.connector.workers[3 - home]->starts(), 0U);
  EXPECT_NE(f.log.find("placement tenant=t session=s"), std::string::npos);
}

TEST(RoutedBackendTest, LostWorkersTurnRollsBackAndTheNextOneWorksFromTheTranscript) {
  FleetFixture f(/*answer_at_once=*/false);
  const RegistrationId registrations[] = {f.Join("a", 1), f.Join("b", 2)};
  const SessionKey key = f.Create("s");
  auto first = f.Generate("s", {1, 2});
  const Incarnation home = f.store.Get(key)->binding.incarnation;
  f.connector.workers[home]->last()->StepAll();
  ASSERT_TRUE(FleetFixture::EndOf(FleetFixture::Drain(**first)).ok());

  auto second = f.Generate("s", {3});
  ASSERT_TRUE(second.ok());
  ASSERT_EQ(f.connector.workers[home]->starts(), 2U);
  for (int i = 0; i < 3; ++i) f.connector.workers[home]->last()->Step();
  FleetFixture::Drain(**second);
  f.registry.Leave(registrations[home - 1]);
  EXPECT_TRUE(HasReason(FleetFixture::EndOf(FleetFixture::Drain(**second)), Reason::kWorkerLost));
  EXPECT_EQ(f.store.Get(key)->transcript.position(), 6);

  auto third = f.Generate("s", {3});
  ASSERT_TRUE(third.ok()) << third.status();
  const auto fake = f.connector.workers[3 - home]->last();
  EXPECT_EQ(fake->request().base_turns, 0);
  EXPECT_EQ(fake->request().missing_turns.size(), 1U);
  fake->StepAll();
  ASSERT_TRUE(FleetFixture::EndOf(FleetFixture::Drain(**third)).ok());
  // The same tokens as without the loss.
  std::vector<TokenId> context = f.store.Get(key)->transcript.turn(0).tokens;
  context.push_back(3);
  const auto expected = FakeAnswer(ExtendTranscriptDigest(kEmptyTranscriptDigest, context), 4);
  const std::vector<TokenId>& tokens = f.store.Get(key)->transcript.turn(1).tokens;
  EXPECT_EQ(std::vector<TokenId>(tokens.begin() + 1, tokens.end()), expected);
}

TEST(RoutedBackendTest, StoppedWorkersTurnsEndAtTheTimeoutAndOthersGoOn) {
  FleetFixture f(/*answer_at_once=*/false);
  const RegistrationId registrations[] = {f.Join("a", 1), f.Join("b", 2)};
  f.Create("s");
  auto stream = f.Generate("s", {1});
  const Incarnation home = f.store.Get({f.tenant, SessionId("s")})->binding.incarnation;
  f.connector.workers[home]->last()->IgnoreCancel();
  f.clock.Advance(absl::Seconds(2));
  ASSERT_TRUE(f.registry.Report(registrations[2 - home], 2, {}, f.clock.Monotonic()).ok());
  f.clock.Advance(absl::Seconds(1));
  EXPECT_EQ(f.registry.DropSilent(f.clock.Monotonic()).size(), 1U);
  EXPECT_TRUE(HasReason(FleetFixture::EndOf(FleetFixture::Drain(**stream)), Reason::kWorkerLost));
  auto next = f.Generate("s", {1});
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(f.connector.workers[3 - home]->starts(), 1U);
}

TEST(RoutedBackendTest, RestartedWorkerIsAnotherOwner) {
  FleetFixture f(/*answer_at_once=*/true);
  f.Join("a", 1);
  const SessionKey key = f.Create("s");
  FleetFixture::Drain(**f.Generate("s", {1}));
  const Epoch before = f.store.Get(key)->binding.epoch;
  f.Join("a", 2);
  EXPECT_EQ(f.backend.HeldTokens(key, WorkerId("a"), 1), std::nullopt)
      << "the process that began anew may have it on its disk";
  EXPECT_EQ(f.backend.HeldTokens(key, WorkerId("gone"), 1), 0);
  EXPECT_EQ(f.backend.HeldTokens(key, WorkerId("a"), 2), std::nullopt);
  EXPECT_TRUE(FleetFixture::EndOf(FleetFixture::Drain(**f.Generate("s", {2}))).ok());
  EXPECT_GT(f.store.Get(key)->binding.epoch, before);
  EXPECT_EQ(f.connector.workers[2]->last()->request().missing_turns.size(), 1U);
}

TEST(RoutedBackendTest, BurstBeforeAnyReportIsSpread) {
  FleetFixture f(/*answer_at_once=*/false);
  f.Join("a", 1);
  f.Join("b", 2);
  std::vector<std::unique_ptr<TurnStream>> streams;
  for (int i = 0; i < 10; ++i) streams.push_back(*f.Generate("", {1, 2, 3}));
  EXPECT_EQ(f.connector.workers[1]->starts(), 5U);
  EXPECT_EQ(f.connector.workers[2]->starts(), 5U);
}

TEST(RoutedBackendTest, DeletedSessionIsDroppedWhereItLives) {
  FleetFixture f(/*answer_at_once=*/true);
  f.Join("a", 1);
  const SessionKey key = f.Create("s");
  FleetFixture::Drain(**f.Generate("s", {1}));
  ASSERT_TRUE(f.front.DeleteSession(key).ok());
  EXPECT_FALSE(f.connector.workers[1]->Holds(key));
}

TEST(RoutedBackendTest, EmptyFleetAnswersNoWorkerEverywhere) {
  FleetFixture f(/*answer_at_once=*/true);
  EXPECT_TRUE(HasReason(f.Generate("", {1}).status(), Reason::kNoWorker));
  EXPECT_TRUE(HasReason(f.backend.ResolveModel("m").status(), Reason::kNoWorker));
  EXPECT_TRUE(f.backend.ListModels().empty());
  absl::Status status;
  f.backend.Tokenize({}, [&](absl::StatusOr<TokenizeResult> result) { status = result.status(); });
  EXPECT_TRUE(HasReason(status, Reason::kNoWorker));
}

TEST(RoutedBackendTest, TokenizeGoesToAWorkerOfTheModelAndModelsAreListedOnce) {
  FleetFixture f(/*answer_at_once=*/true);
  f.Join("a", 1);
  f.Join("b", 2);
  EXPECT_EQ(f.backend.ListModels().size(), 1U);
  bool answered = false;
  f.backend.Tokenize({}, [&](absl::StatusOr<TokenizeResult> result) { answered = result.ok(); });
  ASSERT_EQ(f.connector.texts[1]->waiting.size(), 1U);
  f.connector.texts[1]->waiting[0](TokenizeResult());
  EXPECT_TRUE(answered);
  TokenizeRequest other;
  other.model = std::string("x");
  absl::Status status;
  f.backend.Tokenize(other, [&](absl::StatusOr<TokenizeResult> r) { status = r.status(); });
  EXPECT_TRUE(HasReason(status, Reason::kModelNotFound));
}

TEST(RoutedBackendTest, WorkersComeAndGoUnderLoadAndEveryStreamEnds) {
  FleetFixture f(/*answer_at_once=*/true);
  f.Join("steady", 1);
  std::atomic<bool> stop = false;
  std::thread churn([&] {
    for (Incarnation i = 100; !stop; ++i) {
      const RegistrationId registration = f.Join("comes", i);
      std::this_thread::yield();
      f.registry.Leave(registration);
    }
  });
  std::vector<std::thread> clients;
  std::atomic<int> finished = 0;
  for (int c = 0; c < 3; ++c) {
    const std::string name = std::to_string(c);
    f.Create(name.c_str());
    clients.emplace_back([&f, &finished, name] {
      for (int i = 0; i < 100; ++i) {
        auto stream = f.Generate(name.c_str(), {i});
        if (!stream.ok()) {
          EXPECT_TRUE(HasReason(stream.status(), Reason::kWorkerLost)) << stream.status();
          continue;
        }
        const absl::Status end = FleetFixture::EndOf(FleetFixture::Drain(**stream));
        EXPECT_TRUE(end.ok() || HasReason(end, Reason::kWorkerLost)) << end;
        if (end.ok()) ++finished;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  stop = true;
  churn.join();
  EXPECT_GT(finished, 0);
  EXPECT_EQ(f.front.running(), 0U);
}

}  // namespace
}  // namespace pintle

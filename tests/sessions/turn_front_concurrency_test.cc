// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "tests/sessions/front_fixture.h"

// Many threads at the front at once; ThreadSanitizer judges the rest.
namespace pintle {
namespace {

TEST(TurnFrontConcurrencyTest, ClientsCancelsAndDeletesAtOnceLeaveNoTurnBehind) {
  FrontFixture f;
  constexpr int kClients = 4;
  constexpr int kTurns = 200;
  for (int c = 0; c < kClients; ++c) f.Create(std::to_string(c).c_str());
  std::atomic<bool> stop = false;
  std::vector<std::thread> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&f, c] {
      const std::string name = std::to_string(c);
      for (int i = 0; i < kTurns; ++i) {
        auto stream = f.Generate(f.Request(name.c_str(), {i}));
        if (!stream.ok()) {
          if (HasReason(stream.status(), Reason::kSessionNotFound)) {
            NewSession session;
            session.id = SessionId(name);
            session.model = std::string("m");
            (void)f.store.Create(f.tenant, session);
          }
          continue;
        }
        if (i % 3 != 0) Drain(**stream);  // else the client goes away
      }
    });
  }
  std::thread trouble([&f, &stop] {
    for (int i = 0; !stop; ++i) {
      const SessionId session(std::to_string(i % kClients));
      (void)f.front.CancelGenerate(f.tenant, session, {},
                                   i % 2 ? CancelMode::kRollback : CancelMode::kCommitPartial);
      if (i % 50 == 0) (void)f.front.DeleteSession({f.tenant, session});
      if (i % 7 == 0) f.placer.current = static_cast<std::size_t>(i / 7 % 2);
      (void)f.sessions.List(f.tenant, 10, "");
      std::this_thread::yield();
    }
  });
  for (std::thread& client : clients) client.join();
  stop = true;
  trouble.join();
  EXPECT_EQ(f.front.running(), 0U);
  const auto page = f.store.List(f.tenant, 10, "");
  ASSERT_TRUE(page.ok());
  for (const StoredSession& session : page->sessions) {
    EXPECT_EQ(session.running, 0U);
  }
}

TEST(TurnFrontConcurrencyTest, WorkersThreadSpeaksWhileTheClientReadsFromItsCallback) {
  FrontFixture f(/*answer_at_once=*/false);
  f.Create("a");
  for (int round = 0; round < 200; ++round) {
    auto stream = f.Generate(f.Request("a", {round}));
    ASSERT_TRUE(stream.ok());
    const auto fake = f.placer.worker(0).last();
    std::thread worker([fake] { fake->StepAll(); });
    absl::Notification ended;
    (*stream)->SetReadyCallback([&] {
      while (const std::optional<TurnEvent> event = (*stream)->Next()) {
        if (IsLast(*event)) ended.Notify();
      }
    });
    ended.WaitForNotification();
    worker.join();
    stream->reset();
  }
  EXPECT_EQ(f.store.Get({f.tenant, SessionId("a")})->transcript.turns(), 200);
}

TEST(TurnFrontConcurrencyTest, StreamIsDestroyedWhileTheWorkerSpeaksAndOthersCancel) {
  FrontFixture f(/*answer_at_once=*/false);
  const SessionKey key = f.Create("a");
  for (int round = 0; round < 200; ++round) {
    auto stream = f.Generate(f.Request("a", {round}));
    ASSERT_TRUE(stream.ok()) << stream.status();
    const auto fake = f.placer.worker(0).last();
    auto alive = std::make_unique<int>(0);
    (*stream)->SetReadyCallback([&alive] { ++*alive; });
    std::thread worker([fake] { fake->StepAll(); });
    std::thread canceller([&f] {
      (void)f.front.CancelGenerate(f.tenant, SessionId("a"), {}, CancelMode::kRollback);
    });
    (void)(*stream)->Next();
    stream->reset();
    alive.reset();  // a callback after the destruction would touch it
    worker.join();
    canceller.join();
    EXPECT_EQ(f.store.Get(key)->running, 0U);
  }
}

}  // namespace
}  // namespace pintle

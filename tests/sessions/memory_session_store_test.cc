// SPDX-License-Identifier: Apache-2.0
#include "sessions/memory_session_store.h"

#include <memory>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "tests/conformance/session_store_conformance.h"

namespace pintle {
namespace {

std::unique_ptr<SessionStore> Make(const Clock& clock, std::size_t sessions_max,
                                   absl::Duration ttl) {
  return std::make_unique<MemorySessionStore>(
      clock, [bits = std::uint64_t{1}]() mutable { return bits *= 0x9e3779b97f4a7c15ULL; },
      MemorySessionStore::Options{sessions_max, ttl});
}

INSTANTIATE_TEST_SUITE_P(Memory, SessionStoreConformance,
                         testing::Values(SessionStoreFactory{"memory", Make}),
                         [](const auto& each) { return each.param.name; });

TEST(MemorySessionStoreTest, ServerMadeIdIsTheRandomSourcesBits) {
  ManualClock clock;
  std::uint64_t next = 0xab;
  MemorySessionStore store(clock, [&next] { return next++; }, {});
  const auto session = store.Create(TenantId("t"), NewSession());
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(session->key.session.value(), "00000000000000ab00000000000000ac");
}

TEST(MemorySessionStoreTest, ServerMadeIdAvoidsANameAlreadyTaken) {
  ManualClock clock;
  int calls = 0;
  MemorySessionStore store(clock, [&calls] { return ++calls <= 2 ? 1ULL : 2ULL; }, {});
  NewSession taken;
  taken.id = SessionId("00000000000000010000000000000001");
  ASSERT_TRUE(store.Create(TenantId("t"), taken).ok());
  const auto session = store.Create(TenantId("t"), NewSession());
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(session->key.session.value(), "00000000000000020000000000000002");
}

TEST(MemorySessionStoreTest, RestartedStoresEpochsAreAboveItsPredecessors) {
  ManualClock clock;
  const auto bind = [&clock] {
    MemorySessionStore store(clock, [] { return 1ULL; }, {});
    const auto session = store.Create(TenantId("t"), NewSession());
    const auto begun = store.BeginTurn(session->key, {});
    return store.Bind(begun->ticket, WorkerId("w"), 1, false)->epoch;
  };
  const Epoch before = bind();
  clock.Advance(absl::Seconds(1));
  EXPECT_GT(bind(), before);
}

TEST(MemorySessionStoreTest, HoldsAHundredThousandSessions) {
  ManualClock clock;
  MemorySessionStore store(clock, [bits = 1ULL]() mutable { return bits += 3; }, {});
  for (int i = 0; i < 100000; ++i) {
    ASSERT_TRUE(store.Create(TenantId("t"), NewSession()).ok());
  }
  EXPECT_TRUE(HasReason(store.Create(TenantId("t"), NewSession()).status(), Reason::kSessionsMax));
  clock.Advance(absl::Hours(24));
  std::size_t expired = 0;
  while (expired < 100000) expired += store.ExpireIdle(1024).size();
  EXPECT_EQ(store.size(), 0U);
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "sessions/session_mover.h"

#include "tests/fakes/fake_session_kv.h"
#include "tests/sessions/archive_fixture.h"

namespace pintle {
namespace {

TEST(SessionMoverTest, AForksKvIsItsSourcesUpToThePosition) {
  ArchiveFixture f;
  const SessionKey a = f.MakeSession("a", 10);
  const SessionKey b{f.front.tenant, SessionId("b")};
  absl::StatusOr<SessionView> view;
  f.mover.Fork(a, SessionId("b"), 6, [&](absl::StatusOr<SessionView> v) { view = std::move(v); });
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->session.transcript.position(), 6);
  EXPECT_EQ(f.kv.kv->Held(b).size(), 6U);
  f.mover.Fork(a, SessionId("no spaces"), 6,
               [&](absl::StatusOr<SessionView> v) { view = std::move(v); });
  EXPECT_TRUE(HasReason(view.status(), Reason::kInvalidField));
}

TEST(SessionMoverTest, TruncationReachesTranscriptAndKv) {
  ArchiveFixture f;
  const SessionKey a = f.MakeSession("a", 10);
  absl::StatusOr<SessionView> view;
  f.mover.Truncate(a, 4, [&](absl::StatusOr<SessionView> v) { view = std::move(v); });
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->session.transcript.position(), 4);
  EXPECT_EQ(f.kv.kv->Held(a).size(), 4U);
  f.mover.Truncate(a, 5, [&](absl::StatusOr<SessionView> v) { view = std::move(v); });
  EXPECT_TRUE(HasReason(view.status(), Reason::kInvalidField));
}

}  // namespace
}  // namespace pintle

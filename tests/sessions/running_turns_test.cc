// SPDX-License-Identifier: Apache-2.0
#include "sessions/running_turns.h"

#include <memory>

#include "contract/errors.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

class SilentTurn final : public CancellableTurn {
 public:
  void Cancel(CancelMode, absl::Status) override {}
};

const TenantId kTenant("t");
const SessionKey kA{kTenant, SessionId("a")};

TEST(RunningTurnsTest, RequestIdIsUniqueWithinATenantWhileItsTurnRuns) {
  RunningTurns turns;
  const auto turn = std::make_shared<SilentTurn>();
  auto first = turns.Add(kTenant, RequestId("r"), turn);
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(
      HasReason(turns.Add(kTenant, RequestId("r"), turn).status(), Reason::kRequestIdReused));
  EXPECT_TRUE(turns.Add(TenantId("other"), RequestId("r"), turn).ok());
  first->Leave();
  EXPECT_TRUE(turns.Add(kTenant, RequestId("r"), turn).ok());
  EXPECT_EQ(turns.size(), 0U);
}

TEST(RunningTurnsTest, EmptyRequestIdsNeverClashAndAreNeverFound) {
  RunningTurns turns;
  const auto turn = std::make_shared<SilentTurn>();
  auto first = turns.Add(kTenant, RequestId(), turn);
  auto second = turns.Add(kTenant, RequestId(), turn);
  EXPECT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(turns.size(), 2U);
  EXPECT_EQ(turns.Find(kTenant, SessionId(), RequestId()), nullptr);
}

TEST(RunningTurnsTest, BothIdsMustNameTheSameTurn) {
  RunningTurns turns;
  const auto one = std::make_shared<SilentTurn>();
  const auto two = std::make_shared<SilentTurn>();
  auto first = turns.Add(kTenant, RequestId("1"), one);
  auto second = turns.Add(kTenant, RequestId("2"), two);
  first->SetSession(TurnTicket{kA, 1});
  EXPECT_EQ(turns.Find(kTenant, SessionId("a"), RequestId()), one);
  EXPECT_EQ(turns.Find(kTenant, SessionId("a"), RequestId("1")), one);
  EXPECT_EQ(turns.Find(kTenant, SessionId("a"), RequestId("2")), nullptr);
  EXPECT_EQ(turns.Find(kTenant, SessionId(), RequestId("2")), two);
  EXPECT_EQ(turns.Find(TenantId("other"), SessionId("a"), RequestId()), nullptr);
}

TEST(RunningTurnsTest, OldTurnOfASessionMadeAgainIsFoundByItsTicketOnly) {
  RunningTurns turns;
  const auto old_turn = std::make_shared<SilentTurn>();
  const auto new_turn = std::make_shared<SilentTurn>();
  auto old_entry = turns.Add(kTenant, RequestId(), old_turn);
  auto new_entry = turns.Add(kTenant, RequestId(), new_turn);
  old_entry->SetSession(TurnTicket{kA, 1});
  new_entry->SetSession(TurnTicket{kA, 2});
  EXPECT_EQ(turns.Find(kTenant, SessionId("a"), RequestId()), new_turn);
  EXPECT_EQ(turns.Find(TurnTicket{kA, 1}), old_turn);
  old_entry->Leave();
  EXPECT_EQ(turns.Find(TurnTicket{kA, 1}), nullptr);
  EXPECT_EQ(turns.Find(kTenant, SessionId("a"), RequestId()), new_turn);
}

}  // namespace
}  // namespace pintle

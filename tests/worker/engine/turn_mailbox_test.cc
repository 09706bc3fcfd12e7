// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/turn_mailbox.h"

#include <thread>

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::SizeIs;

EngineTurn TurnOf(const char* session) {
  EngineTurn turn;
  turn.key = {TenantId("acme"), SessionId(session)};
  return turn;
}

std::vector<EngineMessage> Take(TurnMailbox& mailbox) {
  std::vector<EngineMessage> messages;
  mailbox.Take(messages);
  return messages;
}

TEST(TurnMailboxTest, MessagesKeepTheirOrderAndComeOnce) {
  TurnMailbox mailbox(100, 100);
  const TurnId a = *mailbox.Submit(TurnOf("a"), absl::Seconds(3));
  mailbox.StopChoice(a, 0);
  mailbox.Commit(a, {{1, 2}});
  mailbox.Drop({TenantId("acme"), SessionId("a")});
  const auto messages = Take(mailbox);
  ASSERT_THAT(messages, SizeIs(4));
  EXPECT_EQ(std::get<SubmitMessage>(messages[0]).submitted, absl::Seconds(3));
  EXPECT_EQ(std::get<StopChoiceMessage>(messages[1]).turn, a);
  EXPECT_THAT(std::get<CommitMessage>(messages[2]).commit.output, SizeIs(2));
  EXPECT_EQ(std::get<DropMessage>(messages[3]).key.session.value(), "a");
  EXPECT_THAT(Take(mailbox), SizeIs(0));
}

TEST(TurnMailboxTest, ASessionIsBusyUntilItsTurnIsRetiredAndAOneShotNever) {
  TurnMailbox mailbox(100, 100);
  const TurnId a = *mailbox.Submit(TurnOf("a"), {});
  EXPECT_TRUE(HasReason(mailbox.Submit(TurnOf("a"), {}).status(), Reason::kSessionBusy));
  EXPECT_TRUE(mailbox.Submit(TurnOf(""), {}).ok());
  EXPECT_TRUE(mailbox.Submit(TurnOf(""), {}).ok());
  mailbox.Retire(a);
  EXPECT_TRUE(mailbox.Submit(TurnOf("a"), {}).ok());
}

TEST(TurnMailboxTest, TheQueueCountsTurnsUntilTheyLeaveItOrEnd) {
  TurnMailbox mailbox(100, 2);
  const TurnId a = *mailbox.Submit(TurnOf(""), {});
  const TurnId b = *mailbox.Submit(TurnOf(""), {});
  EXPECT_TRUE(HasReason(mailbox.Submit(TurnOf(""), {}).status(), Reason::kQueueFull));
  mailbox.LeaveQueue(a);
  mailbox.LeaveQueue(a);
  EXPECT_TRUE(mailbox.Submit(TurnOf(""), {}).ok());
  EXPECT_FALSE(mailbox.Submit(TurnOf(""), {}).ok());
  mailbox.Retire(a);
  EXPECT_FALSE(mailbox.Submit(TurnOf(""), {}).ok());
  mailbox.Retire(b);
  EXPECT_TRUE(mailbox.Submit(TurnOf(""), {}).ok());
}

TEST(TurnMailboxTest, SubmissionsAndQueriesAreBoundedByTheMessagesWaiting) {
  TurnMailbox mailbox(2, 100);
  ASSERT_TRUE(mailbox.Submit(TurnOf(""), {}).ok());
  ASSERT_TRUE(mailbox.Query({}).ok());
  EXPECT_TRUE(HasReason(mailbox.Submit(TurnOf(""), {}).status(), Reason::kQueueFull));
  EXPECT_TRUE(HasReason(mailbox.Query({}), Reason::kQueueFull));
  Take(mailbox);
  EXPECT_TRUE(mailbox.Submit(TurnOf(""), {}).ok());
}

TEST(TurnMailboxTest, RepeatedControlMessagesAreKeptOnce) {
  TurnMailbox mailbox(100, 100);
  const TurnId a = *mailbox.Submit(TurnOf("a"), {});
  const SessionKey key{TenantId("acme"), SessionId("a")};
  for (int i = 0; i < 50; ++i) {
    mailbox.StopChoice(a, 1);
    mailbox.Drop(key);
  }
  for (int i = 0; i < 50; ++i) {
    mailbox.Cancel(a, absl::CancelledError(""));
    mailbox.Commit(a, {});
    mailbox.StopChoice(a, 2);
  }
  EXPECT_THAT(Take(mailbox), SizeIs(4));
}

TEST(TurnMailboxTest, ADropAfterASubmitIsNotSwallowedByOneBefore) {
  TurnMailbox mailbox(100, 100);
  mailbox.Drop({TenantId("acme"), SessionId("a")});
  ASSERT_TRUE(mailbox.Submit(TurnOf("a"), {}).ok());
  mailbox.Drop({TenantId("acme"), SessionId("a")});
  EXPECT_THAT(Take(mailbox), SizeIs(3));
}

TEST(TurnMailboxTest, SleepEndsWithAMessageAWakeOrAClose) {
  TurnMailbox mailbox(100, 100);
  std::thread submitter([&] { mailbox.Submit(TurnOf(""), {}).IgnoreError(); });
  mailbox.Sleep(absl::InfiniteDuration());
  submitter.join();
  Take(mailbox);
  std::thread waker([&] { mailbox.Wake(); });
  mailbox.Sleep(absl::InfiniteDuration());
  waker.join();
  Take(mailbox);
  mailbox.Sleep(absl::Milliseconds(1));
  std::thread closer([&] { mailbox.Close(); });
  mailbox.Sleep(absl::InfiniteDuration());
  closer.join();
  EXPECT_TRUE(mailbox.closed());
}

TEST(TurnMailboxTest, ClosedItRefusesTurnsAndAnswersQueriesAtOnce) {
  TurnMailbox mailbox(100, 100);
  mailbox.Close();
  EXPECT_TRUE(HasReason(mailbox.Submit(TurnOf(""), {}).status(), Reason::kDraining));
  bool answered = false;
  QueryMessage query;
  query.done = [&](std::vector<kv::KvSessionStats>) { answered = true; };
  EXPECT_TRUE(mailbox.Query(std::move(query)).ok());
  EXPECT_TRUE(answered);
}

TEST(TurnMailboxTest, AwaitNoTurnsSeesTheLastRetire) {
  TurnMailbox mailbox(100, 100);
  EXPECT_TRUE(mailbox.AwaitNoTurns(absl::ZeroDuration()));
  const TurnId a = *mailbox.Submit(TurnOf(""), {});
  EXPECT_FALSE(mailbox.AwaitNoTurns(absl::ZeroDuration()));
  std::thread retirer([&] { mailbox.Retire(a); });
  EXPECT_TRUE(mailbox.AwaitNoTurns(absl::InfiniteDuration()));
  retirer.join();
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "cli/chat_command.h"

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cli/scripted_server.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using testing::ScriptedServer;

TEST(ChatCommandTest, EachLineIsATurnOfTheSessionAndTheSystemMessageComesOnce) {
  const ScriptedServer server;
  const auto run = server.Run({"chat", "--session", "tea", "--system", "brief"}, "Hi\n\nAnd?\n");
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.out, "Hello there\nHello there\n");
  const auto turns = server.turns();
  ASSERT_EQ(turns.size(), 2U);
  EXPECT_EQ(turns[0].chat().messages_size(), 2);
  EXPECT_EQ(turns[0].chat().messages(0).role(), "system");
  ASSERT_EQ(turns[1].chat().messages_size(), 1);
  EXPECT_EQ(turns[1].chat().messages(0).parts(0).text(), "And?");
  EXPECT_EQ(server.sessions().count("tea"), 1U);
}

TEST(ChatCommandTest, ASessionWithATranscriptGetsNoSystemMessage) {
  const ScriptedServer server;
  server.Run({"chat", "--session", "tea"}, "Hi\n");
  server.Run({"chat", "--session", "tea", "--system", "brief"}, "Again\n");
  EXPECT_EQ(server.turns().at(1).chat().messages_size(), 1);
}

TEST(ChatCommandTest, AnUnnamedSessionGoesWithTheChat) {
  const ScriptedServer server;
  EXPECT_EQ(server.Run({"chat"}, "Hi\n").code, 0);
  EXPECT_EQ(server.turns().at(0).session(), "made-by-server");
  EXPECT_TRUE(server.sessions().empty());
}

TEST(ChatCommandTest, SlashCommandsHelpShowResetAndQuit) {
  const ScriptedServer server;
  const auto run =
      server.Run({"chat", "--session", "tea"}, "Hi\n/help\n/stats\n/reset\n/stats\n/quit\nlost\n");
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("/reset  forget"));
  EXPECT_THAT(run.err, HasSubstr("session tea: 1 turns, 12 tokens"));
  EXPECT_THAT(run.err, HasSubstr("session tea: 0 turns, 0 tokens"));
  EXPECT_EQ(server.turns().size(), 1U);
}

TEST(ChatCommandTest, InAPipeTheFirstErrorEndsIt) {
  ScriptedServer server;
  server.FailTurns(MakeError(Reason::kSessionBusy, "a turn runs"));
  const auto run = server.Run({"chat", "--session", "tea"}, "Hi\nAnd?\n");
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, HasSubstr("ABORTED SESSION_BUSY"));
  EXPECT_EQ(server.turns().size(), 1U);
}

}  // namespace
}  // namespace pintle

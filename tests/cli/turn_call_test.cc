// SPDX-License-Identifier: Apache-2.0
#include "cli/turn_call.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/cli/scripted_server.h"

namespace pintle {
namespace {

using testing::ScriptedServer;

std::unique_ptr<Connection> Open(const ScriptedServer& server, Interrupt& interrupt) {
  ConnectionFlags flags;
  flags.target = server.address();
  return *Connection::Open(flags, interrupt);
}

v1::GenerateRequest Hi() {
  v1::GenerateRequest request;
  request.mutable_prompt()->set_text("Hi");
  return request;
}

TEST(TurnCallTest, EachChunkIsSeenAsItComes) {
  const ScriptedServer server;
  Interrupt interrupt;
  const auto connection = Open(server, interrupt);
  std::string seen;
  const auto turn = RunTurn(Hi(), *connection, SystemClock(),
                            [&](const v1::Chunk& chunk) { seen += chunk.text() + "|"; });
  ASSERT_TRUE(turn.ok()) << turn.status();
  EXPECT_EQ(seen, "Hello| there|");
  EXPECT_EQ(turn->choices().at(0).text, "Hello there");
}

TEST(TurnCallTest, AnInterruptInTheMiddleOfAnAnswerCancelsTheCall) {
  ScriptedServer server;
  server.HangTurns();
  Interrupt interrupt;
  const auto connection = Open(server, interrupt);
  const auto turn = RunTurn(Hi(), *connection, SystemClock(),
                            [&](const v1::Chunk&) { EXPECT_TRUE(interrupt.Trigger()); });
  EXPECT_EQ(turn.status().code(), absl::StatusCode::kCancelled);
}

TEST(TurnCallTest, AOneShotNeverMakesASession) {
  const ScriptedServer server;
  Interrupt interrupt;
  const auto connection = Open(server, interrupt);
  ASSERT_TRUE(RunTurn(Hi(), *connection, SystemClock(), [](const v1::Chunk&) {}).ok());
  EXPECT_TRUE(server.sessions().empty());
}

}  // namespace
}  // namespace pintle

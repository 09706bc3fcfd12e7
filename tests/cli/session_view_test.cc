// SPDX-License-Identifier: Apache-2.0
#include "cli/session_view.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

absl::Time Now() { return absl::FromUnixSeconds(1700000000); }

v1::Session Tea() {
  v1::Session session;
  session.set_id("tea");
  session.set_model("SmolLM2");
  session.set_state(v1::IDLE);
  session.set_turns(2);
  session.set_position(1061);
  session.set_held_tokens(1060);
  session.mutable_lease()->set_seconds(600);
  session.mutable_lease_expires()->set_seconds(1700000300);
  session.mutable_last_used()->set_seconds(1699999990);
  (*session.mutable_labels())["team"] = "kitchen";
  return session;
}

TEST(SessionViewTest, ARowShowsStateSizeAndAge) {
  EXPECT_EQ(SessionTable({Tea()}, Now()),
            "SESSION  STATE  MODEL    TURNS  TOKENS   HELD  PIN          LEASE LEFT  WORKER  "
            "LAST USED\n"
            "tea      idle   SmolLM2      2   1,061  1,060  best_effort  5 min       -       "
            "10.0 s ago");
}

TEST(SessionViewTest, WhatIsNotKnownIsNotZero) {
  v1::Session session = Tea();
  session.clear_held_tokens();
  EXPECT_THAT(SessionTable({session}, Now()), HasSubstr("unknown"));
}

TEST(SessionViewTest, FactsNameLeaseAndLabels) {
  const std::string facts = SessionFacts(Tea(), Now());
  EXPECT_THAT(facts, HasSubstr("lease:      10 min, 5 min left"));
  EXPECT_THAT(facts, HasSubstr("label:      team=kitchen"));
  EXPECT_THAT(facts, HasSubstr("pin:        best_effort"));
  EXPECT_THAT(SessionFacts(Tea(), Now() + absl::Hours(1)), HasSubstr("ended"));
}

TEST(SessionViewTest, FactsTellWhatAPinPromisesAndWhenTheSessionReturns) {
  v1::Session session = Tea();
  session.mutable_pin()->set_kind(v1::GUARANTEED);
  session.mutable_pin()->set_budget_tokens(4096);
  session.mutable_pin()->set_resident(true);
  session.set_outlook(v1::AWAITING_TOOL);
  session.mutable_expected_return()->set_seconds(1700000005);
  const std::string facts = SessionFacts(session, Now());
  EXPECT_THAT(facts, HasSubstr("pin:        guaranteed, 4,096 tokens, resident"));
  EXPECT_THAT(facts, HasSubstr("outlook:    awaiting_tool"));
  EXPECT_THAT(facts, HasSubstr("return:     expected in 5.0 s"));
  EXPECT_THAT(SessionFacts(session, Now() + absl::Minutes(5)), HasSubstr("was expected "));
}

TEST(SessionViewTest, TheTranscriptShowsWhoSaidWhatHarmlessly) {
  v1::GetSessionResponse response;
  v1::TranscriptTurn& turn = *response.add_transcript();
  turn.add_token_ids(1);
  turn.set_output_tokens(1);
  v1::Message& message = *turn.add_messages();
  message.set_role("assistant");
  message.add_parts()->set_text("two\nlines\033[2J");
  v1::ToolCall& call = *message.add_tool_calls();
  call.set_name("f");
  call.set_arguments_json("{}");
  const std::string text = TranscriptText(response);
  EXPECT_THAT(text, HasSubstr("turn 1: 1 tokens, 1 generated"));
  EXPECT_THAT(text, HasSubstr("[assistant] two\nlines^[[2J"));
  EXPECT_THAT(text, HasSubstr("calls f({})"));
  EXPECT_THAT(text, Not(HasSubstr("\033")));
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "cli/message_json.h"

#include <nlohmann/json.hpp>

#include "gtest/gtest.h"
#include "pintle/v1/sessions.pb.h"

namespace pintle {
namespace {

TEST(MessageJsonTest, NamesAndNumbersAreThoseOfTheProto3Mapping) {
  v1::GetSessionResponse response;
  response.mutable_session()->set_id("tea");
  response.mutable_session()->set_state(v1::IDLE);
  response.mutable_session()->set_epoch(7);
  v1::TranscriptTurn& turn = *response.add_transcript();
  turn.add_token_ids(5);
  turn.add_token_ids(6);
  turn.set_output_tokens(1);
  const auto json = nlohmann::json::parse(*MessageJson(response));
  EXPECT_EQ(json["transcript"][0]["tokenIds"], nlohmann::json({5, 6}));
  EXPECT_EQ(json["transcript"][0]["outputTokens"], 1);
  EXPECT_EQ(json["session"]["state"], "IDLE");
  EXPECT_EQ(json["session"]["epoch"], "7");
}

TEST(MessageJsonTest, ZerosAreThereAndUnsetOptionalsAreNot) {
  v1::Session session;
  const auto json = nlohmann::json::parse(*MessageJson(session));
  EXPECT_EQ(json["position"], 0);
  EXPECT_FALSE(json.contains("heldTokens"));
}

TEST(MessageJsonTest, AValueWithoutAJsonFormIsAnError) {
  v1::Session session;
  session.mutable_created()->set_seconds(1LL << 60);
  EXPECT_EQ(MessageJson(session).status().code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace pintle

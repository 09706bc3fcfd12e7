// SPDX-License-Identifier: Apache-2.0
#include "services/wire/message_conversion.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(MessageConversionTest, PartsAreJoinedInOrder) {
  v1::Message proto;
  proto.add_parts()->set_text("a");
  proto.add_parts()->set_text("");
  proto.add_parts()->set_text("b");
  const auto message = FromProto(proto, "m");
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->text, "ab");
}

TEST(MessageConversionTest, AMessageOfToolCallsAloneGetsNoEmptyPart) {
  v1::Message proto;
  ToProto(Message{"assistant", "", {{"1", "f", "{}"}}, "", ""}, &proto);
  EXPECT_EQ(proto.parts_size(), 0);
  EXPECT_EQ(proto.tool_calls_size(), 1);
}

TEST(MessageConversionTest, ATranscriptTurnSurvivesTheWire) {
  const TranscriptTurn turn{{{"user", "x", {}, "", ""}}, {1, 2, 3}, 2, true, "[]", "{}"};
  v1::TranscriptTurn proto;
  ToProto(turn, &proto);
  const auto back = FromProto(proto);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, turn);
}

}  // namespace
}  // namespace pintle

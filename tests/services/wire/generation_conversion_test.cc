// SPDX-License-Identifier: Apache-2.0
#include "services/wire/generation_conversion.h"

#include <string>

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using google::protobuf::util::MessageDifferencer;

std::string FieldOf(const absl::Status& status) {
  const auto detail = DetailOf(status);
  return detail && !detail->fields.empty() ? detail->fields[0].field : "";
}

TEST(GenerationConversionTest, UnsetScalarsStayUnset) {
  v1::GenerateRequest proto;
  proto.set_text("x");
  const auto request = FromProto(proto);
  ASSERT_TRUE(request.ok());
  EXPECT_FALSE(request->sampling.temperature || request->sampling.top_k ||
               request->sampling.top_p || request->sampling.min_p ||
               request->sampling.repetition_penalty || request->sampling.presence_penalty ||
               request->sampling.frequency_penalty || request->sampling.seed);
  EXPECT_FALSE(request->stopping.max_tokens || request->stopping.min_tokens);
  EXPECT_FALSE(request->expected_position || request->resume_from_index);
  EXPECT_EQ(request->n, 1);
  EXPECT_EQ(request->priority, 50);
  EXPECT_TRUE(request->output.skip_special_tokens);
  EXPECT_TRUE(std::get<PromptInput>(request->input).parse_special);
}

TEST(GenerationConversionTest, ZeroIsNotUnset) {
  v1::GenerateRequest proto;
  proto.mutable_prompt()->set_parse_special(false);
  proto.mutable_sampling()->set_temperature(0);
  proto.mutable_sampling()->set_seed(0);
  proto.mutable_stopping()->set_max_tokens(0);
  proto.mutable_output()->set_skip_special_tokens(false);
  proto.set_n(0);
  proto.set_priority(0);
  proto.set_expected_position(0);
  proto.set_resume_from_index(0);
  const auto request = FromProto(proto);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->sampling.temperature, 0.0F);
  EXPECT_EQ(request->sampling.seed, 0U);
  EXPECT_EQ(request->stopping.max_tokens, 0);
  EXPECT_FALSE(request->output.skip_special_tokens);
  EXPECT_EQ(request->n, 0);
  EXPECT_EQ(request->priority, 0);
  EXPECT_EQ(request->expected_position, 0);
  EXPECT_EQ(request->resume_from_index, 0);
  EXPECT_FALSE(std::get<PromptInput>(request->input).parse_special);
}

// Every field set to something that is not its default.
v1::GenerateRequest FullRequest() {
  v1::GenerateRequest proto;
  proto.set_model("m");
  proto.set_session("s");
  v1::Message* message = proto.mutable_chat()->add_messages();
  message->set_role("user");
  message->add_parts()->set_text("hello");
  message->set_name("bob");
  message->set_tool_call_id("c");
  v1::ToolCall* call = message->add_tool_calls();
  call->set_id("i");
  call->set_name("f");
  call->set_arguments_json("{}");
  proto.mutable_chat()->set_tools("[]");
  proto.mutable_chat()->set_template_arguments("{}");
  proto.mutable_chat()->set_history(v1::REPLACE);
  v1::SamplingOptions* sampling = proto.mutable_sampling();
  sampling->set_temperature(0.5F);
  sampling->set_top_k(3);
  sampling->set_top_p(0.9F);
  sampling->set_min_p(0.1F);
  sampling->set_repetition_penalty(1.1F);
  sampling->set_presence_penalty(0.2F);
  sampling->set_frequency_penalty(0.3F);
  sampling->add_logit_bias()->set_token_id(4);
  sampling->set_seed(99);
  v1::StoppingOptions* stopping = proto.mutable_stopping();
  stopping->set_max_tokens(10);
  stopping->set_min_tokens(2);
  stopping->add_stop("END");
  stopping->add_stop_token_ids(7);
  stopping->set_ignore_eos(true);
  stopping->set_include_stop_in_output(true);
  v1::OutputOptions* output = proto.mutable_output();
  output->set_logprobs(true);
  output->set_top_logprobs(5);
  output->set_prompt_logprobs(true);
  output->set_echo(true);
  output->set_skip_special_tokens(false);
  proto.set_n(2);
  proto.set_priority(60);
  proto.set_request_id("r");
  proto.set_expected_position(12);
  proto.set_resume_from_index(1);
  proto.set_on_disconnect(v1::CONTINUE);
  return proto;
}

TEST(GenerationConversionTest, EveryFieldSurvivesBothWays) {
  const v1::GenerateRequest proto = FullRequest();
  const auto request = FromProto(proto);
  ASSERT_TRUE(request.ok()) << request.status();
  v1::GenerateRequest back;
  ToProto(*request, &back);
  EXPECT_TRUE(MessageDifferencer::Equals(proto, back)) << back.DebugString();
}

TEST(GenerationConversionTest, TheFullRequestLeavesNoFieldOut) {
  // A field added to the proto must be added to the conversion and to FullRequest.
  const v1::GenerateRequest proto = FullRequest();
  std::vector<const google::protobuf::FieldDescriptor*> set;
  proto.GetReflection()->ListFields(proto, &set);
  EXPECT_EQ(static_cast<int>(set.size()), proto.GetDescriptor()->field_count() - 3)
      << "one of four inputs is set";
}

TEST(GenerationConversionTest, NoInputNamesTheField) {
  const absl::Status status = FromProto(v1::GenerateRequest()).status();
  EXPECT_TRUE(HasReason(status, Reason::kInvalidField));
  EXPECT_EQ(FieldOf(status), "input");
  EXPECT_EQ(FieldOf(FromProto(v1::TokenizeRequest()).status()), "input");
}

TEST(GenerationConversionTest, UnknownEnumValuesNameTheField) {
  v1::GenerateRequest proto;
  proto.set_text("x");
  proto.set_on_disconnect(static_cast<v1::OnDisconnect>(9));
  EXPECT_EQ(FieldOf(FromProto(proto).status()), "on_disconnect");
  proto.mutable_chat()->set_history(static_cast<v1::History>(9));
  EXPECT_EQ(FieldOf(FromProto(proto).status()), "chat.history");
  EXPECT_EQ(FieldOf(FromProto(static_cast<v1::Keep>(9)).status()), "keep");
}

TEST(GenerationConversionTest, APartWithoutTextIsUnsupported) {
  v1::GenerateRequest proto;
  proto.mutable_chat()->add_messages()->add_parts()->set_text("ok");
  proto.mutable_chat()->add_messages()->add_parts();
  const absl::Status status = FromProto(proto).status();
  EXPECT_TRUE(HasReason(status, Reason::kUnsupportedOption));
  EXPECT_EQ(FieldOf(status), "chat.messages[1].parts[0]");
}

TEST(GenerationConversionTest, TokenizeSurvivesBothWays) {
  for (int input = 0; input < 3; ++input) {
    v1::TokenizeRequest proto;
    proto.set_model("m");
    proto.set_add_generation_prompt(false);
    if (input == 0) {
      proto.mutable_prompt()->set_text("t");
      proto.mutable_prompt()->set_parse_special(true);
    } else if (input == 1) {
      proto.mutable_tokens()->add_ids(3);
    } else {
      proto.mutable_chat()->set_history(v1::APPEND);
    }
    const auto request = FromProto(proto);
    ASSERT_TRUE(request.ok());
    v1::TokenizeRequest back;
    ToProto(*request, &back);
    EXPECT_TRUE(MessageDifferencer::Equals(proto, back)) << back.DebugString();
  }
}

TEST(GenerationConversionTest, ModelSurvivesBothWays) {
  ModelInfo model{"n",  "a",   "f", "bf16", "bf16k", "cpu", "avx512",
                  8192, 49152, 32,  23040,  270,     true,  true};
  v1::Model proto;
  ToProto(model, &proto);
  EXPECT_EQ(FromProto(proto), model);
}

}  // namespace
}  // namespace pintle

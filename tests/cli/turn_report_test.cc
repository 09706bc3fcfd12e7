// SPDX-License-Identifier: Apache-2.0
#include "cli/turn_report.h"

#include <nlohmann/json.hpp>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

void AddChoice(int choice, const std::string& text, v1::FinishReason reason, absl::Duration at,
               TurnRecord& record) {
  v1::GenerateResponse chunk;
  chunk.mutable_chunk()->set_choice(choice);
  chunk.mutable_chunk()->add_token_ids(11);
  chunk.mutable_chunk()->add_token_ids(12);
  chunk.mutable_chunk()->set_text(text);
  ASSERT_TRUE(record.Add(chunk, at).ok());
  v1::GenerateResponse end;
  end.mutable_choice_finished()->set_choice(choice);
  end.mutable_choice_finished()->set_reason(reason);
  ASSERT_TRUE(record.Add(end, at).ok());
}

TurnRecord Turn(int choices) {
  TurnRecord record(absl::Seconds(1));
  v1::GenerateResponse started;
  started.mutable_started()->set_worker("worker-1");
  started.mutable_started()->set_seed(18446744073709551615ULL);
  started.mutable_started()->set_history(v1::APPENDED);
  started.mutable_started()->mutable_cached_tokens()->set_session(990);
  started.mutable_started()->mutable_cached_tokens()->set_prefix(8);
  EXPECT_TRUE(record.Add(started, absl::Seconds(1)).ok());
  for (int choice = 0; choice < choices; ++choice) {
    AddChoice(choice, "text", choice == 0 ? v1::EOS : v1::LENGTH, absl::Seconds(1.25), record);
  }
  v1::GenerateResponse finished;
  v1::Usage& usage = *finished.mutable_finished()->mutable_usage();
  usage.set_prompt_tokens(1012);
  usage.set_cached_tokens(998);
  usage.set_completion_tokens(2 * choices);
  EXPECT_TRUE(record.Add(finished, absl::Seconds(1.5)).ok());
  return record;
}

TEST(TurnReportTest, TheJsonHasTheNamesScriptsRelyOn) {
  const Json json = Json::parse(TurnJson(Turn(1), "tea"));
  EXPECT_EQ(json["text"], "text");
  EXPECT_EQ(json["token_ids"], Json({11, 12}));
  EXPECT_EQ(json["finish_reason"], "eos");
  EXPECT_EQ(json["usage"]["prompt_tokens"], 1012);
  EXPECT_EQ(json["usage"]["cached_tokens"], 998);
  EXPECT_EQ(json["usage"]["completion_tokens"], 2);
  EXPECT_DOUBLE_EQ(json["timings"]["ttft_seconds"], 0.25);
  EXPECT_DOUBLE_EQ(json["timings"]["total_seconds"], 0.5);
  EXPECT_EQ(json["session"], "tea");
  EXPECT_EQ(json["worker"], "worker-1");
  EXPECT_EQ(json["seed"], 18446744073709551615ULL);
  EXPECT_EQ(json["history"], "appended");
  EXPECT_EQ(json["cached"]["session"], 990);
  EXPECT_EQ(json["cached"]["prefix"], 8);
  EXPECT_FALSE(json.contains("choices"));
}

TEST(TurnReportTest, SeveralChoicesAreListed) {
  const Json json = Json::parse(TurnJson(Turn(2), ""));
  ASSERT_EQ(json["choices"].size(), 2U);
  EXPECT_EQ(json["choices"][1]["finish_reason"], "length");
  EXPECT_EQ(json["finish_reason"], "eos");
}

TEST(TurnReportTest, LogprobsAreInTheJsonWhenTheyCame) {
  TurnRecord record(absl::Seconds(1));
  v1::GenerateResponse chunk;
  chunk.mutable_chunk()->add_token_ids(3);
  v1::TokenLogprob& logprob = *chunk.mutable_chunk()->add_logprobs();
  logprob.set_token_id(3);
  logprob.set_logprob(-0.5F);
  logprob.add_top()->set_token_id(4);
  ASSERT_TRUE(record.Add(chunk, absl::Seconds(2)).ok());
  const Json json = Json::parse(TurnJson(record, ""));
  EXPECT_DOUBLE_EQ(json["logprobs"][0]["logprob"], -0.5);
  EXPECT_EQ(json["logprobs"][0]["top"][0]["token_id"], 4);
}

TEST(TurnReportTest, ATurnWithoutTokensHasNoFirstToken) {
  TurnRecord record(absl::Seconds(1));
  const Json json = Json::parse(TurnJson(record, ""));
  EXPECT_EQ(json["text"], "");
  EXPECT_TRUE(json["timings"]["ttft_seconds"].is_null());
}

TEST(TurnReportTest, TheSummaryIsOneHarmlessLineOfFigures) {
  const std::string line = TurnSummary(Turn(1));
  for (const char* fact :
       {"TTFT 250 ms", "4.0 tokens/s", "prompt 1,012 tokens, 998 cached", "990 session, 8 prefix",
        "2 generated", "ended by eos", "worker worker-1"}) {
    EXPECT_THAT(line, HasSubstr(fact));
  }
  EXPECT_THAT(line, Not(HasSubstr("\n")));
}

TEST(TurnReportTest, EveryReasonHasALowerCaseWord) {
  EXPECT_EQ(ReasonWord(v1::STOP), "stop");
  EXPECT_EQ(ReasonWord(v1::EOS), "eos");
  EXPECT_EQ(ReasonWord(v1::LENGTH), "length");
  EXPECT_EQ(ReasonWord(v1::CANCELLED), "cancelled");
  EXPECT_EQ(ReasonWord(static_cast<v1::FinishReason>(99)), "unknown");
}

}  // namespace
}  // namespace pintle

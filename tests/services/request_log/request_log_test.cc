// SPDX-License-Identifier: Apache-2.0
#include "services/request_log/request_log.h"

#include <string>

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixMillis(1700000000123);

RequestRecord Record() {
  RequestRecord record;
  record.method = std::string("Generate");
  record.request_id = std::string("r-1");
  record.tenant = std::string("alice");
  record.session = std::string("s");
  record.worker = std::string("w");
  record.prompt_tokens = 10;
  record.cached_tokens = 8;
  record.output_tokens = 3;
  record.time_to_first_token = absl::Milliseconds(12);
  record.duration = absl::Milliseconds(34);
  record.status = MakeError(Reason::kWorkerLost, "never in the log");
  return record;
}

TEST(RequestLogTest, TextIsOneLineOfKeysAndValues) {
  EXPECT_EQ(FormatRequest(Record(), kNow, LogFormat::kText),
            "time=2023-11-14T22:13:20.123Z method=Generate request_id=r-1 tenant=alice session=s "
            "worker=w prompt_tokens=10 cached_tokens=8 output_tokens=3 ttft_seconds=0.012000 "
            "duration_seconds=0.034000 code=UNAVAILABLE reason=WORKER_LOST");
}

TEST(RequestLogTest, JsonHasTheSameKeysAndNumbersAreNumbers) {
  const auto json = nlohmann::json::parse(FormatRequest(Record(), kNow, LogFormat::kJson));
  EXPECT_EQ(json["request_id"], "r-1");
  EXPECT_EQ(json["cached_tokens"], 8);
  EXPECT_DOUBLE_EQ(json["ttft_seconds"].get<double>(), 0.012);
  EXPECT_EQ(json["code"], "UNAVAILABLE");
  EXPECT_EQ(json["reason"], "WORKER_LOST");
}

TEST(RequestLogTest, WhatIsUnknownIsLeftOut) {
  RequestRecord record;
  record.method = std::string("Generate");
  const std::string line = FormatRequest(record, kNow, LogFormat::kText);
  for (const char* key : {"session=", "worker=", "prompt_tokens=", "ttft_seconds=", "reason="}) {
    EXPECT_THAT(line, Not(HasSubstr(key)));
  }
  EXPECT_THAT(line, HasSubstr("code=OK"));
}

TEST(RequestLogTest, NobodyWritesALineOfTheirOwn) {
  RequestRecord record = Record();
  record.model = std::string("m\"\n code=OK \x01\\");
  const std::string text = FormatRequest(record, kNow, LogFormat::kText);
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  EXPECT_THAT(text, HasSubstr(R"(model="m\"\u000a code=OK \u0001\\")"));
  const std::string json = FormatRequest(record, kNow, LogFormat::kJson);
  EXPECT_EQ(nlohmann::json::parse(json)["model"], record.model);
}

TEST(RequestLogTest, TheStatusMessageIsNotLogged) {
  EXPECT_THAT(FormatRequest(Record(), kNow, LogFormat::kJson), Not(HasSubstr("never in the log")));
}

TEST(RequestLogTest, AnUnknownFormatNamesTheFlag) {
  EXPECT_THAT(std::string(ParseLogFormat("xml").status().message()), HasSubstr("--log-format xml"));
  EXPECT_TRUE(ParseLogFormat("json").ok() && ParseLogFormat("text").ok());
}

}  // namespace
}  // namespace pintle

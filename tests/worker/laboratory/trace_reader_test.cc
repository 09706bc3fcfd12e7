// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/trace_reader.h"

#include <sstream>
#include <string>

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle::laboratory {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<Trace> Read(const std::string& text) {
  std::istringstream in(text);
  return ReadTrace(in);
}

TEST(TraceReaderTest, ReadsTheShapeOfPublishedTraces) {
  const auto trace = Read(
      "{\"timestamp\": 0, \"input_length\": 600, \"output_length\": 5, \"hash_ids\": [0, 1]}\n"
      "{\"timestamp\": 3000, \"input_length\": 900, \"output_length\": 1, \"hash_ids\": [0, 2]}\n");
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_EQ(trace->requests(), 2);
  EXPECT_EQ(trace->At(1), absl::Seconds(3));
  EXPECT_THAT(trace->Path(1), ElementsAre(0, 2));
  EXPECT_EQ(trace->Session(0), -1);
}

TEST(TraceReaderTest, ReadsSessionsOfRecordings) {
  const auto trace = Read("{\"session\":\"a\",\"hash_ids\":[4],\"timestamp\":1.5}");
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_EQ(trace->Session(0), 0);
  EXPECT_EQ(trace->At(0), absl::Microseconds(1500));
}

TEST(TraceReaderTest, PutsRequestsInOrderOfTimeAndLeavesOutThoseWithoutBlocks) {
  const auto trace = Read(
      "{\"timestamp\":5,\"hash_ids\":[1]}\r\n\n"
      "{\"timestamp\":2,\"hash_ids\":[2]}\n"
      "{\"timestamp\":3,\"hash_ids\":[]}\n"
      "{\"timestamp\":5,\"hash_ids\":[3]}");
  ASSERT_TRUE(trace.ok()) << trace.status();
  EXPECT_EQ(trace->requests(), 3);
  EXPECT_EQ(trace->At(0), absl::Milliseconds(2));
  EXPECT_THAT(trace->Path(1), ElementsAre(1));
  EXPECT_THAT(trace->Path(2), ElementsAre(2));
}

TEST(TraceReaderTest, FaultsNameLineAndField) {
  const struct {
    const char* text;
    const char* says;
  } cases[] = {
      {"", "has no request with blocks"},
      {"[1]", "line 1: is not a JSON object"},
      {"{\"timestamp\":1,\"hash_ids\":[1]}\n{\"timestamp\":1", "line 2: is not a JSON object"},
      {"{\"hash_ids\":[1]}", "line 1: timestamp is missing"},
      {"{\"timestamp\":1}", "line 1: hash_ids is missing"},
      {"{\"timestamp\":-1,\"hash_ids\":[1]}", "line 1: timestamp is not a number"},
      {"{\"timestamp\":1e13,\"hash_ids\":[1]}", "line 1: timestamp is not a number"},
      {"{\"timestamp\":1,\"hash_ids\":[1,1.5]}", "line 1: hash_ids[1] is not an integer"},
      {"{\"timestamp\":1,\"hash_ids\":7}", "line 1: hash_ids is not a list"},
      {"{\"timestamp\":1,\"hash_ids\":[1],\"hash_ids\":[2]}", "line 1: hash_ids is there twice"},
      {"{\"timestamp\":1,\"hash_ids\":[1],\"session\":3}", "line 1: session is not a text"},
      {"{\"timestamp\":1,\"hash_ids\":[1],\"x\":}", "line 1: x has no JSON value"},
      {"{\"timestamp\":1,\"hash_ids\":[1]} more", "line 1: has text after"},
  };
  for (const auto& it : cases) {
    const auto trace = Read(it.text);
    ASSERT_FALSE(trace.ok()) << it.text;
    EXPECT_TRUE(HasReason(trace.status(), Reason::kInvalidField));
    EXPECT_THAT(std::string(trace.status().message()), HasSubstr(it.says));
  }
}

TEST(TraceReaderTest, ALineIsBounded) {
  const auto trace = Read(std::string(3 << 20, ' ') + "{}");
  ASSERT_FALSE(trace.ok());
  EXPECT_THAT(std::string(trace.status().message()), HasSubstr("is longer than"));
}

TEST(TraceReaderTest, IdsOfARequestAreBounded) {
  std::string text = "{\"timestamp\":1,\"hash_ids\":[0";
  for (int i = 0; i < (1 << 17); ++i) text += ",0";
  const auto trace = Read(text + "]}");
  ASSERT_FALSE(trace.ok());
  EXPECT_THAT(std::string(trace.status().message()), HasSubstr("has more than 131072 ids"));
}

}  // namespace
}  // namespace pintle::laboratory

// SPDX-License-Identifier: Apache-2.0
#include "cli/turn_record.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::ElementsAre;

v1::GenerateResponse Chunk(int choice, int first, const std::vector<int>& ids,
                           const std::string& text) {
  v1::GenerateResponse response;
  v1::Chunk& chunk = *response.mutable_chunk();
  chunk.set_choice(choice);
  chunk.set_first_index(first);
  chunk.mutable_token_ids()->Assign(ids.begin(), ids.end());
  chunk.set_text(text);
  return response;
}

v1::GenerateResponse Finished() {
  v1::GenerateResponse response;
  response.mutable_finished()->mutable_usage()->set_completion_tokens(3);
  return response;
}

absl::Duration At(int ms) { return absl::Seconds(100) + absl::Milliseconds(ms); }

TEST(TurnRecordTest, ChunksJoinByChoiceAndTimesCountFromTheCall) {
  TurnRecord record(At(0));
  v1::GenerateResponse started;
  started.mutable_started()->set_worker("w");
  ASSERT_TRUE(record.Add(started, At(50)).ok());
  EXPECT_FALSE(record.ttft());
  ASSERT_TRUE(record.Add(Chunk(0, 0, {7}, "a"), At(200)).ok());
  ASSERT_TRUE(record.Add(Chunk(1, 0, {9}, "x"), At(250)).ok());
  ASSERT_TRUE(record.Add(Chunk(0, 1, {8}, "b"), At(300)).ok());
  ASSERT_TRUE(record.Add(Finished(), At(400)).ok());
  EXPECT_TRUE(record.Finish().ok());
  EXPECT_EQ(record.choices().at(0).text, "ab");
  EXPECT_THAT(record.choices().at(0).token_ids, ElementsAre(7, 8));
  EXPECT_THAT(record.choices().at(1).token_ids, ElementsAre(9));
  EXPECT_EQ(record.ttft(), absl::Milliseconds(200));
  EXPECT_EQ(record.total(), absl::Milliseconds(400));
  EXPECT_DOUBLE_EQ(*record.TokensPerSecond(), 10);
}

TEST(TurnRecordTest, AChunkWithoutTokensIsNotTheFirstToken) {
  TurnRecord record(At(0));
  ASSERT_TRUE(record.Add(Chunk(0, 0, {}, ""), At(10)).ok());
  EXPECT_FALSE(record.ttft());
}

TEST(TurnRecordTest, ALostOrRepeatedTokenIsAnError) {
  for (const int first : {0, 2}) {
    TurnRecord record(At(0));
    ASSERT_TRUE(record.Add(Chunk(0, 0, {7}, "a"), At(1)).ok());
    EXPECT_EQ(record.Add(Chunk(0, first, {8}, "b"), At(2)).code(), absl::StatusCode::kInternal);
  }
}

TEST(TurnRecordTest, AnEndWithoutFinishedIsAnError) {
  TurnRecord record(At(0));
  ASSERT_TRUE(record.Add(Chunk(0, 0, {7}, "a"), At(1)).ok());
  EXPECT_EQ(record.Finish().code(), absl::StatusCode::kInternal);
}

TEST(TurnRecordTest, OneTokenHasNoRate) {
  TurnRecord record(At(0));
  ASSERT_TRUE(record.Add(Chunk(0, 0, {7}, "a"), At(1)).ok());
  ASSERT_TRUE(record.Add(Finished(), At(5)).ok());
  EXPECT_FALSE(record.TokensPerSecond());
}

TEST(TurnRecordTest, ANewerServersEventIsIgnored) {
  TurnRecord record(At(0));
  EXPECT_TRUE(record.Add(v1::GenerateResponse(), At(1)).ok());
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/request_log/request_recorder.h"

#include <vector>

#include "gtest/gtest.h"

namespace pintle {
namespace {

class Keeper final : public RequestObserver {
 public:
  void OnTokens(absl::Duration gap, std::int64_t tokens) override {
    gaps.push_back(gap);
    counts.push_back(tokens);
  }
  void OnEnd(const RequestRecord& record) override { records.push_back(record); }

  std::vector<absl::Duration> gaps;
  std::vector<std::int64_t> counts;
  std::vector<RequestRecord> records;
};

TurnChunk Chunk(std::size_t tokens) {
  TurnChunk chunk;
  chunk.tokens.resize(tokens);
  return chunk;
}

TEST(RequestRecorderTest, TimesAreMeasuredFromTheBeginning) {
  ManualClock clock;
  Keeper keeper;
  RequestRecorder recorder({&keeper}, clock);
  clock.Advance(absl::Milliseconds(5));
  TurnStarted started;
  started.prompt_tokens = 10;
  started.cached = {3, 4, 0, 0};
  recorder.OnEvent(started);
  clock.Advance(absl::Milliseconds(5));
  recorder.OnEvent(Chunk(2));
  clock.Advance(absl::Milliseconds(7));
  recorder.OnEvent(Chunk(0));
  recorder.OnEvent(Chunk(3));
  recorder.End(absl::OkStatus());
  ASSERT_EQ(keeper.records.size(), 1U);
  const RequestRecord& record = keeper.records[0];
  EXPECT_EQ(record.cached_tokens, 7);
  EXPECT_EQ(record.output_tokens, 5);
  EXPECT_EQ(record.time_to_first_token, absl::Milliseconds(10));
  EXPECT_EQ(record.duration, absl::Milliseconds(17));
  EXPECT_EQ(keeper.gaps, std::vector<absl::Duration>{absl::Milliseconds(7)});
  EXPECT_EQ(keeper.counts, std::vector<std::int64_t>{3});
}

TEST(RequestRecorderTest, ARequestEndsOnce) {
  ManualClock clock;
  Keeper keeper;
  RequestRecorder recorder({&keeper}, clock);
  recorder.End(absl::CancelledError("first"));
  recorder.End(absl::OkStatus());
  ASSERT_EQ(keeper.records.size(), 1U);
  EXPECT_EQ(keeper.records[0].status.code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(keeper.records[0].prompt_tokens.has_value());
}

}  // namespace
}  // namespace pintle

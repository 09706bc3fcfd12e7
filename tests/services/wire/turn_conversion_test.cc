// SPDX-License-Identifier: Apache-2.0
#include "services/wire/turn_conversion.h"

#include <string>
#include <utility>

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using google::protobuf::util::MessageDifferencer;

// Sends an event over the wire and back; as messages, so that every field is compared.
template <typename Event>
Event RoundTrip(const Event& event) {
  v1::RunTurnResponse first;
  EXPECT_TRUE(ToProto(TurnEvent(event), &first));
  v1::RunTurnResponse parsed;
  EXPECT_TRUE(parsed.ParseFromString(first.SerializeAsString()));
  absl::StatusOr<TurnEvent> back = FromProto(parsed);
  EXPECT_TRUE(back.ok()) << back.status();
  v1::RunTurnResponse second;
  EXPECT_TRUE(ToProto(*back, &second));
  EXPECT_TRUE(MessageDifferencer::Equals(first, second))
      << first.DebugString() << second.DebugString();
  return std::get<Event>(*std::move(back));
}

Message Answer() { return {"assistant", "hi", {{"id", "f", "{\"a\":1}"}}, "call", "name"}; }

TEST(TurnConversionTest, PreparedSurvivesTheWire) {
  TurnPrepared prepared;
  prepared.truncated_to = 7;
  prepared.appended = {1, 2, 3};
  prepared.kept_turns = 2;
  prepared.messages = {Answer(), {"user", "why", {}, "", ""}};
  prepared.history = HistoryOutcome::kRewritten;
  prepared.dropped_tokens = 5;
  prepared.tools_json = "[]";
  prepared.template_arguments_json = "{}";
  const TurnPrepared back = RoundTrip(prepared);
  EXPECT_EQ(back.messages, prepared.messages);
  EXPECT_EQ(back.appended, prepared.appended);
  EXPECT_EQ(back.history, prepared.history);
  EXPECT_EQ(back.tools_json, "[]");
  EXPECT_EQ(back.template_arguments_json, "{}");
}

TEST(TurnConversionTest, StartedSurvivesTheWireInEveryHistory) {
  for (const HistoryOutcome history : {HistoryOutcome::kNew, HistoryOutcome::kAppended,
                                       HistoryOutcome::kReplaced, HistoryOutcome::kRewritten}) {
    TurnStarted started{WorkerId("w"), 0xdeadbeefcafe0123ULL, ~0ULL, history, 3, 40,
                        {1, 2, 3, 4},  absl::Milliseconds(12)};
    const TurnStarted back = RoundTrip(started);
    EXPECT_EQ(back.worker, started.worker);
    EXPECT_EQ(back.incarnation, started.incarnation);
    EXPECT_EQ(back.seed, started.seed);
    EXPECT_EQ(back.history, history);
    EXPECT_EQ(back.cached.Total(), 10);
    EXPECT_EQ(back.queue, started.queue);
  }
}

TEST(TurnConversionTest, ChunksSurviveTheWire) {
  TurnChunk chunk{1, 9, {4, 5}, "\xf0\x9f\x99\x82", {{4, -0.5F, {{4, -0.5F}, {6, -2.0F}}}}};
  const TurnChunk back = RoundTrip(chunk);
  EXPECT_EQ(back.first_index, 9);
  EXPECT_EQ(back.tokens, chunk.tokens);
  EXPECT_EQ(back.text, chunk.text);
  ASSERT_EQ(back.logprobs.size(), 1U);
  EXPECT_EQ(back.logprobs[0].top, chunk.logprobs[0].top);
  TurnPromptChunk prompt{3, {7}, "p", {{7, -1.0F, {}}}};
  EXPECT_EQ(RoundTrip(prompt).tokens, prompt.tokens);
}

TEST(TurnConversionTest, AChunkReplacesTheEventBeforeIt) {
  TurnStarted started;
  started.prompt_tokens = 3;
  TurnChunk first;
  first.tokens = {1, 2};
  first.text = "ab";
  first.logprobs = {{1, -0.5F, {}}, {2, -0.5F, {}}};
  TurnChunk second;
  second.first_index = 2;
  second.tokens = {3};
  second.text = "c";
  v1::RunTurnResponse alone;
  ASSERT_TRUE(ToProto(TurnEvent(second), &alone));
  v1::RunTurnResponse reused;
  for (const TurnEvent& event : {TurnEvent(started), TurnEvent(first), TurnEvent(second)}) {
    ASSERT_TRUE(ToProto(event, &reused));
  }
  EXPECT_TRUE(MessageDifferencer::Equals(alone, reused)) << reused.DebugString();
}

TEST(TurnConversionTest, ChoiceFinishedSurvivesTheWireForEveryReason) {
  for (const FinishReason reason :
       {FinishReason::kStop, FinishReason::kEos, FinishReason::kLength, FinishReason::kCancelled}) {
    EXPECT_EQ(RoundTrip(TurnChoiceFinished{2, reason, "END"}).reason, reason);
  }
}

TEST(TurnConversionTest, FinishedSurvivesTheWire) {
  TurnFinished finished;
  finished.usage = {10, 9, 8};
  finished.timings = {absl::Milliseconds(1), absl::Milliseconds(2), absl::Milliseconds(3)};
  finished.output = {5, 6};
  finished.answer = Answer();
  finished.closed = true;
  const TurnFinished back = RoundTrip(finished);
  EXPECT_EQ(back.output, finished.output);
  EXPECT_EQ(back.answer, finished.answer);
  EXPECT_TRUE(back.closed);
  EXPECT_EQ(back.usage.cached_tokens, 9);
  EXPECT_EQ(back.timings.total, absl::Milliseconds(3));
}

TEST(TurnConversionTest, AClientNeverSeesPreparedNorOutputTwice) {
  v1::GenerateResponse response;
  EXPECT_FALSE(ToProto(TurnEvent(TurnPrepared{}), &response));
  EXPECT_FALSE(ToProto(TurnEvent(TurnFailed{absl::CancelledError("")}), &response));
  EXPECT_TRUE(ToProto(TurnEvent(TurnFinished{}), &response));
  EXPECT_TRUE(response.has_finished());
}

TEST(TurnConversionTest, AnUnknownEventIsRefusedNotMisread) {
  EXPECT_TRUE(HasReason(FromProto(v1::RunTurnResponse()).status(), Reason::kModelFailed));
  v1::RunTurnResponse response;
  response.mutable_response();
  EXPECT_TRUE(HasReason(FromProto(response).status(), Reason::kModelFailed));
}

TEST(TurnConversionTest, RunTurnRequestSurvivesTheWire) {
  TurnRequest turn;
  turn.tenant = TenantId("t");
  turn.request.session = SessionId("s");
  turn.request.input = ChatInput{{Answer()}, "[1]", "{\"x\":2}", History::kReplace};
  turn.incarnation = 1;
  turn.epoch = 2;
  turn.template_clock = absl::FromUnixSeconds(1700000000);
  turn.base_turns = 3;
  turn.base_position = 4;
  turn.base_digest = 0x8000000000000001ULL;
  turn.missing_turns = {{{Answer()}, {1, 2}, 1, true, "[2]", "{}"}};
  turn.pin = Pin{.kind = PinKind::kGuaranteed, .budget_tokens = 9};
  turn.lease = absl::Seconds(8);
  v1::RunTurnRequest proto;
  ToProto(turn, &proto);
  const absl::StatusOr<TurnRequest> back = FromProto(proto);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->tenant, turn.tenant);
  EXPECT_EQ(back->request.session, turn.request.session);
  EXPECT_EQ(std::get<ChatInput>(back->request.input).messages,
            std::get<ChatInput>(turn.request.input).messages);
  EXPECT_EQ(back->incarnation, 1U);
  EXPECT_EQ(back->epoch, 2U);
  EXPECT_EQ(back->template_clock, turn.template_clock);
  EXPECT_EQ(back->base_turns, 3);
  EXPECT_EQ(back->base_position, 4);
  EXPECT_EQ(back->base_digest, turn.base_digest);
  EXPECT_EQ(back->missing_turns, turn.missing_turns);
  EXPECT_EQ(back->pin, turn.pin);
  EXPECT_EQ(back->lease, turn.lease);
}

}  // namespace
}  // namespace pintle

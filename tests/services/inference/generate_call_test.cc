// SPDX-License-Identifier: Apache-2.0
#include "services/inference/generate_call.h"

#include <chrono>
#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "contract/errors.h"
#include "contract/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pintle/v1/inference.grpc.pb.h"
#include "pintle/v1/sessions.grpc.pb.h"
#include "tests/services/service_world.h"

namespace pintle {
namespace {

using testing::FieldOf;
using testing::Of;
using testing::ServiceWorld;

v1::GenerateRequest Request(std::vector<TokenId> tokens, std::int32_t max_tokens = 4) {
  v1::GenerateRequest request;
  for (const TokenId token : tokens) request.mutable_tokens()->add_ids(token);
  request.mutable_stopping()->set_max_tokens(max_tokens);
  return request;
}

struct Answer {
  std::vector<v1::GenerateResponse> responses;
  absl::Status status;
};

class GenerateCallTest : public ::testing::Test {
 protected:
  void Restart(ServiceWorld::Options options) {
    stub_.reset();
    world_ = std::make_unique<ServiceWorld>(std::move(options));
    stub_ = v1::Inference::NewStub(world_->channel());
  }
  // Turns say what the test lets them say.
  void RestartScripted() {
    ServiceWorld::Options options;
    options.backend.answer_at_once = false;
    Restart(std::move(options));
  }
  Answer Generate(const v1::GenerateRequest& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
    auto reader = stub_->Generate(&context, request);
    Answer answer;
    v1::GenerateResponse response;
    while (reader->Read(&response)) answer.responses.push_back(response);
    answer.status = Of(reader->Finish());
    return answer;
  }
  // The turn of the given start, which the server makes on its own time.
  std::shared_ptr<FakeTurn> WaitForTurn(std::size_t index) {
    while (world_->backend().starts() <= index) std::this_thread::yield();
    return world_->backend().turn(index);
  }
  void CreateSession(const std::string& id) {
    grpc::ClientContext context;
    v1::CreateSessionRequest request;
    v1::CreateSessionResponse response;
    request.set_id(id);
    const auto sessions = v1::Sessions::NewStub(world_->channel());
    ASSERT_TRUE(sessions->CreateSession(&context, request, &response).ok());
  }
  // The status of a request that must be refused, and nothing started.
  absl::Status Refused(const v1::GenerateRequest& request) {
    const std::size_t before = world_->backend().starts();
    const Answer answer = Generate(request);
    EXPECT_FALSE(answer.status.ok());
    EXPECT_TRUE(answer.responses.empty());
    EXPECT_EQ(world_->backend().starts(), before) << "a refused request reaches no worker";
    return answer.status;
  }

  std::unique_ptr<ServiceWorld> world_ = std::make_unique<ServiceWorld>();
  std::unique_ptr<v1::Inference::Stub> stub_ = v1::Inference::NewStub(world_->channel());
};

TEST_F(GenerateCallTest, AStreamBeginsWithStartedAndEndsWithFinishedWithoutAGap) {
  const Answer answer = Generate(Request({1, 2, 3}, 5));
  ASSERT_TRUE(answer.status.ok()) << answer.status;
  ASSERT_GE(answer.responses.size(), 4U);
  EXPECT_TRUE(answer.responses.front().has_started());
  EXPECT_EQ(answer.responses.front().started().prompt_tokens(), 3);
  EXPECT_TRUE(answer.responses.back().has_finished());
  EXPECT_TRUE(answer.responses[answer.responses.size() - 2].has_choice_finished());
  int next = 0;
  for (const auto& response : answer.responses) {
    if (!response.has_chunk()) continue;
    EXPECT_EQ(response.chunk().first_index(), next);
    next += response.chunk().token_ids_size();
  }
  EXPECT_EQ(next, 5);
  EXPECT_EQ(answer.responses.back().finished().usage().completion_tokens(), 5);
}

TEST_F(GenerateCallTest, EachCallGivesOneRecordWithoutItsText) {
  v1::GenerateRequest request = Request({1, 2, 3}, 5);
  request.set_request_id("r-1");
  ASSERT_TRUE(Generate(request).status.ok());
  const RequestRecord record = world_->records().WaitFor(1)[0];
  EXPECT_EQ(record.method, "Generate");
  EXPECT_EQ(record.request_id, "r-1");
  EXPECT_EQ(record.tenant, "default");
  EXPECT_EQ(record.worker, "fake");
  EXPECT_EQ(record.prompt_tokens, 3);
  EXPECT_EQ(record.output_tokens, 5);
  EXPECT_TRUE(record.time_to_first_token.has_value());
  EXPECT_TRUE(record.status.ok());
}

TEST_F(GenerateCallTest, NotANumberNamesItsField) {
  v1::GenerateRequest request = Request({1});
  request.mutable_sampling()->set_temperature(std::numeric_limits<float>::quiet_NaN());
  const absl::Status status = Refused(request);
  EXPECT_TRUE(HasReason(status, Reason::kInvalidField)) << status;
  EXPECT_EQ(FieldOf(status), "sampling.temperature");
}

TEST_F(GenerateCallTest, ATenMegabytePromptIsTooLongAndNamesItsField) {
  v1::GenerateRequest request;
  request.set_text(std::string(10 << 20, 'x'));
  const absl::Status status = Refused(request);
  EXPECT_TRUE(HasReason(status, Reason::kPromptTooLong)) << status;
  EXPECT_FALSE(FieldOf(status).empty());
}

TEST_F(GenerateCallTest, AMessageBeyondTheReceiveLimitIsGrpcsBareResourceExhausted) {
  v1::GenerateRequest request;
  request.set_text(std::string(limits::kReceiveBytes + 1024, 'x'));
  const absl::Status status = Refused(request);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(DetailOf(status).has_value());
}

TEST_F(GenerateCallTest, NoInputNamesItsField) {
  EXPECT_EQ(FieldOf(Refused(v1::GenerateRequest())), "input");
}

TEST_F(GenerateCallTest, AnUnknownSessionIsNotFound) {
  v1::GenerateRequest request = Request({1});
  request.set_session("nobody");
  EXPECT_TRUE(HasReason(Refused(request), Reason::kSessionNotFound));
}

TEST_F(GenerateCallTest, AnUnknownModelIsNotFound) {
  v1::GenerateRequest request = Request({1});
  request.set_model("nothing");
  EXPECT_TRUE(HasReason(Refused(request), Reason::kModelNotFound));
}

TEST_F(GenerateCallTest, WhatIsNotThereYetSaysSo) {
  v1::GenerateRequest request = Request({1});
  request.set_resume_from_index(3);
  EXPECT_TRUE(HasReason(Refused(request), Reason::kNotYet));
  request.clear_resume_from_index();
  request.set_on_disconnect(v1::CONTINUE);
  EXPECT_TRUE(HasReason(Refused(request), Reason::kNotYet));
}

TEST_F(GenerateCallTest, AFailedTurnKeepsItsReasonAndRetryHint) {
  RestartScripted();
  std::size_t turns = 0;
  for (const Reason reason : {Reason::kPoolFull, Reason::kSlowReader, Reason::kWorkerLost,
                              Reason::kModelFailed, Reason::kContextFull}) {
    grpc::ClientContext context;
    auto reader = stub_->Generate(&context, Request({1}));
    v1::GenerateResponse response;
    WaitForTurn(turns++)->Say(TurnFailed{MakeError(reason, "why")});
    while (reader->Read(&response)) {
    }
    const absl::Status status = Of(reader->Finish());
    EXPECT_TRUE(HasReason(status, reason)) << status;
    const bool retried = CodeOf(reason) == absl::StatusCode::kUnavailable ||
                         CodeOf(reason) == absl::StatusCode::kResourceExhausted;
    EXPECT_EQ(DetailOf(status)->retry_after.has_value(), retried);
  }
}

TEST_F(GenerateCallTest, AClientThatGoesAwayRollsItsTurnBack) {
  RestartScripted();
  CreateSession("s");
  v1::GenerateRequest request = Request({1}, 8);
  request.set_session("s");
  auto context = std::make_unique<grpc::ClientContext>();
  auto reader = stub_->Generate(context.get(), request);
  const std::shared_ptr<FakeTurn> turn = WaitForTurn(0);
  turn->Step();
  turn->Step();
  v1::GenerateResponse response;
  ASSERT_TRUE(reader->Read(&response));
  context->TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  const RequestRecord record = world_->records().WaitFor(1)[0];
  EXPECT_EQ(record.status.code(), absl::StatusCode::kCancelled);
  ASSERT_TRUE(turn->cancelled().has_value());
  EXPECT_EQ(turn->cancelled()->first, CancelMode::kRollback);
}

TEST_F(GenerateCallTest, ADeadlineEndsTheTurnAndReachesTheWorker) {
  RestartScripted();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
  auto reader = stub_->Generate(&context, Request({1}, 8));
  v1::GenerateResponse response;
  while (reader->Read(&response)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  const RequestRecord record = world_->records().WaitFor(1)[0];
  EXPECT_EQ(record.status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_LT(world_->backend().last()->request().deadline, absl::InfiniteDuration());
}

TEST_F(GenerateCallTest, ACancelCommitsWhatWasDeliveredWhenAsked) {
  RestartScripted();
  CreateSession("s");
  v1::GenerateRequest request = Request({1}, 8);
  request.set_session("s");
  grpc::ClientContext context;
  auto reader = stub_->Generate(&context, request);
  const std::shared_ptr<FakeTurn> turn = WaitForTurn(0);
  for (int i = 0; i < 3; ++i) turn->Step();
  v1::GenerateResponse response;
  while (reader->Read(&response) && !response.has_chunk()) {
  }
  grpc::ClientContext cancel_context;
  v1::CancelGenerateRequest cancel;
  v1::CancelGenerateResponse cancelled;
  cancel.set_session("s");
  cancel.set_keep(v1::COMMIT_PARTIAL);
  ASSERT_TRUE(stub_->CancelGenerate(&cancel_context, cancel, &cancelled).ok());
  EXPECT_TRUE(cancelled.found());
  v1::FinishReason reason = v1::FINISH_REASON_UNSPECIFIED;
  while (reader->Read(&response)) {
    if (response.has_choice_finished()) reason = response.choice_finished().reason();
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(reason, v1::CANCELLED);
}

TEST_F(GenerateCallTest, ADrainingServerStartsNoTurn) {
  world_->Drain();
  const absl::Status status = Refused(Request({1}));
  EXPECT_TRUE(HasReason(status, Reason::kDraining));
  EXPECT_TRUE(DetailOf(status)->retry_after.has_value());
}

}  // namespace
}  // namespace pintle

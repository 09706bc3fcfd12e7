// SPDX-License-Identifier: Apache-2.0
#include "services/inference/batch_call.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "gmock/gmock.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "pintle/v1/inference.grpc.pb.h"
#include "pintle/v1/sessions.grpc.pb.h"
#include "services/wire/status_conversion.h"
#include "tests/services/service_world.h"

namespace pintle {
namespace {

using testing::ServiceWorld;

v1::GenerateBatchRequest Item(const std::string& id, const std::string& session = "") {
  v1::GenerateBatchRequest item;
  v1::GenerateRequest& request = *item.mutable_generate();
  request.set_request_id(id);
  request.set_session(session);
  request.mutable_tokens()->add_ids(7);
  request.mutable_stopping()->set_max_tokens(4);
  return item;
}

// What a call answered, by request_id.
struct Outcome {
  std::map<std::string, std::vector<v1::GenerateResponse>> responses;
  std::map<std::string, absl::Status> errors;
  absl::Status status;
};

class BatchCallTest : public ::testing::Test {
 protected:
  using Stream = grpc::ClientReaderWriter<v1::GenerateBatchRequest, v1::GenerateBatchResponse>;

  void RestartScripted() {
    ServiceWorld::Options options;
    options.backend.answer_at_once = false;
    stub_.reset();
    world_ = std::make_unique<ServiceWorld>(std::move(options));
    stub_ = v1::Inference::NewStub(world_->channel());
  }
  static void Note(const v1::GenerateBatchResponse& response, Outcome& outcome) {
    if (response.has_error()) {
      outcome.errors[response.request_id()] = FromRpcStatus(response.error());
    } else {
      outcome.responses[response.request_id()].push_back(response.response());
    }
  }
  Outcome ReadAll(Stream& stream) {
    Outcome outcome;
    v1::GenerateBatchResponse response;
    while (stream.Read(&response)) Note(response, outcome);
    outcome.status = testing::Of(stream.Finish());
    return outcome;
  }
  Outcome Run(const std::vector<v1::GenerateBatchRequest>& items) {
    grpc::ClientContext context;
    auto stream = stub_->GenerateBatch(&context);
    for (const auto& item : items) EXPECT_TRUE(stream->Write(item));
    stream->WritesDone();
    return ReadAll(*stream);
  }
  void CreateSession(const std::string& id) {
    grpc::ClientContext context;
    v1::CreateSessionRequest request;
    v1::CreateSessionResponse response;
    request.set_id(id);
    const auto sessions = v1::Sessions::NewStub(world_->channel());
    ASSERT_TRUE(sessions->CreateSession(&context, request, &response).ok());
  }
  std::shared_ptr<FakeTurn> WaitForTurn(std::size_t index) {
    while (world_->backend().starts() <= index) std::this_thread::yield();
    return world_->backend().turn(index);
  }

  std::unique_ptr<ServiceWorld> world_ = std::make_unique<ServiceWorld>();
  std::unique_ptr<v1::Inference::Stub> stub_ = v1::Inference::NewStub(world_->channel());
};

TEST_F(BatchCallTest, EveryItemIsAnsweredUnderItsId) {
  std::vector<v1::GenerateBatchRequest> items;
  for (int i = 0; i < 40; ++i) items.push_back(Item(absl::StrCat("r", i)));
  const Outcome outcome = Run(items);
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_TRUE(outcome.errors.empty());
  ASSERT_EQ(outcome.responses.size(), 40U);
  for (const auto& [id, responses] : outcome.responses) {
    EXPECT_TRUE(responses.front().has_started()) << id;
    EXPECT_TRUE(responses.back().has_finished()) << id;
  }
}

TEST_F(BatchCallTest, MoreItemsThanRunAtOnceAllEnd) {
  std::vector<v1::GenerateBatchRequest> items;
  for (int i = 0; i < 600; ++i) items.push_back(Item(absl::StrCat("r", i)));
  grpc::ClientContext context;
  auto stream = stub_->GenerateBatch(&context);
  std::thread writer([&] {
    for (const auto& item : items) ASSERT_TRUE(stream->Write(item));
    stream->WritesDone();
  });
  const Outcome outcome = ReadAll(*stream);
  writer.join();
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_EQ(outcome.responses.size(), 600U);
}

TEST_F(BatchCallTest, AFailedItemNeverEndsTheCall) {
  const Outcome outcome = Run(
      {Item("good"), Item("lost", "nobody"), Item(""), v1::GenerateBatchRequest(), Item("late")});
  EXPECT_TRUE(outcome.status.ok()) << outcome.status;
  EXPECT_EQ(outcome.responses.size(), 2U);
  EXPECT_TRUE(HasReason(outcome.errors.at("lost"), Reason::kSessionNotFound));
  EXPECT_TRUE(HasReason(outcome.errors.at(""), Reason::kInvalidField));
}

TEST_F(BatchCallTest, ASecondItemOfABusySessionIsAborted) {
  RestartScripted();
  CreateSession("s");
  grpc::ClientContext context;
  auto stream = stub_->GenerateBatch(&context);
  ASSERT_TRUE(stream->Write(Item("first", "s")));
  const std::shared_ptr<FakeTurn> turn = WaitForTurn(0);
  ASSERT_TRUE(stream->Write(Item("second", "s")));
  Outcome outcome;
  v1::GenerateBatchResponse response;
  while (outcome.errors.empty() && stream->Read(&response)) Note(response, outcome);
  EXPECT_TRUE(HasReason(outcome.errors.at("second"), Reason::kSessionBusy));
  stream->WritesDone();
  turn->StepAll();
  const Outcome rest = ReadAll(*stream);
  EXPECT_TRUE(rest.status.ok()) << rest.status;
  EXPECT_TRUE(rest.responses.at("first").back().has_finished());
}

TEST_F(BatchCallTest, AReusedIdIsRefusedWhileItsItemRuns) {
  RestartScripted();
  grpc::ClientContext context;
  auto stream = stub_->GenerateBatch(&context);
  ASSERT_TRUE(stream->Write(Item("r")));
  const std::shared_ptr<FakeTurn> turn = WaitForTurn(0);
  ASSERT_TRUE(stream->Write(Item("r")));
  v1::GenerateBatchResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(HasReason(FromRpcStatus(response.error()), Reason::kRequestIdReused));
  turn->StepAll();
  stream->WritesDone();
  EXPECT_TRUE(ReadAll(*stream).responses.at("r").back().has_finished());
}

TEST_F(BatchCallTest, AnItemIsCancelledInItsOwnCall) {
  RestartScripted();
  grpc::ClientContext context;
  auto stream = stub_->GenerateBatch(&context);
  ASSERT_TRUE(stream->Write(Item("r")));
  WaitForTurn(0);
  v1::GenerateBatchRequest cancel;
  cancel.mutable_cancel()->set_request_id("r");
  ASSERT_TRUE(stream->Write(cancel));
  stream->WritesDone();
  const Outcome outcome = ReadAll(*stream);
  EXPECT_TRUE(outcome.status.ok());
  EXPECT_EQ(outcome.errors.at("r").code(), absl::StatusCode::kCancelled);
}

TEST_F(BatchCallTest, ABrokenCallRollsAllItsTurnsBack) {
  RestartScripted();
  auto context = std::make_unique<grpc::ClientContext>();
  auto stream = stub_->GenerateBatch(context.get());
  ASSERT_TRUE(stream->Write(Item("a")));
  ASSERT_TRUE(stream->Write(Item("b")));
  const auto first = WaitForTurn(0);
  const auto second = WaitForTurn(1);
  context->TryCancel();
  stream->Finish();
  for (const RequestRecord& record : world_->records().WaitFor(2)) {
    EXPECT_EQ(record.status.code(), absl::StatusCode::kCancelled);
  }
  EXPECT_TRUE(first->cancelled() && second->cancelled());
}

}  // namespace
}  // namespace pintle

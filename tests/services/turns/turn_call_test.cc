// SPDX-License-Identifier: Apache-2.0
#include "services/turns/turn_call.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "pintle/v1/inference.grpc.pb.h"
#include "tests/services/service_world.h"

namespace pintle {
namespace {

using testing::Of;
using testing::ServiceWorld;

ServiceWorld::Options Scripted() {
  ServiceWorld::Options options;
  options.backend.answer_at_once = false;
  return options;
}

v1::GenerateRequest Request() {
  v1::GenerateRequest request;
  request.mutable_tokens()->add_ids(1);
  request.mutable_stopping()->set_max_tokens(64);
  return request;
}

// A TurnCall as Generate uses it; its other promises are kept in generate_call_test.
class TurnCallTest : public ::testing::Test {
 protected:
  std::shared_ptr<FakeTurn> WaitForTurn(std::size_t index) {
    while (world_.backend().starts() <= index) std::this_thread::yield();
    return world_.backend().turn(index);
  }

  ServiceWorld world_{Scripted()};
  std::unique_ptr<v1::Inference::Stub> stub_ = v1::Inference::NewStub(world_.channel());
};

TEST_F(TurnCallTest, AReaderThatStopsHoldsBackItsOwnTurnAlone) {
  grpc::ClientContext context;
  auto reader = stub_->Generate(&context, Request());
  const std::shared_ptr<FakeTurn> slow = WaitForTurn(0);
  // Far more than HTTP/2's windows take: the call's one write stays in flight.
  slow->Step();
  slow->Step();
  TurnChunk chunk;
  chunk.tokens = {1};
  chunk.text = std::string(1 << 20, 'x');
  for (int i = 0; i < 64; ++i) {
    chunk.first_index = i;
    slow->Say(chunk);
  }
  slow->Say(TurnFailed{MakeError(Reason::kSlowReader, "nobody read")});
  // Others on the same connection are served meanwhile.
  for (std::size_t i = 1; i <= 20; ++i) {
    grpc::ClientContext other;
    auto stream = stub_->Generate(&other, Request());
    WaitForTurn(i)->StepAll();
    v1::GenerateResponse response;
    while (stream->Read(&response)) {
    }
    EXPECT_TRUE(stream->Finish().ok());
  }
  EXPECT_EQ(world_.records().WaitFor(20).size(), 20U) << "the slow call has not ended";
  // Whoever reads on gets everything, and then the reason.
  v1::GenerateResponse response;
  std::size_t bytes = 0;
  while (reader->Read(&response)) bytes += response.chunk().text().size();
  EXPECT_EQ(bytes, std::size_t{64} << 20);
  EXPECT_TRUE(HasReason(Of(reader->Finish()), Reason::kSlowReader));
}

}  // namespace
}  // namespace pintle

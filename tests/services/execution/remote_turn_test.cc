// SPDX-License-Identifier: Apache-2.0
#include "services/execution/remote_turn.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/slice.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/synchronization/notification.h"
#include "contract/errors.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

// What RunTurn is to a coordinator is tested with a real worker in execution_service_test; this is
// a worker that answers any call with the same bytes.
class ByteWorker final : public grpc::CallbackGenericService {
 public:
  explicit ByteWorker(const std::string& answer) {
    grpc::Slice slice(answer);
    answer_ = grpc::ByteBuffer(&slice, 1);
    grpc::ServerBuilder builder;
    builder.RegisterCallbackGenericService(this);
    server_ = builder.BuildAndStart();
  }
  ~ByteWorker() override { server_->Shutdown(); }

  std::shared_ptr<grpc::Channel> channel() { return server_->InProcessChannel({}); }

 private:
  class Call final : public grpc::ServerGenericBidiReactor {
   public:
    explicit Call(const grpc::ByteBuffer& answer) : answer_(answer) { StartRead(&request_); }
    void OnReadDone(bool) override {
      StartWriteAndFinish(&answer_, grpc::WriteOptions(), grpc::Status::OK);
    }
    void OnDone() override { delete this; }

   private:
    grpc::ByteBuffer request_;
    const grpc::ByteBuffer answer_;
  };

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext*) override {
    return new Call(answer_);
  }

  grpc::ByteBuffer answer_;
  std::unique_ptr<grpc::Server> server_;
};

// How a turn ends whose worker answers with these bytes.
absl::Status EndOf(const std::string& answer) {
  ByteWorker worker(answer);
  auto turn = std::make_shared<RemoteTurn>(v1::Execution::NewStub(worker.channel()));
  turn->Start();
  absl::Notification ended;
  std::optional<TurnEvent> last;
  turn->SetReadyCallback([&] {
    while (std::optional<TurnEvent> event = turn->Next()) {
      last = std::move(event);
      if (IsLast(*last)) ended.Notify();
    }
  });
  ended.WaitForNotification();
  turn->Detach();
  const auto* failed = std::get_if<TurnFailed>(&*last);
  return failed == nullptr ? absl::OkStatus() : failed->status;
}

TEST(RemoteTurnTest, AnEventThatIsNotKnownFailsTheTurn) {
  const absl::Status status = EndOf("");
  EXPECT_TRUE(HasReason(status, Reason::kModelFailed)) << status;
  EXPECT_NE(status.message().find("does not know"), std::string::npos) << status;
}

TEST(RemoteTurnTest, AStreamThatEndsWithoutACommitIsALostWorker) {
  v1::RunTurnResponse prepared;
  prepared.mutable_prepared()->set_tools("[]");
  EXPECT_TRUE(HasReason(EndOf(prepared.SerializeAsString()), Reason::kWorkerLost));
}

}  // namespace
}  // namespace pintle

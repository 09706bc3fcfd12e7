// SPDX-License-Identifier: Apache-2.0
#include "services/execution/execution_service.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pintle/v1/execution.grpc.pb.h"
#include "services/execution/remote_session_kv.h"
#include "services/execution/remote_worker.h"
#include "tests/services/service_world.h"

namespace pintle {
namespace {

using testing::FieldOf;
using testing::Of;
using testing::ServiceWorld;

constexpr char kToken[] = "cluster-token";

// Pulls a stream to its end, waiting where it has nothing yet; `hook` sees each event.
std::vector<TurnEvent> PullAll(TurnStream& stream,
                               const std::function<void(const TurnEvent&)>& hook = nullptr) {
  absl::Mutex mutex;
  bool ready = false;
  stream.SetReadyCallback([&] {
    absl::MutexLock lock(&mutex);
    ready = true;
  });
  std::vector<TurnEvent> events;
  while (events.empty() || !IsLast(events.back())) {
    if (std::optional<TurnEvent> event = stream.Next()) {
      events.push_back(*std::move(event));
      if (hook) hook(events.back());
      continue;
    }
    absl::MutexLock lock(&mutex);
    mutex.Await(absl::Condition(&ready));
    ready = false;
  }
  return events;
}

TurnRequest Turn(std::int32_t max_tokens = 4) {
  TurnRequest turn;
  turn.tenant = TenantId(std::string("alice"));
  turn.request.input = TokensInput{1, 2, 3};
  turn.request.stopping.max_tokens = max_tokens;
  return turn;
}

// Both ends of the service: a worker behind a channel, run through the client a coordinator uses.
class ExecutionServiceTest : public ::testing::Test {
 protected:
  void SetUp() override { Restart(true); }

  void Restart(bool answer_at_once) {
    remote_.reset();
    ServiceWorld::Options options;
    options.identity.kind = ProcessKind::kWorkerOfCoordinator;
    options.identity.cluster_token = TokenDigest::Of(kToken);
    options.backend.answer_at_once = answer_at_once;
    world_ = std::make_unique<ServiceWorld>(std::move(options));
    remote_ = Connect(kToken);
  }
  std::unique_ptr<RemoteWorker> Connect(const std::string& token) {
    RemoteWorkerOptions options;
    options.cluster_token = token;
    options.turn_prefix = std::string("test-");
    return std::make_unique<RemoteWorker>(std::move(options), world_->channel(), clock_);
  }
  absl::Status FailureOf(RemoteWorker& worker, TurnRequest turn) {
    auto stream = worker.Start(std::move(turn));
    if (!stream.ok()) return stream.status();
    const std::vector<TurnEvent> events = PullAll(**stream);
    const auto* failed = std::get_if<TurnFailed>(&events.back());
    return failed == nullptr ? absl::OkStatus() : failed->status;
  }

  SystemClock clock_;
  std::unique_ptr<ServiceWorld> world_;
  std::unique_ptr<RemoteWorker> remote_;
};

TEST_F(ExecutionServiceTest, ATurnComesThroughAsTheWorkerSaidIt) {
  auto stream = remote_->Start(Turn(6));
  ASSERT_TRUE(stream.ok()) << stream.status();
  const std::vector<TurnEvent> events = PullAll(**stream);
  ASSERT_GE(events.size(), 4U);
  const auto* prepared = std::get_if<TurnPrepared>(&events[0]);
  ASSERT_NE(prepared, nullptr);
  EXPECT_EQ(prepared->appended, (std::vector<TokenId>{1, 2, 3}));
  EXPECT_TRUE(std::holds_alternative<TurnStarted>(events[1]));
  const auto* finished = std::get_if<TurnFinished>(&events.back());
  ASSERT_NE(finished, nullptr);
  EXPECT_EQ(finished->output.size(), 6U);
  EXPECT_EQ(world_->backend().last()->request().tenant, TenantId(std::string("alice")));
  EXPECT_EQ(world_->records().WaitFor(1)[0].method, "RunTurn");
}

TEST_F(ExecutionServiceTest, AWorkersOwnErrorKeepsItsReasonAndMetadata) {
  ErrorDetail detail;
  detail.reason = Reason::kPositionMismatch;
  detail.metadata = {{"position", "17"}};
  world_->backend().FailNextStart(MakeError(detail, "the transcript is at 17"));
  const absl::Status status = FailureOf(*remote_, Turn());
  EXPECT_TRUE(HasReason(status, Reason::kPositionMismatch)) << status;
  EXPECT_EQ(DetailOf(status)->metadata, detail.metadata);
}

TEST_F(ExecutionServiceTest, OthersThanTheClusterRunNoTurn) {
  for (const std::string token : {"", "wrong"}) {
    const auto stranger = Connect(token);
    EXPECT_TRUE(HasReason(FailureOf(*stranger, Turn()), Reason::kNotCluster));
  }
  EXPECT_EQ(world_->backend().starts(), 0U);
}

TEST_F(ExecutionServiceTest, TheClusterMayAskWhatSessionsHold) {
  const TenantId alice(std::string("alice"));
  absl::StatusOr<std::vector<std::int64_t>> held;
  const auto ask = [&](const char* token, std::vector<SessionKey> keys) {
    RemoteSessionKv kv(token, world_->channel());
    absl::Notification done;
    kv.QueryHeld(std::move(keys), [&](const auto& answer) {
      held = answer;
      done.Notify();
    });
    done.WaitForNotification();
  };
  ask(kToken, {{alice, SessionId("a")}, {alice, SessionId("b")}});
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_EQ(*held, (std::vector<std::int64_t>{0, 0}));
  ask("wrong", {{alice, SessionId("a")}});
  EXPECT_TRUE(HasReason(held.status(), Reason::kNotCluster));
  ask(kToken, std::vector<SessionKey>(1001, {alice, SessionId("a")}));
  EXPECT_TRUE(HasReason(held.status(), Reason::kInvalidField));
}

TEST_F(ExecutionServiceTest, ADrainingWorkerTakesNoTurn) {
  world_->Drain();
  EXPECT_TRUE(HasReason(FailureOf(*remote_, Turn()), Reason::kDraining));
}

TEST_F(ExecutionServiceTest, ACancelRollsBackAtTheWorker) {
  Restart(false);
  auto stream = remote_->Start(Turn());
  ASSERT_TRUE(stream.ok());
  while (world_->backend().starts() == 0) std::this_thread::yield();
  (*stream)->Cancel(CancelMode::kRollback, absl::CancelledError("enough"));
  const std::vector<TurnEvent> events = PullAll(**stream);
  EXPECT_TRUE(std::holds_alternative<TurnFailed>(events.back()));
  world_->records().WaitFor(1);
  EXPECT_EQ(world_->backend().last()->cancelled()->first, CancelMode::kRollback);
}

TEST_F(ExecutionServiceTest, APartialCommitComesBackAsAFinishedTurn) {
  Restart(false);
  auto stream = remote_->Start(Turn(8));
  ASSERT_TRUE(stream.ok());
  while (world_->backend().starts() == 0) std::this_thread::yield();
  for (int i = 0; i < 3; ++i) world_->backend().last()->Step();
  const std::vector<TurnEvent> events = PullAll(**stream, [&](const TurnEvent& event) {
    if (!std::holds_alternative<TurnChunk>(event)) return;
    (*stream)->Cancel(CancelMode::kCommitPartial, absl::CancelledError("enough"));
  });
  const auto* finished = std::get_if<TurnFinished>(&events.back());
  ASSERT_NE(finished, nullptr);
  EXPECT_LT(finished->output.size(), 8U);
}

TEST_F(ExecutionServiceTest, DroppingTheStreamRollsBackAtTheWorker) {
  Restart(false);
  auto stream = remote_->Start(Turn());
  ASSERT_TRUE(stream.ok());
  while (world_->backend().starts() == 0) std::this_thread::yield();
  stream->reset();
  EXPECT_EQ(world_->records().WaitFor(1)[0].status.code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(world_->backend().last()->cancelled().has_value());
}

TEST_F(ExecutionServiceTest, ALostConnectionIsWorkerLostWithAHint) {
  Restart(false);
  auto stream = remote_->Start(Turn());
  ASSERT_TRUE(stream.ok());
  while (world_->backend().starts() == 0) std::this_thread::yield();
  world_->host().Shutdown(absl::ZeroDuration());
  const std::vector<TurnEvent> events = PullAll(**stream);
  const auto* failed = std::get_if<TurnFailed>(&events.back());
  ASSERT_NE(failed, nullptr);
  EXPECT_TRUE(HasReason(failed->status, Reason::kWorkerLost)) << failed->status;
  EXPECT_TRUE(DetailOf(failed->status)->retry_after.has_value());
  // Nobody listens there any more.
  EXPECT_TRUE(HasReason(FailureOf(*remote_, Turn()), Reason::kWorkerLost));
}

TEST_F(ExecutionServiceTest, ADeadlineTravels) {
  Restart(false);
  TurnRequest turn = Turn();
  turn.deadline = clock_.Monotonic() + absl::Milliseconds(200);
  EXPECT_EQ(FailureOf(*remote_, std::move(turn)).code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ExecutionServiceTest, ASessionIsDropped) {
  const auto stub = v1::Execution::NewStub(world_->channel());
  v1::DropSessionRequest request;
  v1::DropSessionResponse response;
  request.set_tenant("alice");
  request.set_session("s");
  {
    grpc::ClientContext context;
    EXPECT_TRUE(
        HasReason(Of(stub->DropSession(&context, request, &response)), Reason::kNotCluster));
  }
  EXPECT_TRUE(world_->backend().drops().empty());
  {
    grpc::ClientContext context;
    testing::Authorize(kToken, context);
    EXPECT_TRUE(stub->DropSession(&context, request, &response).ok());
  }
  ASSERT_EQ(world_->backend().drops().size(), 1U);
  EXPECT_EQ(world_->backend().drops()[0].session, SessionId(std::string("s")));
  grpc::ClientContext context;
  testing::Authorize(kToken, context);
  request.set_session("");
  EXPECT_EQ(FieldOf(Of(stub->DropSession(&context, request, &response))), "session");
}

TEST_F(ExecutionServiceTest, TextComesThroughTheSameChannel) {
  TokenizeRequest request;
  request.input = PromptInput{"ab", true};
  absl::StatusOr<TokenizeResult> result;
  absl::Notification done;
  remote_->Tokenize(std::move(request), [&](absl::StatusOr<TokenizeResult> answer) {
    result = std::move(answer);
    done.Notify();
  });
  done.WaitForNotification();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->tokens.size(), 2U);
}

TEST_F(ExecutionServiceTest, TermsOfASessionComeThroughWhole) {
  RemoteSessionKv remote(kToken, world_->channel());
  const SessionKey key{TenantId(std::string("alice")), SessionId(std::string("tea"))};
  SessionTerms terms;
  terms.pin = Pin{.kind = PinKind::kRetained, .priority = 80, .ttl = absl::Minutes(2)};
  terms.lease = absl::Minutes(4);
  terms.hints.outlook = SessionOutlook::kAwaitingTool;
  const auto ask = [&](RemoteSessionKv& worker) {
    absl::StatusOr<PinVerdict> verdict;
    absl::Notification answered;
    worker.Update(key, 3, terms, [&](absl::StatusOr<PinVerdict> given) {
      verdict = std::move(given);
      answered.Notify();
    });
    answered.WaitForNotification();
    return verdict;
  };
  world_->session_kv().Answer(PinVerdict::kClipped);
  ASSERT_EQ(*ask(remote), PinVerdict::kClipped);
  const std::optional<SessionTerms> told = world_->session_kv().TermsOf(key);
  ASSERT_TRUE(told);
  EXPECT_EQ(*told->pin, *terms.pin);
  EXPECT_EQ(told->lease, terms.lease);
  EXPECT_EQ(told->hints, terms.hints);
  ErrorDetail detail;
  detail.reason = Reason::kPinBudget;
  detail.retry_after = absl::Seconds(2);
  detail.quotas.push_back({"pin_budget_tokens", "no room"});
  world_->session_kv().Answer(MakeError(std::move(detail), "no room"));
  const absl::Status refused = ask(remote).status();
  ASSERT_TRUE(HasReason(refused, Reason::kPinBudget)) << refused;
  EXPECT_EQ(DetailOf(refused)->quotas.size(), 1U);
  EXPECT_EQ(DetailOf(refused)->retry_after, absl::Seconds(2));
  RemoteSessionKv stranger("wrong", world_->channel());
  EXPECT_FALSE(ask(stranger).ok());
}

}  // namespace
}  // namespace pintle

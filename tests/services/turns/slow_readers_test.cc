// SPDX-License-Identifier: Apache-2.0
#include "services/turns/slow_readers.h"

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_turn_backend.h"

namespace pintle {
namespace {

class SlowReadersTest : public ::testing::Test {
 protected:
  SlowReadersTest() {
    FakeTurnBackend::Options options;
    options.answer_at_once = false;
    backend_ = std::make_unique<FakeTurnBackend>(options);
    TurnRequest turn;
    turn.request.input = TokensInput{1};
    turn.request.stopping.max_tokens = 4;
    pump_ = std::make_shared<TurnPump>(*backend_->Start(turn), [this](TurnEvent event) {
      events_.push_back(std::move(event));
      return false;
    });
    readers_.Watch(pump_);
    pump_->Start();
    backend_->last()->StepAll();
  }

  std::unique_ptr<FakeTurnBackend> backend_;
  std::vector<TurnEvent> events_;
  std::shared_ptr<TurnPump> pump_;
  SlowReaders readers_;
};

TEST_F(SlowReadersTest, AReaderStuckWithOneEventForTheLimitIsEnded) {
  EXPECT_EQ(readers_.Sweep(absl::Seconds(100), absl::Seconds(30)), 0U);
  EXPECT_EQ(readers_.Sweep(absl::Seconds(129), absl::Seconds(30)), 0U);
  EXPECT_EQ(readers_.Sweep(absl::Seconds(130), absl::Seconds(30)), 1U);
  EXPECT_TRUE(backend_->last()->released());
  pump_->Resume();
  EXPECT_TRUE(HasReason(std::get<TurnFailed>(events_.back()).status, Reason::kSlowReader));
}

TEST_F(SlowReadersTest, AReaderThatTakesAnythingInTimeGoesOn) {
  for (int second = 0; !IsLast(events_.back()); second += 20) {
    EXPECT_EQ(readers_.Sweep(absl::Seconds(second), absl::Seconds(30)), 0U);
    pump_->Resume();
  }
  EXPECT_TRUE(std::holds_alternative<TurnFinished>(events_.back()));
  EXPECT_EQ(readers_.Sweep(absl::Seconds(10000), absl::Seconds(30)), 0U) << "it has ended";
}

TEST_F(SlowReadersTest, APumpThatIsGoneIsForgotten) {
  pump_.reset();
  EXPECT_EQ(readers_.Sweep(absl::Seconds(1), absl::ZeroDuration()), 0U);
}

}  // namespace
}  // namespace pintle

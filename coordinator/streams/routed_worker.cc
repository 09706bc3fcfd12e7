// SPDX-License-Identifier: Apache-2.0
#include "coordinator/streams/routed_worker.h"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "contract/errors.h"

namespace pintle {

// A turn at the worker, ended by the worker's last event or by its loss, whichever this side sees
// first. What already arrived is delivered before a loss.
class RoutedWorker::Stream final : public TurnStream {
 public:
  Stream(std::shared_ptr<RoutedWorker> worker, std::unique_ptr<TurnStream> inner,
         std::shared_ptr<ReadySignal> signal, absl::AnyInvocable<void()> on_settled)
      : worker_(std::move(worker)),
        signal_(std::move(signal)),
        on_settled_(std::move(on_settled)),
        inner_(std::move(inner)) {
    inner_->SetReadyCallback([signal = signal_] {
      const std::shared_ptr<ReadySignal> kept = signal;
      kept->Notify();
    });
  }
  ~Stream() override {
    {
      absl::MutexLock lock(&worker_->mutex_);
      worker_->signals_.erase(signal_);
    }
    signal_->Close();
    inner_.reset();
    Settle();
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void SetReadyCallback(absl::AnyInvocable<void()> callback) override {
    signal_->SetCallback(std::move(callback));
  }

  std::optional<TurnEvent> Next() override {
    if (ended_) return std::nullopt;
    // Asked before the worker's stream: a loss found after it could overtake a last event.
    const bool lost = worker_->lost();
    std::optional<TurnEvent> event = inner_->Next();
    if (!event && lost) event = TurnFailed{worker_->LostError()};
    if (!event) return std::nullopt;
    if (std::holds_alternative<TurnStarted>(*event)) Settle();
    if (IsLast(*event)) {
      ended_ = true;
      Settle();
    }
    return event;
  }

  void Cancel(CancelMode mode, absl::Status why) override { inner_->Cancel(mode, std::move(why)); }

 private:
  void Settle() {
    if (on_settled_) std::exchange(on_settled_, nullptr)();
  }

  const std::shared_ptr<RoutedWorker> worker_;
  const std::shared_ptr<ReadySignal> signal_;
  absl::AnyInvocable<void()> on_settled_;
  std::unique_ptr<TurnStream> inner_;
  bool ended_ = false;
};

RoutedWorker::RoutedWorker(WorkerHello hello, WorkerConnection connection)
    : hello_(std::move(hello)), connection_(std::move(connection)) {}

RoutedWorker::~RoutedWorker() { Lose(); }

absl::Status RoutedWorker::LostError() const {
  return MakeError(Reason::kWorkerLost, "the worker was lost; its turn was rolled back");
}

absl::StatusOr<std::unique_ptr<TurnStream>> RoutedWorker::Start(
    TurnRequest turn, absl::AnyInvocable<void()> on_settled) {
  auto signal = std::make_shared<ReadySignal>();
  {
    absl::MutexLock lock(&mutex_);
    if (!lost_) signals_.insert(signal);
  }
  absl::StatusOr<std::unique_ptr<TurnStream>> inner =
      lost() ? LostError() : connection_.turns->Start(std::move(turn));
  if (!inner.ok()) {
    {
      absl::MutexLock lock(&mutex_);
      signals_.erase(signal);
    }
    on_settled();
    return inner.status();
  }
  return std::make_unique<Stream>(shared_from_this(), *std::move(inner), std::move(signal),
                                  std::move(on_settled));
}

void RoutedWorker::DropSession(const SessionKey& key) {
  if (!lost()) connection_.turns->DropSession(key);
}

TextBackend::TokenizeCallback RoutedWorker::TakeCall(CallNumber number) {
  absl::MutexLock lock(&mutex_);
  const auto it = calls_.find(number);
  if (it == calls_.end()) return nullptr;
  TextBackend::TokenizeCallback call = std::move(it->second);
  calls_.erase(it);
  return call;
}

void RoutedWorker::Tokenize(TokenizeRequest request, TextBackend::TokenizeCallback done) {
  CallNumber number = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (!lost_) {
      number = next_call_++;
      calls_.emplace(number, std::move(done));
    }
  }
  if (number == 0) {
    done(LostError());
    return;
  }
  // Weak: the connection holds the callback, and this holds the connection.
  connection_.text->Tokenize(
      std::move(request), [weak = weak_from_this(), number](absl::StatusOr<TokenizeResult> result) {
        const std::shared_ptr<RoutedWorker> self = weak.lock();
        if (self == nullptr) return;  // its destructor has answered
        TextBackend::TokenizeCallback call = self->TakeCall(number);
        if (call) call(std::move(result));
      });
}

void RoutedWorker::Lose() {
  std::vector<std::shared_ptr<ReadySignal>> signals;
  std::map<CallNumber, TextBackend::TokenizeCallback> calls;
  {
    absl::MutexLock lock(&mutex_);
    lost_ = true;
    signals.assign(signals_.begin(), signals_.end());
    signals_.clear();
    calls = std::exchange(calls_, {});
  }
  for (const auto& signal : signals) signal->Notify();
  for (auto& [number, call] : calls) call(LostError());
}

}  // namespace pintle

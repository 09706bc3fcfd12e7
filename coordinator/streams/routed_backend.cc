// SPDX-License-Identifier: Apache-2.0
#include "coordinator/streams/routed_backend.h"

#include <utility>

#include "contract/errors.h"
#include "contract/status_macros.h"
#include "coordinator/routing/place.h"

namespace pintle {

struct RoutedBackend::Ledger {
  // Guards the bookings.
  absl::Mutex mutex;
  BookingLedger bookings ABSL_GUARDED_BY(mutex);
};

// The worker as one placed turn sees it: holds the turn's booking until the turn has settled there.
class RoutedBackend::PlacedTurn final : public TurnBackend {
 public:
  PlacedTurn(std::shared_ptr<RoutedWorker> worker, std::shared_ptr<Ledger> ledger,
             BookingLedger::Booking booking)
      : worker_(std::move(worker)), ledger_(std::move(ledger)), booking_(booking) {}
  ~PlacedTurn() override { Release(*ledger_, worker_->hello().incarnation, booking_); }
  PlacedTurn(const PlacedTurn&) = delete;
  PlacedTurn& operator=(const PlacedTurn&) = delete;

  absl::StatusOr<std::unique_ptr<TurnStream>> Start(TurnRequest turn) override {
    return worker_->Start(std::move(turn), [ledger = ledger_, booking = booking_,
                                            incarnation = worker_->hello().incarnation] {
      Release(*ledger, incarnation, booking);
    });
  }
  void DropSession(const SessionKey& key) override { worker_->DropSession(key); }

 private:
  static void Release(Ledger& ledger, Incarnation incarnation, BookingLedger::Booking booking) {
    absl::MutexLock lock(&ledger.mutex);
    ledger.bookings.Remove(incarnation, booking);
  }

  const std::shared_ptr<RoutedWorker> worker_;
  const std::shared_ptr<Ledger> ledger_;
  const BookingLedger::Booking booking_;
};

RoutedBackend::RoutedBackend(WorkerRegistry& registry, WorkerConnector& connector,
                             const Clock& clock, LogSink log)
    : registry_(registry),
      connector_(connector),
      clock_(clock),
      log_(std::move(log)),
      ledger_(std::make_shared<Ledger>()) {
  registry_.AddListener(this);
}

absl::StatusOr<Placement> RoutedBackend::Place(const PlacementQuery& query) {
  const FleetSnapshot fleet = registry_.Snapshot();
  PlacementDecision decision;
  BookingLedger::Booking booking = 0;
  {
    // Choosing and booking are one step, so that two turns at once do not both see a worker idle.
    absl::MutexLock lock(&ledger_->mutex);
    PINTLE_ASSIGN_OR_RETURN(decision, pintle::Place(fleet, ledger_->bookings, query));
    booking = ledger_->bookings.Add(decision.chosen.incarnation, decision.uncached_tokens,
                                    clock_.Monotonic());
  }
  if (log_) log_(LogLine(decision, query));
  std::shared_ptr<RoutedWorker> worker =
      WorkerOf(decision.chosen.worker, decision.chosen.incarnation);
  if (worker == nullptr) {
    absl::MutexLock lock(&ledger_->mutex);
    ledger_->bookings.Remove(decision.chosen.incarnation, booking);
    return MakeError(Reason::kWorkerLost, "the worker left while the turn was placed there");
  }
  Placement placement;
  placement.worker = decision.chosen.worker;
  placement.incarnation = decision.chosen.incarnation;
  placement.model = std::move(decision.model);
  placement.backend = std::make_shared<PlacedTurn>(std::move(worker), ledger_, booking);
  return placement;
}

absl::StatusOr<std::string> RoutedBackend::ResolveModel(const std::string& model) {
  return ResolveModelIn(registry_.Snapshot(), model);
}

std::shared_ptr<RoutedWorker> RoutedBackend::WorkerOf(const WorkerId& worker,
                                                      Incarnation incarnation) const {
  absl::MutexLock lock(&mutex_);
  const auto it = workers_.find(worker);
  if (it == workers_.end() || it->second->hello().incarnation != incarnation) return nullptr;
  return it->second;
}

std::shared_ptr<TurnBackend> RoutedBackend::BackendOf(const WorkerId& worker,
                                                      Incarnation incarnation) {
  std::shared_ptr<RoutedWorker> routed = WorkerOf(worker, incarnation);
  if (routed == nullptr) return nullptr;
  // Booking 0 is nobody's: giving it back changes nothing.
  return std::make_shared<PlacedTurn>(std::move(routed), ledger_, BookingLedger::Booking{0});
}

std::optional<std::int64_t> RoutedBackend::HeldTokens(const SessionKey&, const WorkerId& worker,
                                                      Incarnation) {
  // One that began anew under its name may have read the session's KV from its disk.
  absl::MutexLock lock(&mutex_);
  return workers_.contains(worker) ? std::nullopt : std::optional<std::int64_t>(0);
}

void RoutedBackend::Tokenize(TokenizeRequest request, TokenizeCallback done) {
  absl::StatusOr<std::string> model = ResolveModel(request.model);
  if (!model.ok()) {
    done(model.status());
    return;
  }
  request.model = *std::move(model);
  std::shared_ptr<RoutedWorker> chosen;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [id, worker] : workers_) {
      if (worker->hello().model.name != request.model) continue;
      chosen = worker;
      break;
    }
  }
  if (chosen == nullptr) {
    done(MakeError(Reason::kNoWorker, "no worker serves the model now"));
    return;
  }
  chosen->Tokenize(std::move(request), std::move(done));
}

std::vector<ModelInfo> RoutedBackend::ListModels() const {
  std::map<std::string, ModelInfo> models;
  for (const FleetWorker& worker : registry_.Snapshot().workers) {
    models.emplace(worker.hello.model.name, worker.hello.model);
  }
  std::vector<ModelInfo> list;
  for (auto& [name, model] : models) list.push_back(std::move(model));
  return list;
}

void RoutedBackend::OnJoin(const WorkerHello& hello) {
  auto worker = std::make_shared<RoutedWorker>(hello, connector_.Connect(hello));
  absl::MutexLock lock(&mutex_);
  workers_[hello.worker] = std::move(worker);
}

void RoutedBackend::OnLeave(const WorkerId& worker, Incarnation incarnation) {
  std::shared_ptr<RoutedWorker> gone;
  {
    absl::MutexLock lock(&mutex_);
    const auto it = workers_.find(worker);
    if (it == workers_.end() || it->second->hello().incarnation != incarnation) return;
    gone = std::move(it->second);
    workers_.erase(it);
  }
  {
    absl::MutexLock lock(&ledger_->mutex);
    ledger_->bookings.Forget(incarnation);
  }
  gone->Lose();
}

}  // namespace pintle

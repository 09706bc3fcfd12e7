// SPDX-License-Identifier: Apache-2.0
#include "coordinator/membership/worker_registry.h"

#include <iterator>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"

namespace pintle {
namespace {

absl::Status CheckHello(const WorkerHello& hello, std::uint64_t sequence) {
  if (hello.protocol_version != kProtocolVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "protocol_version is ", hello.protocol_version, ", supported is ", kProtocolVersion));
  }
  if (sequence != 1) return InvalidField("sequence", absl::StrCat("is ", sequence, ", must be 1"));
  if (hello.worker.empty()) return InvalidField("hello.worker", "is empty");
  if (hello.incarnation == 0) return InvalidField("hello.incarnation", "is 0");
  if (hello.advertise.empty()) return InvalidField("hello.advertise", "is empty");
  if (hello.model.name.empty()) return InvalidField("hello.model.name", "is empty");
  return absl::OkStatus();
}

}  // namespace

WorkerRegistry::WorkerRegistry(Options options) : options_(options) {}

void WorkerRegistry::AddListener(MembershipListener* listener) { listeners_.push_back(listener); }

absl::Status WorkerRegistry::CheckModel(const WorkerHello& hello) const {
  for (const auto& [id, member] : members_) {
    const ModelInfo& served = member.worker.hello.model;
    // Its own predecessor leaves with this join and binds nobody.
    if (id == hello.worker || served.name != hello.model.name) continue;
    if (served.fingerprint != hello.model.fingerprint) {
      return MakeError(
          Reason::kFingerprintMismatch,
          absl::StrCat("model ", hello.model.name, " has fingerprint ", hello.model.fingerprint,
                       ", the fleet serves ", served.fingerprint));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<RegistrationId> WorkerRegistry::Join(const WorkerHello& hello,
                                                    std::uint64_t sequence, absl::Duration now) {
  PINTLE_RETURN_IF_ERROR(CheckHello(hello, sequence));
  RegistrationId registration = 0;
  {
    absl::MutexLock lock(&mutex_);
    PINTLE_RETURN_IF_ERROR(CheckModel(hello));
    const auto old = members_.find(hello.worker);
    if (old == members_.end() && members_.size() >= options_.workers_max) {
      return MakeError(Reason::kQueueFull, absl::StrCat("there are ", members_.size(),
                                                        " workers, limit ", options_.workers_max));
    }
    // The same process on a new stream is the same owner of its KV and turns: nobody left.
    const bool known =
        old != members_.end() && old->second.worker.hello.incarnation == hello.incarnation;
    if (old != members_.end() && !known) Drop(old);
    Member& member = members_[hello.worker];
    registration = next_registration_++;
    member = Member{registration, sequence, FleetWorker{hello, {}, std::nullopt, now, now}};
    if (models_known_.size() < options_.workers_max) models_known_.insert(hello.model.name);
    if (!known) changes_.push_back(Change{true, hello});
  }
  Deliver();
  return registration;
}

absl::Status WorkerRegistry::Report(RegistrationId registration, std::uint64_t sequence,
                                    const WorkerLoad& load, absl::Duration now) {
  absl::Status status;
  {
    absl::MutexLock lock(&mutex_);
    const auto it = FindRegistration(registration);
    if (it == members_.end()) {
      return MakeError(Reason::kWorkerLost, "the registration has ended; register again");
    }
    Member& member = it->second;
    if (sequence == member.sequence + 1) {
      member.sequence = sequence;
      member.worker.load = load;
      member.worker.load_at = now;
      member.worker.reported_at = now;
      return absl::OkStatus();
    }
    status =
        InvalidField("sequence", absl::StrCat("is ", sequence, ", must be ", member.sequence + 1));
    Drop(it);
  }
  Deliver();
  return status;
}

void WorkerRegistry::Leave(RegistrationId registration) {
  {
    absl::MutexLock lock(&mutex_);
    const auto it = FindRegistration(registration);
    if (it == members_.end()) return;
    Drop(it);
  }
  Deliver();
}

std::vector<WorkerId> WorkerRegistry::DropSilent(absl::Duration now) {
  std::vector<WorkerId> silent;
  {
    absl::MutexLock lock(&mutex_);
    for (auto it = members_.begin(); it != members_.end();) {
      const auto next = std::next(it);
      if (now - it->second.worker.reported_at >= options_.timeout) {
        silent.push_back(it->first);
        Drop(it);
      }
      it = next;
    }
  }
  Deliver();
  return silent;
}

FleetSnapshot WorkerRegistry::Snapshot() const {
  FleetSnapshot snapshot;
  absl::MutexLock lock(&mutex_);
  snapshot.workers.reserve(members_.size());
  for (const auto& [id, member] : members_) snapshot.workers.push_back(member.worker);
  snapshot.models_known = models_known_;
  return snapshot;
}

std::map<WorkerId, WorkerRegistry::Member>::iterator WorkerRegistry::FindRegistration(
    RegistrationId registration) {
  auto it = members_.begin();
  while (it != members_.end() && it->second.registration != registration) ++it;
  return it;
}

void WorkerRegistry::Drop(std::map<WorkerId, Member>::iterator it) {
  changes_.push_back(Change{false, std::move(it->second.worker.hello)});
  members_.erase(it);
}

void WorkerRegistry::Deliver() {
  {
    absl::MutexLock lock(&mutex_);
    if (delivering_) return;
    delivering_ = true;
  }
  while (true) {
    Change change;
    {
      absl::MutexLock lock(&mutex_);
      if (changes_.empty()) {
        delivering_ = false;
        return;
      }
      change = std::move(changes_.front());
      changes_.pop_front();
    }
    for (MembershipListener* listener : listeners_) {
      if (change.joined) {
        listener->OnJoin(change.hello);
      } else {
        listener->OnLeave(change.hello.worker, change.hello.incarnation);
      }
    }
  }
}

}  // namespace pintle

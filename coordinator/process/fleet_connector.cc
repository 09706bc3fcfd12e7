// SPDX-License-Identifier: Apache-2.0
#include "coordinator/process/fleet_connector.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"

namespace pintle {
namespace {

// Collects the answers of one question to the fleet and gives them all at once.
class Gathering {
 public:
  Gathering(std::size_t asked, CacheStatsSource::Callback done)
      : outstanding_(asked), done_(std::move(done)) {}

  void Add(absl::StatusOr<CacheReport> report) {
    CacheStatsSource::Callback done;
    std::vector<CacheReport> reports;
    {
      absl::MutexLock lock(&mutex_);
      if (report.ok()) reports_.push_back(*std::move(report));
      if (--outstanding_ > 0) return;
      done = std::move(done_);
      reports = std::move(reports_);
    }
    std::sort(reports.begin(), reports.end(),
              [](const auto& a, const auto& b) { return (a.worker <=> b.worker) < 0; });
    done(std::move(reports));
  }

 private:
  // Guards what the workers' answers add to.
  absl::Mutex mutex_;
  std::size_t outstanding_ ABSL_GUARDED_BY(mutex_);
  std::vector<CacheReport> reports_ ABSL_GUARDED_BY(mutex_);
  CacheStatsSource::Callback done_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

WorkerConnection FleetConnector::Connect(const WorkerHello& hello) {
  RemoteWorkerOptions options;
  options.cluster_token = cluster_token_;
  options.model = hello.model;
  options.turn_prefix = turn_prefix_;
  const std::shared_ptr<grpc::Channel> channel = security_.Dial(hello.advertise);
  auto worker = std::make_shared<RemoteWorker>(std::move(options), channel, clock_);
  auto kv = std::make_shared<RemoteSessionKv>(cluster_token_, channel);
  absl::MutexLock lock(&mutex_);
  workers_[hello.worker] = {hello.incarnation, worker, std::move(kv)};
  return {worker, worker};
}

void FleetConnector::OnJoin(const WorkerHello&) {}

void FleetConnector::OnLeave(const WorkerId& worker, Incarnation incarnation) {
  absl::MutexLock lock(&mutex_);
  const auto found = workers_.find(worker);
  if (found != workers_.end() && found->second.incarnation == incarnation) workers_.erase(found);
}

void FleetConnector::GetCacheReports(const CacheQuery& query, Callback done) {
  std::vector<std::shared_ptr<RemoteWorker>> workers;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [name, entry] : workers_) workers.push_back(entry.worker);
  }
  if (workers.empty()) return done(std::vector<CacheReport>());
  auto gathering = std::make_shared<Gathering>(workers.size(), std::move(done));
  for (const auto& worker : workers) {
    worker->GetCacheReport(query, [gathering](absl::StatusOr<CacheReport> report) {
      gathering->Add(std::move(report));
    });
  }
}

absl::StatusOr<CachePeer> FleetConnector::FindPeer(const std::string& worker) {
  absl::MutexLock lock(&mutex_);
  auto found = workers_.end();
  if (worker.empty()) {
    if (workers_.size() != 1) {
      return InvalidField("worker", absl::StrCat("is empty, and the fleet has ", workers_.size(),
                                                 " workers: name one"));
    }
    found = workers_.begin();
  } else {
    found = workers_.find(WorkerId(worker));
    if (found == workers_.end()) return InvalidField("worker", "names no worker of the fleet");
  }
  return CachePeer{found->second.worker->cache_stub(), cluster_token_};
}

std::shared_ptr<SessionKvBackend> FleetConnector::KvOf(const WorkerId& worker,
                                                       Incarnation incarnation) {
  absl::MutexLock lock(&mutex_);
  const auto found = workers_.find(worker);
  if (found == workers_.end() || found->second.incarnation != incarnation) return nullptr;
  return found->second.kv;
}

std::shared_ptr<SessionKvBackend> FleetConnector::KvOfName(const WorkerId& worker) {
  absl::MutexLock lock(&mutex_);
  const auto found = workers_.find(worker);
  return found == workers_.end() ? nullptr : found->second.kv;
}

}  // namespace pintle

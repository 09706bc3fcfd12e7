// SPDX-License-Identifier: Apache-2.0
#include "coordinator/admission/admission_gate.h"

#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "contract/errors.h"

namespace pintle {

struct AdmissionGate::Counts {
  struct Row {
    std::int64_t running = 0;
    std::int64_t waiting = 0;
  };
  // Guards the counts.
  absl::Mutex mutex;
  // Tenants with turns only: bounded by the turns.
  absl::flat_hash_map<TenantId, Row> tenants ABSL_GUARDED_BY(mutex);
  Row all ABSL_GUARDED_BY(mutex);
};

class AdmissionGate::Ticket final : public AdmissionTicket {
 public:
  Ticket(std::shared_ptr<Counts> counts, TenantId tenant)
      : counts_(std::move(counts)), tenant_(std::move(tenant)) {}
  ~Ticket() override {
    absl::MutexLock lock(&counts_->mutex);
    const auto it = counts_->tenants.find(tenant_);
    --(started_ ? it->second.running : it->second.waiting);
    --(started_ ? counts_->all.running : counts_->all.waiting);
    if (it->second.running == 0 && it->second.waiting == 0) counts_->tenants.erase(it);
  }
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;

  void Started() override {
    absl::MutexLock lock(&counts_->mutex);
    if (std::exchange(started_, true)) return;
    Counts::Row& row = counts_->tenants[tenant_];
    --row.waiting;
    ++row.running;
    --counts_->all.waiting;
    ++counts_->all.running;
  }

 private:
  const std::shared_ptr<Counts> counts_;
  const TenantId tenant_;
  bool started_ = false;  // guarded by counts_->mutex
};

namespace {

absl::Status Refuse(Reason reason, absl::Duration retry_after, absl::string_view subject,
                    absl::string_view what, std::int64_t value, std::int64_t limit) {
  const std::string message = absl::StrCat(what, " are ", value, ", limit ", limit);
  ErrorDetail detail;
  detail.reason = reason;
  detail.retry_after = retry_after;
  detail.quotas.push_back({std::string(subject), message});
  return MakeError(std::move(detail), message);
}

}  // namespace

AdmissionGate::AdmissionGate(Options options)
    : options_(options), counts_(std::make_shared<Counts>()) {}

absl::StatusOr<std::unique_ptr<AdmissionTicket>> AdmissionGate::Admit(const TenantId& tenant,
                                                                      const TurnCost&) {
  {
    absl::MutexLock lock(&counts_->mutex);
    const auto it = counts_->tenants.find(tenant);
    const Counts::Row row = it == counts_->tenants.end() ? Counts::Row() : it->second;
    if (row.running >= options_.tenant_running_max) {
      return Refuse(Reason::kTenantQuota, options_.retry_after, "tenant",
                    "the tenant's running turns", row.running, options_.tenant_running_max);
    }
    if (row.waiting >= options_.tenant_waiting_max) {
      return Refuse(Reason::kTenantQuota, options_.retry_after, "tenant",
                    "the tenant's waiting turns", row.waiting, options_.tenant_waiting_max);
    }
    if (counts_->all.waiting >= options_.waiting_max) {
      return Refuse(Reason::kQueueFull, options_.retry_after, "server", "waiting turns",
                    counts_->all.waiting, options_.waiting_max);
    }
    ++counts_->tenants[tenant].waiting;
    ++counts_->all.waiting;
  }
  return std::make_unique<Ticket>(counts_, tenant);
}

std::int64_t AdmissionGate::running() const {
  absl::MutexLock lock(&counts_->mutex);
  return counts_->all.running;
}

std::int64_t AdmissionGate::waiting() const {
  absl::MutexLock lock(&counts_->mutex);
  return counts_->all.waiting;
}

}  // namespace pintle

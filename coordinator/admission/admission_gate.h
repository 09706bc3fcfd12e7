// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_COORDINATOR_ADMISSION_ADMISSION_GATE_H_
#define PINTLE_COORDINATOR_ADMISSION_ADMISSION_GATE_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "contract/limits.h"
#include "sessions/turn_admission.h"

namespace pintle {

// Bounds on turns, by tenant and for all tenants, decided at once: nobody waits here, the queues
// are the workers'. Turns wait until their worker started them, then they run.
// Thread: safe from any thread. Its tickets may outlive it.
// Fails: TENANT_QUOTA with QuotaFailure at the tenant's bound, QUEUE_FULL at everybody's; RetryInfo
// always.
class AdmissionGate final : public TurnAdmission {
 public:
  struct Options {
    // Half of what one worker runs and queues, so that one tenant never fills a fleet alone.
    std::int64_t tenant_running_max = static_cast<std::int64_t>(limits::kRunningSequences);
    std::int64_t tenant_waiting_max = static_cast<std::int64_t>(limits::kQueueRequests) / 2;
    // Turns of all tenants waiting at once: what a few workers' queues hold.
    std::int64_t waiting_max = 4 * static_cast<std::int64_t>(limits::kQueueRequests);
    absl::Duration retry_after = absl::Seconds(1);
  };

  explicit AdmissionGate(Options options);

  absl::StatusOr<std::unique_ptr<AdmissionTicket>> Admit(const TenantId& tenant,
                                                         const TurnCost& cost) override;

  // Turns of all tenants now.
  std::int64_t running() const;
  std::int64_t waiting() const;

 private:
  struct Counts;
  class Ticket;

  const Options options_;
  // Shared with the tickets.
  const std::shared_ptr<Counts> counts_;
};

}  // namespace pintle

#endif  // PINTLE_COORDINATOR_ADMISSION_ADMISSION_GATE_H_

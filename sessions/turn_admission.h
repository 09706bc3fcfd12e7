// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_TURN_ADMISSION_H_
#define PINTLE_SESSIONS_TURN_ADMISSION_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "contract/ids.h"

namespace pintle {

// A turn's place within its tenant's bounds, given back by the destructor.
// Thread: safe from any thread. May outlive the gate that gave it.
class AdmissionTicket {
 public:
  virtual ~AdmissionTicket() = default;
  // The turn left its worker's queue.
  virtual void Started() = 0;
};

// What a turn may cost, estimated before it is tokenized: the seam for budgets in tokens.
struct TurnCost {
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
};

// Decides at once whether a tenant may run one more turn.
// Thread: safe from any thread. Never waits.
class TurnAdmission {
 public:
  virtual ~TurnAdmission() = default;
  // RESOURCE_EXHAUSTED: TENANT_QUOTA for the tenant's own bound, QUEUE_FULL for everybody's.
  virtual absl::StatusOr<std::unique_ptr<AdmissionTicket>> Admit(const TenantId& tenant,
                                                                 const TurnCost& cost) = 0;
};

}  // namespace pintle

#endif  // PINTLE_SESSIONS_TURN_ADMISSION_H_

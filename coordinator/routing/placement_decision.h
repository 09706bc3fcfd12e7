// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_COORDINATOR_ROUTING_PLACEMENT_DECISION_H_
#define PINTLE_COORDINATOR_ROUTING_PLACEMENT_DECISION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "contract/ids.h"

namespace pintle {

// Why a worker costs what it costs, all terms in seconds.
struct PlacementTerms {
  WorkerId worker;
  Incarnation incarnation = 0;
  double queue = 0;     // prefill of what waits there and of the turn's own input
  double decode = 0;    // slowdown this turn's output and the running turns cause each other
  double pressure = 0;  // prefilling again what must be evicted for this turn
  double bring = 0;     // prefilling the transcript where its KV is not
  double Total() const { return queue + decode + pressure + bring; }
};

struct PlacementDecision {
  PlacementTerms chosen;
  // Every candidate, ordered by worker id.
  std::vector<PlacementTerms> candidates;
  std::string model;
  // Tokens the turn is expected to prefill where it was placed: what to book there.
  std::int64_t uncached_tokens = 0;
  bool resident = false;
};

}  // namespace pintle

#endif  // PINTLE_COORDINATOR_ROUTING_PLACEMENT_DECISION_H_

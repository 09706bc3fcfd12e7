// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_COORDINATOR_ROUTING_PLACE_H_
#define PINTLE_COORDINATOR_ROUTING_PLACE_H_

#include <string>

#include "absl/status/statusor.h"
#include "contract/turn_placer.h"
#include "coordinator/membership/worker_registry.h"
#include "coordinator/routing/booking_ledger.h"
#include "coordinator/routing/placement_decision.h"

// Where a turn runs: a session with a transcript stays with the worker it is bound to while that
// one takes turns; any other turn goes where the sum of all terms, each in seconds, is lowest, ties
// by rendezvous hash. Thread: pure functions. Cost: O(workers).
namespace pintle {

// Rates and ratios assumed where no worker of the model has measured one. They only weigh the terms
// against each other; equal for all candidates, they never prefer one.
inline constexpr double kPrefillRateAssumed = 1000;  // tokens/s: a small model on one CPU core
inline constexpr double kDecodeRateAssumed = 50;
inline constexpr double kBytesPerTokenAssumed = 4;  // English prose and code
// Turns rarely make all the output they may.
inline constexpr double kOutputTokensExpectedMax = 256;

// A figure a worker did not report counts as the worst one its peers reported, because unknown is
// not zero; where no peer knows it either, as nothing or the assumed rate, alike for all.
// NO_WORKER when the fleet is empty, or lost its workers of this model. MODEL_NOT_FOUND when it
// never had one. DRAINING when all of them drain. INVALID_FIELD for an empty model among several.
absl::StatusOr<PlacementDecision> Place(const FleetSnapshot& fleet, const BookingLedger& booked,
                                        const PlacementQuery& query);

// The served model's name, empty meaning the only one; errors as Place but DRAINING.
absl::StatusOr<std::string> ResolveModelIn(const FleetSnapshot& fleet, const std::string& model);

// The decision in one log line: no text, no tenant's secret, ids and seconds only.
std::string LogLine(const PlacementDecision& decision, const PlacementQuery& query);

}  // namespace pintle

#endif  // PINTLE_COORDINATOR_ROUTING_PLACE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_SPECULATION_DRAFT_CHOICE_H_
#define PINTLE_WORKER_SPECULATION_DRAFT_CHOICE_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "worker/scheduler/step_cost.h"

namespace pintle {

// What one decoding sequence could try in the next step.
struct DraftOffer {
  std::int32_t tokens = 0;
  double odds = 0;  // that a draft is accepted when all before it were; below 1
};

// How many of its drafts each offer gets in a step of `decoding` sequences, those without an offer
// included: the likeliest first, as many as make the most tokens per second by what steps have
// cost, a row never less than a fiftieth of a step. None where that gains less than 5 %, which
// figures may be wrong by; no more than lengthen the step by 10 % where it has sequences that get
// none, for they only wait longer; at most twice the rows of any step so far, so that what a row
// costs here is learned with a cheap one.
// Pure; O(StepCost::kExactRows * offers).
std::vector<std::int32_t> ChooseDrafts(absl::Span<const DraftOffer> offers, std::int32_t decoding,
                                       const StepCost& cost);

}  // namespace pintle

#endif  // PINTLE_WORKER_SPECULATION_DRAFT_CHOICE_H_

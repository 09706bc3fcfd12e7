// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TEXT_SEAM_TURN_HISTORY_H_
#define PINTLE_WORKER_TEXT_SEAM_TURN_HISTORY_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/generation.h"
#include "contract/turn.h"
#include "worker/text/seam/text_model.h"

namespace pintle::text {

// What a turn on a transcript of whole turns would commit: PlanHistory for chats; prompts and ids
// are appended as they are, special tokens of the post-processor (BOS) only to an empty transcript.
// Stateless, safe anywhere. Fails with the errors of PlanHistory and TextModel::Encode;
// INVALID_FIELD for ids outside the vocabulary and for empty input.
absl::StatusOr<TurnPrepared> PrepareTurn(const TextModel& model,
                                         absl::Span<const TranscriptTurn> turns,
                                         const GenerationInput& input, absl::Time frozen_clock);

}  // namespace pintle::text

#endif  // PINTLE_WORKER_TEXT_SEAM_TURN_HISTORY_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TURN_CHOICE_OUTPUT_H_
#define PINTLE_WORKER_TURN_CHOICE_OUTPUT_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "contract/generation.h"
#include "contract/turn.h"
#include "worker/engine/engine_turn.h"
#include "worker/text/seam/output_text.h"

namespace pintle {

// One choice on its way from the engine's tokens to chunks: text, held-back tokens, stop strings,
// log-probabilities that stay with their tokens.
// Thread: confined to the turn's text job. Borrows the text model.
// Fails: INTERNAL when a token cut by a stop string cannot be spelled.
class ChoiceOutput {
 public:
  ChoiceOutput(std::int32_t choice, const text::TextModel& model, const GenerationRequest& request,
               ResolvedStopping stopping);

  // Takes the next token; the chunk to deliver, if any is complete. Requires: !finished().
  absl::StatusOr<std::optional<TurnChunk>> Push(EngineToken token);
  // The choice ended: what was held back. Empty when nothing was.
  std::optional<TurnChunk> Finish(FinishReason reason);

  bool finished() const { return finished_; }
  // A stop string ended it; finished() is true then.
  bool stopped() const { return text_.stopped(); }
  // The stop string that did, empty when none did.
  const std::string& matched_stop() const { return text_.matched_stop(); }
  FinishReason reason() const { return reason_; }
  const std::vector<TokenId>& delivered() const { return delivered_; }
  const std::string& text() const { return text_.delivered_text(); }

 private:
  text::TokenTreatment TreatmentOf(const EngineToken& token) const;
  std::optional<TurnChunk> Chunk(text::DeliveredText delivered);

  const std::int32_t choice_;
  const ResolvedStopping stopping_;
  text::OutputText text_;
  std::deque<TokenLogprob> logprobs_;  // of tokens held back
  std::vector<TokenId> delivered_;
  bool finished_ = false;
  FinishReason reason_ = FinishReason::kLength;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_TURN_CHOICE_OUTPUT_H_

// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/speculator.h"

#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "contract/check.h"
#include "contract/errors.h"
#include "worker/speculation/draft_choice.h"

namespace pintle {

absl::Status SpeculationOptions::Validate() const {
  if (tokens_max >= 1 && tokens_max <= limits::kDraftTokens) return absl::OkStatus();
  return InvalidField("speculation.tokens_max",
                      absl::StrCat("is ", tokens_max, ", limit 1 to ", limits::kDraftTokens));
}

void Speculator::Look(ActiveTurn& turn, std::int32_t index) {
  ActiveChoice& choice = turn.choice(index);
  if (choice.drafter == nullptr) choice.drafter = std::make_unique<SequenceDrafter>();
  // The step's own row makes one token more.
  choice.drafter->Look(choice.tokens, std::min(options_.tokens_max, turn.OutputLeft(index) - 1));
}

void Speculator::Propose(TurnTable& table, const StepCost& cost, StepInput& input) {
  if (!options_.enabled || !input.waiting.empty()) return;
  std::int32_t decoding = 0;
  for (const RunningSequence& sequence : input.sequences) {
    if (sequence.tokens_left == 0 || input.running[sequence.turn].paused) continue;
    if (sequence.tokens_left > 1) return;
    ++decoding;
  }
  if (decoding == 0 || decoding >= StepCost::kExactRows) return;
  std::vector<DraftOffer> offers;
  std::vector<RunningSequence*> from;
  for (RunningSequence& sequence : input.sequences) {
    if (sequence.tokens_left != 1 || input.running[sequence.turn].paused) continue;
    ActiveTurn& turn = *table.Find(ActiveTurn::TurnOf(sequence.sequence));
    const std::int32_t index = ActiveTurn::ChoiceOf(sequence.sequence);
    const bool ready = !turn.AwaitsFork() && !turn.NeedsScores() && !turn.Output(index).empty() &&
                       turn.choice(index).refusals == 0;
    if (!ready) continue;
    Look(turn, index);
    const DraftOffer offer = turn.choice(index).drafter->Offer();
    if (offer.tokens == 0) continue;
    offers.push_back(offer);
    from.push_back(&sequence);
  }
  if (offers.empty()) return;
  const std::vector<std::int32_t> chosen = ChooseDrafts(offers, decoding, cost);
  for (std::size_t i = 0; i < from.size(); ++i) {
    from[i]->drafts = options_.at_any_cost ? offers[i].tokens : chosen[i];
  }
}

absl::Span<const std::int32_t> Speculator::Judge(const StepBuilder& step, const StepResult& result,
                                                 TurnTable& table) {
  counted_.assign(step.slices().size(), 1);
  wasted_rows_ = 0;
  for (std::size_t i = 0; i < step.slices().size(); ++i) {
    const StepBuilder::SliceOrigin& slice = step.slices()[i];
    if (slice.drafts > 0) counted_[i] = JudgeSlice(step, i, result, *table.Find(slice.turn));
  }
  return counted_;
}

std::int32_t Speculator::JudgeSlice(const StepBuilder& step, std::size_t slice,
                                    const StepResult& result, ActiveTurn& turn) {
  const StepBuilder::SliceOrigin& origin = step.slices()[slice];
  SequenceDrafter& drafter = *turn.choice(origin.choice).drafter;
  const absl::Span<const TokenId> drafts = step.DraftsOf(slice);
  std::int32_t counted = 0;
  bool failed = false;
  for (; counted <= origin.drafts; ++counted) {
    const SampledRow& row = result.rows[origin.first_sample + static_cast<std::size_t>(counted)];
    failed = !row.status.ok();
    if (failed) break;
    const bool last = counted == origin.drafts ||
                      row.token != drafts[static_cast<std::size_t>(counted)] ||
                      turn.Ending(origin.choice, row.token, counted).has_value();
    if (last) {
      ++counted;
      break;
    }
  }
  const std::int32_t gained = std::max(counted - 1, 0);
  drafted_ += origin.drafts;
  accepted_ += gained;
  wasted_rows_ += origin.drafts - gained;
  drafter.Learn(origin.drafts, gained);
  if (failed) drafter.Stop();
  return counted;
}

}  // namespace pintle

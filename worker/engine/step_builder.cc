// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/step_builder.h"

#include <algorithm>
#include <optional>

#include "contract/status_macros.h"

namespace pintle {

void StepBuilder::Clear() {
  batch_.Clear();
  slices_.clear();
  samples_.clear();
}

absl::Status StepBuilder::Add(ActiveTurn& turn, std::int32_t index, std::int32_t rows,
                              kv::KvCache& cache, absl::Duration now) {
  ActiveChoice& choice = turn.choice(index);
  const Position start = choice.kv.tokens();
  PINTLE_RETURN_IF_ERROR(cache.Grow(choice.kv, start + rows, now));
  if (const std::optional<kv::BlockCopy> copy = cache.TakeCopy(choice.kv); copy.has_value()) {
    batch_.copies.push_back({copy->source, copy->target, copy->tokens});
  }
  const auto first_row = static_cast<std::int32_t>(batch_.tokens.size());
  const auto first = choice.tokens.begin() + start;
  batch_.tokens.insert(batch_.tokens.end(), first, first + rows);
  batch_.slices.push_back(
      {turn.SequenceOf(index), first_row, rows, start, choice.kv.block_table()});
  const std::int32_t prompt_rows = std::clamp(turn.prompt_tokens() - start, 0, rows);
  slices_.push_back({turn.id(), index, start, rows, prompt_rows});
  if (turn.NeedsScores()) AddScores(turn, slices_.back(), first_row);
  AddSamples(turn, slices_.back(), first_row);
  return absl::OkStatus();
}

void StepBuilder::AddScores(const ActiveTurn& turn, const SliceOrigin& origin,
                            std::int32_t first_row) {
  // The row of position p gives the distribution of position p + 1.
  const Position last = std::min(origin.start + origin.rows, turn.prompt_tokens() - 1);
  for (Position scored = std::max(origin.start + 1, turn.scored); scored <= last; ++scored) {
    SampleRequest request;
    request.row = first_row + scored - 1 - origin.start;
    request.slice = static_cast<std::int32_t>(slices_.size()) - 1;
    request.logprobs = true;
    request.top_logprobs = turn.request().top_logprobs;
    request.target = turn.prompt()[static_cast<std::size_t>(scored)];
    batch_.samples.push_back(request);
    samples_.push_back({slices_.size() - 1, origin.choice, scored});
  }
}

void StepBuilder::AddSamples(const ActiveTurn& turn, const SliceOrigin& origin,
                             std::int32_t first_row) {
  const Position end = origin.start + origin.rows;
  const std::int32_t last_row = first_row + origin.rows - 1;
  if (!turn.AwaitsFork()) {
    const ActiveChoice& choice = turn.choice(origin.choice);
    const bool at_end = end == static_cast<Position>(choice.tokens.size());
    if (at_end && !choice.ended) AddSample(turn, origin.choice, last_row);
    return;
  }
  if (end != turn.prompt_tokens()) return;
  // The prompt's last row serves every choice that has no token yet.
  for (std::int32_t i = 0; i < turn.choices(); ++i) {
    if (!turn.choice(i).ended && turn.Output(i).empty()) AddSample(turn, i, last_row);
  }
}

void StepBuilder::AddSample(const ActiveTurn& turn, std::int32_t index, std::int32_t row) {
  const EngineTurn& wanted = turn.request();
  SampleRequest request;
  request.row = row;
  request.slice = static_cast<std::int32_t>(slices_.size()) - 1;
  request.sampling = &wanted.sampling;
  request.choice = index;
  request.output = turn.Output(index);
  request.index = static_cast<std::int32_t>(request.output.size());
  request.context = turn.choice(index).tokens;
  request.masked = turn.Masked(index);
  request.logprobs = wanted.logprobs;
  request.top_logprobs = wanted.logprobs ? wanted.top_logprobs : 0;
  batch_.samples.push_back(request);
  samples_.push_back({slices_.size() - 1, index, -1});
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/step_builder.h"

#include <algorithm>
#include <optional>

#include "contract/check.h"
#include "contract/status_macros.h"

namespace pintle {

void StepBuilder::Clear() {
  batch_.Clear();
  slices_.clear();
  samples_.clear();
  contexts_used_ = 0;
}

absl::Span<const TokenId> StepBuilder::RowsOf(std::size_t slice) const {
  const SequenceSlice& rows = batch_.slices[slice];
  return absl::MakeConstSpan(batch_.tokens)
      .subspan(static_cast<std::size_t>(rows.first_row), static_cast<std::size_t>(rows.rows));
}

absl::Span<const TokenId> StepBuilder::DraftsOf(std::size_t slice) const {
  return RowsOf(slice).last(static_cast<std::size_t>(slices_[slice].drafts));
}

absl::Status StepBuilder::Add(ActiveTurn& turn, std::int32_t index, std::int32_t known,
                              kv::KvCache& cache, absl::Duration now,
                              absl::Span<const TokenId> drafts) {
  ActiveChoice& choice = turn.choice(index);
  const Position start = choice.kv.tokens();
  const auto drafted = static_cast<std::int32_t>(drafts.size());
  const std::int32_t rows = known + drafted;
  PINTLE_CHECK(drafts.empty() || (!turn.AwaitsFork() && known == turn.TokensLeft(index)),
               "drafts follow all that is known");
  PINTLE_RETURN_IF_ERROR(cache.Grow(choice.kv, start + rows, now));
  if (const std::optional<kv::BlockCopy> copy = cache.TakeCopy(choice.kv); copy.has_value()) {
    batch_.copies.push_back({copy->source, copy->target, copy->tokens});
  }
  const auto first_row = static_cast<std::int32_t>(batch_.tokens.size());
  const auto first = choice.tokens.begin() + start;
  batch_.tokens.insert(batch_.tokens.end(), first, first + known);
  batch_.tokens.insert(batch_.tokens.end(), drafts.begin(), drafts.end());
  batch_.slices.push_back(
      {turn.SequenceOf(index), first_row, rows, start, choice.kv.block_table()});
  const std::int32_t prompt_rows = std::clamp(turn.prompt_tokens() - start, 0, rows);
  slices_.push_back(
      {turn.id(), index, start, rows, prompt_rows, drafted, batch_.samples.size()});
  if (turn.NeedsScores()) AddScores(turn, slices_.back(), first_row);
  AddSamples(turn, slices_.back(), first_row);
  AddDraftSamples(turn, slices_.back(), drafts);
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
  const std::int32_t rows = origin.rows - origin.drafts;
  const Position end = origin.start + rows;
  const std::int32_t last_row = first_row + rows - 1;
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

void StepBuilder::AddDraftSamples(const ActiveTurn& turn, const SliceOrigin& origin,
                                  absl::Span<const TokenId> drafts) {
  if (drafts.empty()) return;
  if (contexts_used_ == contexts_.size()) contexts_.emplace_back();
  std::vector<TokenId>& context = contexts_[contexts_used_++];
  const std::vector<TokenId>& known = turn.choice(origin.choice).tokens;
  context.assign(known.begin(), known.end());
  context.insert(context.end(), drafts.begin(), drafts.end());
  const SampleRequest first = batch_.samples.back();
  for (std::size_t ahead = 1; ahead <= drafts.size(); ++ahead) {
    const auto more = static_cast<std::int32_t>(ahead);
    SampleRequest request = first;
    request.row += more;
    request.index += more;
    request.context = absl::MakeConstSpan(context).first(known.size() + ahead);
    request.output = request.context.subspan(turn.prompt().size());
    request.masked = turn.Masked(origin.choice, more);
    batch_.samples.push_back(request);
    samples_.push_back({slices_.size() - 1, origin.choice, -1, more});
  }
}

}  // namespace pintle

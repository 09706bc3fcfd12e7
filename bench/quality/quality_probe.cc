// SPDX-License-Identifier: Apache-2.0
#include "bench/quality/quality_probe.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "contract/status_macros.h"

namespace pintle::bench {
namespace {

constexpr std::size_t kStepRows = 512;

TokenId ArgMax(absl::Span<const float> logits) {
  return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// Nats of surprise at `token`.
double Loss(absl::Span<const float> logits, TokenId token) {
  const float peak = *std::max_element(logits.begin(), logits.end());
  double total = 0.0;
  for (const float logit : logits) total += std::exp(logit - peak);
  return std::log(total) + peak - logits[static_cast<std::size_t>(token)];
}

bool Ends(const std::vector<TokenId>& eos, TokenId token) {
  return std::find(eos.begin(), eos.end(), token) != eos.end();
}

}  // namespace

absl::StatusOr<std::unique_ptr<QualityProbe>> QualityProbe::Open(
    const model::TorchDecoderOptions& options, std::int64_t tokens) {
  PINTLE_ASSIGN_OR_RETURN(auto decoder, model::TorchDecoder::Load(options));
  const std::int64_t blocks = tokens / decoder->Layout().block_tokens + 1;
  PINTLE_RETURN_IF_ERROR(decoder->AllocateKv(static_cast<std::int32_t>(blocks)));
  return std::unique_ptr<QualityProbe>(new QualityProbe(std::move(decoder)));
}

std::vector<BlockIndex> QualityProbe::Table(std::size_t index, std::size_t tokens) const {
  const auto width = static_cast<std::size_t>(decoder_->Layout().block_tokens);
  const std::size_t blocks = (tokens + width - 1) / width;
  std::vector<BlockIndex> table;
  for (std::size_t b = 0; b < blocks; ++b) {
    table.push_back(static_cast<BlockIndex>(index * blocks + b));
  }
  return table;
}

absl::StatusOr<std::vector<std::vector<TokenId>>> QualityProbe::Greedy(
    const std::vector<std::vector<TokenId>>& prompts, std::size_t count) {
  std::size_t longest = 0;
  for (const auto& prompt : prompts) longest = std::max(longest, prompt.size());
  std::vector<std::vector<BlockIndex>> tables;
  std::vector<std::vector<TokenId>> answers(prompts.size());
  std::vector<std::size_t> fed(prompts.size(), 0);
  for (std::size_t i = 0; i < prompts.size(); ++i) tables.push_back(Table(i, longest + count));
  const std::vector<TokenId>& eos = decoder_->Info().eos_token_ids;
  while (true) {
    StepBatch batch;
    std::vector<std::size_t> owners;
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      if (answers[i].size() == count) continue;
      if (!answers[i].empty() && Ends(eos, answers[i].back())) continue;
      // A whole prompt, but not more than a step takes; or the token just chosen.
      const auto next = answers[i].empty() ? absl::MakeConstSpan(prompts[i])
                                           : absl::MakeConstSpan(&answers[i].back(), 1);
      if (!batch.tokens.empty() && batch.tokens.size() + next.size() > kStepRows) continue;
      const auto rows = static_cast<std::int32_t>(next.size());
      batch.slices.push_back({i, static_cast<std::int32_t>(batch.tokens.size()), rows,
                              static_cast<Position>(fed[i]), tables[i]});
      batch.tokens.insert(batch.tokens.end(), next.begin(), next.end());
      batch.samples.emplace_back();
      batch.samples.back().row = static_cast<std::int32_t>(batch.tokens.size()) - 1;
      batch.samples.back().slice = static_cast<std::int32_t>(batch.slices.size()) - 1;
      owners.push_back(i);
    }
    if (owners.empty()) return answers;
    std::vector<TokenId> chosen(owners.size());
    PINTLE_RETURN_IF_ERROR(
        decoder_->Logits(batch, [&](int /*thread*/, std::size_t sample, absl::Span<float> logits) {
          chosen[sample] = ArgMax(logits);
        }));
    for (std::size_t s = 0; s < owners.size(); ++s) {
      fed[owners[s]] += static_cast<std::size_t>(batch.slices[s].rows);
      answers[owners[s]].push_back(chosen[s]);
    }
  }
}

absl::StatusOr<Forced> QualityProbe::Force(const std::vector<std::vector<TokenId>>& sequences,
                                           const std::vector<std::size_t>& first) {
  Forced forced;
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    const std::vector<TokenId>& tokens = sequences[s];
    const std::vector<BlockIndex> table = Table(0, tokens.size());
    const std::size_t end = tokens.size() - 1;
    for (std::size_t start = 0; start < end; start += kStepRows) {
      const std::size_t stop = std::min(end, start + kStepRows);
      StepBatch batch;
      batch.tokens.assign(tokens.begin() + static_cast<std::ptrdiff_t>(start),
                          tokens.begin() + static_cast<std::ptrdiff_t>(stop));
      batch.slices.push_back({1, 0, static_cast<std::int32_t>(stop - start),
                              static_cast<Position>(start), table});
      const std::size_t from = std::max(start, first[s]);
      for (std::size_t i = from; i < stop; ++i) {
        batch.samples.emplace_back();
        batch.samples.back().row = static_cast<std::int32_t>(i - start);
      }
      std::vector<TokenId> chosen(batch.samples.size());
      std::vector<double> losses(batch.samples.size());
      const auto vocabulary = static_cast<std::size_t>(decoder_->Info().vocabulary);
      const std::size_t kept = (vocabulary + kLogitStep - 1) / kLogitStep;
      const std::size_t end_before = forced.logits.size();
      forced.logits.resize(end_before + kept * batch.samples.size());
      PINTLE_RETURN_IF_ERROR(decoder_->Logits(
          batch, [&](int /*thread*/, std::size_t sample, absl::Span<float> logits) {
            chosen[sample] = ArgMax(logits);
            for (std::size_t i = 0; i < kept; ++i) {
              forced.logits[end_before + sample * kept + i] = logits[i * kLogitStep];
            }
            losses[sample] = Loss(logits, tokens[from + sample + 1]);
          }));
      forced.chosen.insert(forced.chosen.end(), chosen.begin(), chosen.end());
      for (const double loss : losses) forced.loss += loss;
    }
  }
  return forced;
}

}  // namespace pintle::bench

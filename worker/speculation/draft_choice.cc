// SPDX-License-Identifier: Apache-2.0
#include "worker/speculation/draft_choice.h"

#include <algorithm>
#include <cstddef>

namespace pintle {
namespace {

constexpr double kGain = 1.05;
constexpr double kDelay = 1.10;
// What a row costs at least, of a step without drafts: figures of few steps may say that it is
// free, and then drafts that are hardly ever accepted would seem worth it.
constexpr double kLeastOfARow = 0.02;

}  // namespace

std::vector<std::int32_t> ChooseDrafts(absl::Span<const DraftOffer> offers, std::int32_t decoding,
                                       const StepCost& cost) {
  std::vector<std::int32_t> best(offers.size(), 0);
  if (offers.empty() || decoding < 1 || decoding >= StepCost::kExactRows) return best;
  const double alone = cost.DecodeSeconds(decoding);
  if (alone <= 0) return best;
  std::vector<std::int32_t> chosen(offers.size(), 0);
  std::vector<double> odds;  // of each offer's next draft
  for (const DraftOffer& offer : offers) odds.push_back(offer.odds);
  double tokens = decoding;
  double most = kGain * tokens / alone;
  std::int32_t drafting = 0;
  const std::int32_t rows_max =
      std::min(StepCost::kExactRows, std::max(decoding + 1, 2 * cost.WidestDecode()));
  for (std::int32_t rows = decoding + 1; rows <= rows_max; ++rows) {
    std::size_t likeliest = offers.size();
    for (std::size_t i = 0; i < offers.size(); ++i) {
      if (chosen[i] == offers[i].tokens) continue;
      if (likeliest == offers.size() || odds[i] > odds[likeliest]) likeliest = i;
    }
    if (likeliest == offers.size()) break;
    if (++chosen[likeliest] == 1) ++drafting;
    tokens += odds[likeliest];
    odds[likeliest] *= offers[likeliest].odds;
    const double measured = cost.DecodeSeconds(rows);
    if (drafting < decoding && measured > kDelay * alone) continue;
    // A wider step that seems as fast was measured at a better moment.
    const double seconds = std::max(alone * (1 + kLeastOfARow * (rows - decoding)), measured);
    if (tokens / seconds <= most) continue;
    most = tokens / seconds;
    best = chosen;
  }
  return best;
}

}  // namespace pintle

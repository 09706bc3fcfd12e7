// SPDX-License-Identifier: Apache-2.0
#include "worker/speculation/sequence_drafter.h"

#include <algorithm>
#include <iterator>

#include "contract/check.h"

namespace pintle {
namespace {

// By length of the match, what prose and code had on average; a handful of drafts corrects them.
constexpr double kFirstOdds[] = {0.15, 0.25, 0.35, 0.45, 0.55, 0.7, 0.85};
// What the first odds are worth: as if so many drafts had had them. Each draft's fate weighs as
// much as one of all drafts before it, and never less than one of kRemembered.
constexpr std::int32_t kSeenBefore = 2;
constexpr std::int32_t kRemembered = 8;
// Weight for the odds of other lengths, of which a fate says only what kind of text this is.
constexpr double kWeightOfOthers = 1.0 / 4;
constexpr double kLeastOfOthers = 0.5;
// Odds of 1 would promise that drafts never end.
constexpr double kOddsMax = 0.99;
constexpr std::int32_t kProbeEvery = 64;
// Enough for a row that costs little; a probe is paid only where that holds.
constexpr double kProbeOdds = 0.5;

}  // namespace

SequenceDrafter::SequenceDrafter() {
  static_assert(std::size(kFirstOdds) == kClasses);
  for (std::size_t i = 0; i < kClasses; ++i) classes_[i] = {kFirstOdds[i], kSeenBefore, 0};
}

std::size_t SequenceDrafter::ClassOf(std::int32_t length) {
  if (length <= NgramIndex::kLongest) {
    return static_cast<std::size_t>(length - NgramIndex::kShortest);
  }
  return length < 16 ? kClasses - 2 : kClasses - 1;
}

void SequenceDrafter::Look(absl::Span<const TokenId> tokens, std::int32_t most) {
  drafts_.clear();
  if (stopped_) return;
  const NgramIndex::Match match = index_.Extend(tokens);
  if (match.length == 0 || most <= 0) return;
  class_ = ClassOf(match.length);
  Class& found = classes_[class_];
  found.passed_over = std::min(found.passed_over + 1, kProbeEvery);
  NgramIndex::Continue(tokens, match.next, Probes() ? 1 : most, &drafts_);
}

bool SequenceDrafter::Probes() const {
  return classes_[class_].passed_over == kProbeEvery && classes_[class_].odds < kProbeOdds;
}

DraftOffer SequenceDrafter::Offer() const {
  return {static_cast<std::int32_t>(drafts_.size()),
          Probes() ? kProbeOdds : std::min(classes_[class_].odds, kOddsMax)};
}

void SequenceDrafter::Learn(std::int32_t tried, std::int32_t accepted) {
  PINTLE_CHECK(tried > 0 && accepted >= 0 && accepted <= tried &&
                   tried <= static_cast<std::int32_t>(drafts_.size()),
               "drafts that were found");
  Class& of = classes_[class_];
  of.passed_over = 0;
  const auto see = [&of](double fate) {
    of.seen = std::min(of.seen + 1, kRemembered);
    of.odds += (fate - of.odds) / of.seen;
  };
  for (std::int32_t i = 0; i < accepted; ++i) see(1.0);
  if (accepted < tried) see(0.0);
  if (accepted > 0) return;
  for (std::size_t i = 0; i < kClasses; ++i) {
    const double least = kLeastOfOthers * kFirstOdds[i];
    if (i != class_ && classes_[i].odds > least) {
      classes_[i].odds -= kWeightOfOthers * (classes_[i].odds - least);
    }
  }
}

void SequenceDrafter::Stop() {
  stopped_ = true;
  drafts_.clear();
}

}  // namespace pintle

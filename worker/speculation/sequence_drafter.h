// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_SPECULATION_SEQUENCE_DRAFTER_H_
#define PINTLE_WORKER_SPECULATION_SEQUENCE_DRAFTER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "contract/ids.h"
#include "worker/speculation/draft_choice.h"
#include "worker/speculation/ngram_index.h"

namespace pintle {

// Drafts for one sequence from its own tokens (Saxena 2023, "Prompt lookup decoding"): what
// followed when its last tokens occurred before. How often such drafts are accepted is measured by
// the length of the match, the first fates weighing most, so that chance repetitions of free text
// soon cost nothing while a quotation in the same answer is still taken up at once. A step that
// accepts none lowers other lengths' odds as well, to no less than half of what they began with. A
// length that is not tried any more is tried with a single draft every 64th time.
// Thread: one at a time. Deterministic. Owns its index. Never fails.
class SequenceDrafter {
 public:
  SequenceDrafter();

  // Finds at most `most` drafts for what follows `tokens`, which begin with those of the last
  // call.
  void Look(absl::Span<const TokenId> tokens, std::int32_t most);
  // What Look found; none after Stop.
  absl::Span<const TokenId> drafts() const { return drafts_; }
  DraftOffer Offer() const;
  // Of the drafts found, the first `tried` were in a step, and of these the first `accepted` were
  // what the model made.
  void Learn(std::int32_t tried, std::int32_t accepted);
  // No drafts any more.
  void Stop();

 private:
  // Matches of 2, 3, 4, 5, 6, 7-15 and more tokens.
  static constexpr std::size_t kClasses = 7;
  struct Class {
    double odds = 0;
    std::int32_t seen = 0;         // drafts that the odds are the mean of, capped
    std::int32_t passed_over = 0;  // times found since drafts of this class were in a step
  };
  static std::size_t ClassOf(std::int32_t length);
  bool Probes() const;

  NgramIndex index_;
  std::array<Class, kClasses> classes_;
  std::size_t class_ = 0;  // of the drafts found
  std::vector<TokenId> drafts_;
  bool stopped_ = false;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_SPECULATION_SEQUENCE_DRAFTER_H_

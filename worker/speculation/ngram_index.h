// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_SPECULATION_NGRAM_INDEX_H_
#define PINTLE_WORKER_SPECULATION_NGRAM_INDEX_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "contract/ids.h"
#include "contract/limits.h"

namespace pintle {

// Where a growing sequence has been before: the latest earlier place whose last tokens are those
// at the end now, for the longest run of kShortest to kLongest tokens that occurs at all. An
// occurrence that goes on matching for kLongest tokens is kept for as long as it does, so that a
// copy runs through phrases that occur elsewhere too.
// Thread: one at a time. Deterministic.
// Owns about 40 bytes for each of the latest tokens_max tokens, older ones are forgotten by
// halves; the tokens themselves stay the caller's. Never fails.
// Costs O(1) per token, amortised; a probe looks at 64 slots at most, whatever tokens are chosen,
// so a gram may be lost where somebody makes them collide.
class NgramIndex {
 public:
  static constexpr std::int32_t kShortest = 2;
  static constexpr std::int32_t kLongest = 6;

  struct Match {
    std::size_t next = 0;     // the token after the earlier occurrence
    std::int32_t length = 0;  // tokens known to be equal, at most kLengthMax; 0: no match
  };
  // Longer runs are no more telling.
  static constexpr std::int32_t kLengthMax = 1024;

  explicit NgramIndex(std::size_t tokens_max = limits::kDraftIndexTokens)
      : tokens_max_(tokens_max) {}

  // The match for the end of `tokens`, which become known too. Requires: they begin with those of
  // the last call.
  Match Extend(absl::Span<const TokenId> tokens);

  // Appends the `count` tokens from `next` on, and, where the sequence ends before, what has been
  // appended: a text that repeats itself goes on repeating.
  static void Continue(absl::Span<const TokenId> tokens, std::size_t next, std::int32_t count,
                       std::vector<TokenId>* out);

 private:
  // Slots hold the end of a gram, 0 when empty.
  using Table = std::vector<std::uint32_t>;

  void Follow(absl::Span<const TokenId> tokens);
  void Insert(absl::Span<const TokenId> tokens, std::size_t end);
  Match Search(absl::Span<const TokenId> tokens) const;
  // The slot of the gram of `length` tokens before `end`, or the empty one for it.
  static std::size_t SlotOf(const Table& table, absl::Span<const TokenId> tokens, std::size_t end,
                            std::size_t length, std::uint64_t hash);

  const std::size_t tokens_max_;
  std::array<Table, kLongest - kShortest + 1> tables_;
  std::size_t begin_ = 0;      // the first token that is indexed
  std::size_t indexed_ = 0;    // grams that end up to here are in the tables
  std::size_t followed_ = 0;   // tokens that the match below has been compared with
  Match match_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_SPECULATION_NGRAM_INDEX_H_

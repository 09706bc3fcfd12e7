// SPDX-License-Identifier: Apache-2.0
#include "worker/speculation/ngram_index.h"

#include <algorithm>
#include <bit>

#include "contract/check.h"

namespace pintle {
namespace {

constexpr std::size_t kProbes = 64;
constexpr std::size_t kSlotsMin = 64;

// Takes the token before a gram into the gram's hash.
std::uint64_t Prepend(std::uint64_t hash, TokenId token) {
  return (hash + static_cast<std::uint64_t>(token) + 1) * 0x9e3779b97f4a7c15U;
}

}  // namespace

NgramIndex::Match NgramIndex::Extend(absl::Span<const TokenId> tokens) {
  PINTLE_CHECK(tokens.size() >= followed_, "a sequence only grows");
  Follow(tokens);
  if (tokens.size() - begin_ > tokens_max_) {
    begin_ = tokens.size() - tokens_max_ / 2;
    indexed_ = begin_;
    for (Table& table : tables_) std::fill(table.begin(), table.end(), 0);
  }
  const std::size_t slots = std::bit_ceil(std::max(kSlotsMin, 2 * (tokens.size() - begin_)));
  if (slots > tables_[0].size()) {
    indexed_ = begin_;
    for (Table& table : tables_) table.assign(slots, 0);
  }
  // The end itself stays out until something follows it: it must not be found as its own past.
  while (indexed_ + 1 < tokens.size()) Insert(tokens, ++indexed_);
  if (match_.length < kLongest) match_ = Search(tokens);
  return match_;
}

void NgramIndex::Follow(absl::Span<const TokenId> tokens) {
  for (; followed_ < tokens.size(); ++followed_) {
    if (match_.length == 0) continue;
    if (tokens[match_.next] == tokens[followed_]) {
      ++match_.next;
      match_.length = std::min(match_.length + 1, kLengthMax);
    } else {
      match_ = Match();
    }
  }
}

std::size_t NgramIndex::SlotOf(const Table& table, absl::Span<const TokenId> tokens,
                               std::size_t end, std::size_t length, std::uint64_t hash) {
  const std::size_t mask = table.size() - 1;
  const std::size_t home = static_cast<std::size_t>(hash >> 32) & mask;
  const absl::Span<const TokenId> gram = tokens.subspan(end - length, length);
  for (std::size_t i = 0; i < kProbes; ++i) {
    const std::size_t slot = (home + i) & mask;
    const std::size_t there = table[slot];
    if (there == 0 || tokens.subspan(there - length, length) == gram) return slot;
  }
  return home;
}

void NgramIndex::Insert(absl::Span<const TokenId> tokens, std::size_t end) {
  std::uint64_t hash = 0;
  const std::size_t longest = std::min<std::size_t>(kLongest, end - begin_);
  for (std::size_t length = 1; length <= longest; ++length) {
    hash = Prepend(hash, tokens[end - length]);
    if (length < kShortest) continue;
    Table& table = tables_[length - kShortest];
    table[SlotOf(table, tokens, end, length, hash)] = static_cast<std::uint32_t>(end);
  }
}

NgramIndex::Match NgramIndex::Search(absl::Span<const TokenId> tokens) const {
  Match match;
  std::uint64_t hash = 0;
  const std::size_t end = tokens.size();
  const std::size_t longest = std::min<std::size_t>(kLongest, end - begin_);
  for (std::size_t length = 1; length <= longest; ++length) {
    hash = Prepend(hash, tokens[end - length]);
    if (length < kShortest) continue;
    const Table& table = tables_[length - kShortest];
    const std::size_t there = table[SlotOf(table, tokens, end, length, hash)];
    // A shorter run that never occurred is the end of every longer one. (After a lost gram the
    // slot may hold another.)
    if (there == 0) break;
    if (!std::equal(tokens.end() - static_cast<std::ptrdiff_t>(length), tokens.end(),
                    tokens.begin() + static_cast<std::ptrdiff_t>(there - length))) {
      break;
    }
    match = {there, static_cast<std::int32_t>(length)};
  }
  return match;
}

void NgramIndex::Continue(absl::Span<const TokenId> tokens, std::size_t next, std::int32_t count,
                          std::vector<TokenId>* out) {
  const std::size_t start = out->size();
  for (std::int32_t i = 0; i < count; ++i, ++next) {
    out->push_back(next < tokens.size() ? tokens[next] : (*out)[start + next - tokens.size()]);
  }
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/speculation/ngram_index.h"

#include <algorithm>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::ElementsAre;
using Tokens = std::vector<TokenId>;

// The latest earlier end of the longest of the last 2..6 tokens that occurs at all, by looking
// everywhere from `begin` on.
NgramIndex::Match Naive(const Tokens& tokens, std::size_t begin) {
  for (std::size_t length = NgramIndex::kLongest; length >= NgramIndex::kShortest; --length) {
    if (tokens.size() - begin < length) continue;
    for (std::size_t end = tokens.size() - 1; end >= begin + length; --end) {
      const auto first = tokens.begin() + static_cast<std::ptrdiff_t>(end - length);
      if (std::equal(tokens.end() - static_cast<std::ptrdiff_t>(length), tokens.end(), first)) {
        return {end, static_cast<std::int32_t>(length)};
      }
    }
  }
  return {};
}

// The same, with a match that is kept while it goes on.
class NaiveIndex {
 public:
  explicit NaiveIndex(std::size_t tokens_max) : tokens_max_(tokens_max) {}

  NgramIndex::Match Extend(const Tokens& tokens) {
    for (; seen_ < tokens.size(); ++seen_) {
      if (match_.length == 0) continue;
      const bool equal = tokens[match_.next] == tokens[seen_];
      match_ = equal ? NgramIndex::Match{match_.next + 1, match_.length + 1} : NgramIndex::Match();
    }
    if (tokens.size() - begin_ > tokens_max_) begin_ = tokens.size() - tokens_max_ / 2;
    if (match_.length < NgramIndex::kLongest) match_ = Naive(tokens, begin_);
    return match_;
  }

 private:
  const std::size_t tokens_max_;
  std::size_t seen_ = 0;
  std::size_t begin_ = 0;
  NgramIndex::Match match_;
};

TEST(NgramIndexTest, NothingIsFoundInWhatNeverRepeats) {
  NgramIndex index;
  EXPECT_EQ(index.Extend({}).length, 0);
  EXPECT_EQ(index.Extend(Tokens{1}).length, 0);
  EXPECT_EQ(index.Extend(Tokens{1, 2, 3, 4, 1}).length, 0);
}

TEST(NgramIndexTest, TheLongestRunWinsOverALaterShorterOne) {
  NgramIndex index;
  const Tokens tokens = {1, 2, 3, 50, 9, 2, 3, 60, 1, 2, 3};
  const NgramIndex::Match match = index.Extend(tokens);
  EXPECT_EQ(match.next, 3U);
  EXPECT_EQ(match.length, 3);
}

TEST(NgramIndexTest, OfEqualRunsTheLatestWins) {
  NgramIndex index;
  EXPECT_EQ(index.Extend(Tokens{1, 2, 50, 1, 2, 60, 1, 2}).next, 5U);
}

TEST(NgramIndexTest, ALongMatchIsKeptWhileItGoesOn) {
  // A document with a phrase in the middle, the phrase alone, then the document again.
  Tokens tokens = {1, 2, 3, 4, 5, 6, 7, 30, 31, 32, 33, 34, 35, 8, 9, 100};
  const Tokens phrase = {30, 31, 32, 33, 34, 35, 200, 201};
  tokens.insert(tokens.end(), phrase.begin(), phrase.end());
  NgramIndex index;
  index.Extend(tokens);
  for (TokenId token : {1, 2, 3, 4, 5, 6, 7, 30, 31, 32, 33, 34, 35}) {
    tokens.push_back(token);
    index.Extend(tokens);
  }
  const NgramIndex::Match match = index.Extend(tokens);
  EXPECT_EQ(match.next, 13U);
  EXPECT_EQ(match.length, 13);
}

TEST(NgramIndexTest, ContinuingPastTheEndRepeatsWhatWasAppended) {
  Tokens drafts = {77};
  NgramIndex::Continue(Tokens{5, 1, 2, 3}, 2, 5, &drafts);
  EXPECT_THAT(drafts, ElementsAre(77, 2, 3, 2, 3, 2));
}

TEST(NgramIndexTest, EqualsALookEverywhere) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(absl::StrCat("round ", round));
    const auto pick = [&](int low, int high) {
      return std::uniform_int_distribution<int>(low, high)(random);
    };
    // Small vocabularies repeat by chance, larger ones by the copies below.
    const int vocabulary = pick(0, 1) == 0 ? pick(2, 5) : pick(20, 1000);
    const auto most = static_cast<std::size_t>(pick(16, 600));
    NgramIndex index(most);
    NaiveIndex naive(most);
    Tokens tokens;
    while (tokens.size() < 700) {
      if (!tokens.empty() && pick(0, 9) == 0) {
        const auto from = static_cast<std::size_t>(pick(0, static_cast<int>(tokens.size()) - 1));
        const std::size_t end = from + static_cast<std::size_t>(pick(1, 30));
        for (std::size_t i = from; i < end; ++i) tokens.push_back(TokenId{tokens[i]});
      } else {
        for (int i = pick(1, 8); i > 0; --i) tokens.push_back(pick(0, vocabulary - 1));
      }
      const NgramIndex::Match expected = naive.Extend(tokens);
      const NgramIndex::Match match = index.Extend(tokens);
      ASSERT_EQ(match.length, expected.length) << tokens.size();
      if (match.length > 0) {
        ASSERT_EQ(match.next, expected.next) << tokens.size();
      }
    }
  }
}

}  // namespace
}  // namespace pintle

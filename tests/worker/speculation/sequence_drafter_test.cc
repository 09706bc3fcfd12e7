// SPDX-License-Identifier: Apache-2.0
#include "worker/speculation/sequence_drafter.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Tokens = std::vector<TokenId>;

TEST(SequenceDrafterTest, DraftsWhatFollowedBefore) {
  SequenceDrafter drafter;
  drafter.Look(Tokens{1, 2, 3, 4, 5, 9, 1, 2}, 3);
  EXPECT_THAT(drafter.drafts(), ElementsAre(3, 4, 5));
  EXPECT_EQ(drafter.Offer().tokens, 3);
}

TEST(SequenceDrafterTest, NoMatchNoRoomAndNoPermissionGiveNone) {
  SequenceDrafter drafter;
  drafter.Look(Tokens{1, 2, 3}, 8);
  EXPECT_THAT(drafter.drafts(), IsEmpty());
  EXPECT_EQ(drafter.Offer().tokens, 0);
  drafter.Look(Tokens{1, 2, 3, 9, 1, 2}, 0);
  EXPECT_THAT(drafter.drafts(), IsEmpty());
  drafter.Stop();
  drafter.Look(Tokens{1, 2, 3, 9, 1, 2}, 8);
  EXPECT_THAT(drafter.drafts(), IsEmpty());
}

// A text whose last two tokens always occurred before, and never longer runs.
class FreeText {
 public:
  const Tokens& Next() {
    if (tokens_.empty()) tokens_ = {1, 2};
    tokens_.insert(tokens_.end(), {next_++, 1, 2});
    return tokens_;
  }
  // Then a run of its own, which begins once more.
  Tokens NextWithQuotation() {
    Tokens tokens = Next();
    tokens.insert(tokens.end(), {3, 4, 5, 6, 7, 8, 9, 50, 3, 4, 5, 6});
    return tokens;
  }

 private:
  Tokens tokens_;
  TokenId next_ = 1000;
};

TEST(SequenceDrafterTest, RefusalsLowerTheOddsOfTheirLengthMost) {
  SequenceDrafter drafter;
  FreeText text;
  drafter.Look(text.Next(), 4);
  const double before = drafter.Offer().odds;
  for (int i = 0; i < 60; ++i) {
    drafter.Learn(1, 0);
    drafter.Look(text.Next(), 4);
    if (i >= 5) {
      EXPECT_LT(drafter.Offer().odds, 0.5 * before);
    }
  }
  EXPECT_LT(drafter.Offer().odds, 0.01 * before);
  // A quotation in the same text: doubted more than in a text that refused nothing, yet taken up.
  const Tokens tokens = text.NextWithQuotation();
  drafter.Look(tokens, 4);
  SequenceDrafter fresh;
  fresh.Look(tokens, 4);
  EXPECT_THAT(drafter.drafts(), ElementsAre(7, 8, 9, 50));
  EXPECT_LT(drafter.Offer().odds, 0.6 * fresh.Offer().odds);
  EXPECT_GE(drafter.Offer().odds, 0.5 * fresh.Offer().odds);
}

TEST(SequenceDrafterTest, TheFirstFatesWeighMost) {
  SequenceDrafter drafter;
  FreeText text;
  drafter.Look(text.Next(), 4);
  const double before = drafter.Offer().odds;
  std::vector<double> left;
  for (int i = 0; i < 8; ++i) {
    drafter.Learn(1, 0);
    drafter.Look(text.Next(), 4);
    left.push_back(drafter.Offer().odds / before);
  }
  // Means of two drafts with the first odds and of what was refused since; then of the last eight.
  EXPECT_NEAR(left[0], 2.0 / 3, 1e-9);
  EXPECT_NEAR(left[1], 2.0 / 4, 1e-9);
  EXPECT_NEAR(left[5], 2.0 / 8, 1e-9);
  EXPECT_NEAR(left[6], 2.0 / 8 * 7 / 8, 1e-9);
  EXPECT_NEAR(left[7], 2.0 / 8 * 7 / 8 * 7 / 8, 1e-9);
}

TEST(SequenceDrafterTest, AStepThatAcceptsSomeLowersNoOtherOdds) {
  SequenceDrafter drafter;
  FreeText text;
  drafter.Look(text.Next(), 4);
  for (int i = 0; i < 20; ++i) {
    drafter.Learn(3, 1);
    drafter.Look(text.Next(), 4);
  }
  const Tokens tokens = text.NextWithQuotation();
  drafter.Look(tokens, 4);
  SequenceDrafter fresh;
  fresh.Look(tokens, 4);
  EXPECT_EQ(drafter.Offer().odds, fresh.Offer().odds);
}

TEST(SequenceDrafterTest, AcceptedDraftsRaiseTheOdds) {
  SequenceDrafter drafter;
  FreeText text;
  drafter.Look(text.Next(), 8);
  for (int i = 0; i < 5; ++i) {
    drafter.Learn(3, 3);
    drafter.Look(text.Next(), 8);
  }
  EXPECT_GT(drafter.Offer().odds, 0.8);
  EXPECT_LT(drafter.Offer().odds, 1.0);
}

TEST(SequenceDrafterTest, WhatIsNotTriedIsProbedWithOneDraftNowAndThen) {
  SequenceDrafter drafter;
  FreeText text;
  drafter.Look(text.Next(), 8);
  for (int i = 0; i < 30; ++i) {
    drafter.Learn(1, 0);
    drafter.Look(text.Next(), 8);
  }
  int probes = 0;
  for (int i = 0; i < 640; ++i) {
    if (drafter.Offer().odds > 0.4) {
      EXPECT_EQ(drafter.Offer().tokens, 1);
      drafter.Learn(1, 0);
      ++probes;
    }
    drafter.Look(text.Next(), 8);
  }
  EXPECT_EQ(probes, 10);
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/sampling/logit_selection.h"

#include <algorithm>
#include <functional>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/sampling/row_kernels.h"

namespace pintle {
namespace {

using testing::ElementsAre;

class LogitSelectionTest : public testing::Test {
 protected:
  void SelectTop(const std::vector<float>& row, std::size_t k) {
    std::vector<float> chunk_max(sampling::ChunksOf(row.size()));
    sampling::ScanRow(row, absl::MakeSpan(chunk_max));
    selection_.SelectTop(row, chunk_max, k);
  }

  LogitSelection selection_;
};

TEST_F(LogitSelectionTest, KeepsTheLargestInIdOrder) {
  SelectTop({1.0F, 5.0F, 3.0F, 4.0F}, 2);
  EXPECT_THAT(selection_.tokens(), ElementsAre(1, 3));
  EXPECT_THAT(selection_.logits(), ElementsAre(5.0F, 4.0F));
}

TEST_F(LogitSelectionTest, KeepsTiesWithTheKth) {
  SelectTop({2.0F, 5.0F, 2.0F, 1.0F, 2.0F}, 2);
  EXPECT_THAT(selection_.tokens(), ElementsAre(0, 1, 2, 4));
}

TEST_F(LogitSelectionTest, KeepsEverythingWhenKIsTheVocabulary) {
  SelectTop({2.0F, 5.0F, 1.0F}, 3);
  EXPECT_THAT(selection_.tokens(), ElementsAre(0, 1, 2));
}

TEST_F(LogitSelectionTest, AgreesWithSortingForEveryK) {
  std::mt19937 bits(5);
  // Few distinct values, so that ties are everywhere.
  std::uniform_int_distribution<int> value(0, 60);
  std::vector<float> row(700);
  for (float& logit : row) logit = static_cast<float>(value(bits)) * 0.1F;
  std::vector<float> sorted = row;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  for (std::size_t k = 1; k <= row.size(); ++k) {
    SelectTop(row, k);
    std::vector<TokenId> expected;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i] >= sorted[k - 1]) expected.push_back(static_cast<TokenId>(i));
    }
    ASSERT_EQ(std::vector<TokenId>(selection_.tokens().begin(), selection_.tokens().end()),
              expected)
        << "k = " << k;
  }
}

TEST_F(LogitSelectionTest, SelectAtLeastIncludesTheFloor) {
  std::vector<float> row(200, 0.0F);
  row[3] = 2.0F;
  row[150] = 1.0F;
  row[199] = 0.999F;
  std::vector<float> chunk_max(sampling::ChunksOf(row.size()));
  sampling::ScanRow(row, absl::MakeSpan(chunk_max));
  selection_.SelectAtLeast(row, chunk_max, 1.0F);
  EXPECT_THAT(selection_.tokens(), ElementsAre(3, 150));
}

TEST_F(LogitSelectionTest, KBeyondTheRowIsAProgrammersError) {
  EXPECT_DEATH(SelectTop({1.0F}, 2), "k counts tokens");
}

}  // namespace
}  // namespace pintle

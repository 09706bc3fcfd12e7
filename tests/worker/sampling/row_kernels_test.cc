// SPDX-License-Identifier: Apache-2.0
#include "worker/sampling/row_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace pintle::sampling {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> RandomRow(std::size_t size) {
  std::mt19937 bits(static_cast<unsigned>(size));
  std::normal_distribution<float> normal(0.0F, 5.0F);
  std::vector<float> row(size);
  std::generate(row.begin(), row.end(), [&] { return normal(bits); });
  return row;
}

class RowKernelsTest : public testing::TestWithParam<std::size_t> {
 protected:
  std::vector<float> row_ = RandomRow(GetParam());
  std::vector<float> chunks_ = std::vector<float>(ChunksOf(GetParam()));
  std::vector<float> weights_ = std::vector<float>(GetParam());
};

TEST_P(RowKernelsTest, ScanFindsTheMaximaOfRowAndChunks) {
  const RowScan scan = ScanRow(row_, absl::MakeSpan(chunks_));
  EXPECT_FALSE(scan.has_nan);
  EXPECT_EQ(scan.max, *std::max_element(row_.begin(), row_.end()));
  for (std::size_t c = 0; c < chunks_.size(); ++c) {
    const auto first = row_.begin() + static_cast<std::ptrdiff_t>(c * kChunkTokens);
    const auto last =
        row_.begin() + static_cast<std::ptrdiff_t>(std::min((c + 1) * kChunkTokens, row_.size()));
    EXPECT_EQ(chunks_[c], *std::max_element(first, last)) << "chunk " << c;
  }
}

TEST_P(RowKernelsTest, ScanFindsNanWhereverItIs) {
  for (std::size_t i = 0; i < row_.size(); i += i < 200 ? 1 : 37) {
    const float saved = row_[i];
    row_[i] = kNan;
    EXPECT_TRUE(ScanRow(row_, absl::MakeSpan(chunks_)).has_nan) << "at " << i;
    row_[i] = saved;
  }
  EXPECT_FALSE(ScanRow(row_, absl::MakeSpan(chunks_)).has_nan);
}

TEST_P(RowKernelsTest, WeightsAreExponentialsAndAddUp) {
  const float max = *std::max_element(row_.begin(), row_.end());
  const double total =
      WeighRow(row_, max, 0.7F, 0.0F, absl::MakeSpan(weights_), absl::MakeSpan(chunks_));
  double sum = 0.0;
  for (std::size_t i = 0; i < row_.size(); ++i) {
    const double expected = std::exp((row_[i] - max) * 0.7F);
    ASSERT_NEAR(weights_[i], expected, 1e-6 * expected) << "at " << i;
    sum += weights_[i];
  }
  EXPECT_NEAR(total, sum, 1e-6 * sum);
  double chunk_total = 0.0;
  for (const float chunk : chunks_) chunk_total += chunk;
  EXPECT_DOUBLE_EQ(chunk_total, total);
}

TEST_P(RowKernelsTest, WeightsBelowTheFloorAreNothing) {
  const float max = *std::max_element(row_.begin(), row_.end());
  const double total =
      WeighRow(row_, max, 1.0F, 0.25F, absl::MakeSpan(weights_), absl::MakeSpan(chunks_));
  double sum = 0.0;
  for (const float weight : weights_) {
    EXPECT_TRUE(weight == 0.0F || weight >= 0.25F) << weight;
    sum += weight;
  }
  EXPECT_GE(sum, 1.0);
  EXPECT_NEAR(total, sum, 1e-6 * sum);
}

INSTANTIATE_TEST_SUITE_P(Sizes, RowKernelsTest,
                         testing::Values(1, 7, 8, 63, 64, 65, 128, 1000, 49152, 151936));

TEST(WeighRowTest, ExponentialIsAccurateOverItsWholeRange) {
  std::vector<float> row(20001);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = -static_cast<float>(i) * 0.0043F;
  std::vector<float> weights(row.size());
  std::vector<float> chunks(ChunksOf(row.size()));
  WeighRow(row, 0.0F, 1.0F, 0.0F, absl::MakeSpan(weights), absl::MakeSpan(chunks));
  for (std::size_t i = 0; i < row.size(); ++i) {
    const double expected = std::exp(static_cast<double>(row[i]));
    ASSERT_NEAR(weights[i], expected, 3e-7 * expected) << "e^" << row[i];
  }
}

TEST(WeighRowTest, TheMaximumWeighsExactlyOneAndTheImpossibleNothing) {
  const std::vector<float> row = {3.5F, -kInfinity, 3.5F, -1e30F, 3.4F};
  std::vector<float> weights(row.size());
  std::vector<float> chunks(1);
  for (const float scale : {1e-3F, 1.0F, 1e30F, 3e38F}) {
    WeighRow(row, 3.5F, scale, 0.0F, absl::MakeSpan(weights), absl::MakeSpan(chunks));
    EXPECT_EQ(weights[0], 1.0F);
    EXPECT_EQ(weights[1], 0.0F);
    EXPECT_EQ(weights[2], 1.0F);
    EXPECT_EQ(weights[3], 0.0F);
    EXPECT_LT(weights[4], 1.0F);
  }
}

}  // namespace
}  // namespace pintle::sampling

// SPDX-License-Identifier: Apache-2.0
// Attention in bytes on every instruction set this processor has: what the blocks hold, what its
// roundings may change at most and on average, and what they must not change.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/worker/model/cpu/quantised_blocks.h"
#include "worker/model/cpu/cpu_isa.h"

namespace pintle::model::cpu {
namespace {

constexpr std::int32_t kGroup = QuantisedBlocks::kGroup;

// Whole blocks of 64 times a Hadamard matrix, which is its own inverse; the rest as it is.
std::vector<float> Spread(std::vector<float> x) {
  for (std::size_t block = 0; block + 64 <= x.size(); block += 64) {
    for (std::size_t half = 1; half < 64; half *= 2) {
      for (std::size_t i = 0; i < 64; ++i) {
        if ((i & half) != 0) continue;
        const float a = x[block + i];
        const float b = x[block + i + half];
        x[block + i] = a + b;
        x[block + i + half] = a - b;
      }
    }
    for (std::size_t i = 0; i < 64; ++i) x[block + i] *= 0.125F;
  }
  return x;
}

// Instruction set and dimensions of a head: not spread, wholly, in part, in four blocks.
using Param = std::tuple<CpuIsa, std::size_t>;

class KernelsByteKvTest : public testing::TestWithParam<Param> {
 protected:
  void SetUp() override {
    const CpuIsa isa = std::get<0>(GetParam());
    if (*ChooseCpuIsa("") < isa) GTEST_SKIP() << "this processor lacks the set";
    const KernelTable& table = KernelsFor(isa, Element::kInt8Quad, Element::kInt8);
    ASSERT_EQ(table.intermediate, Element::kFloat32);
    ASSERT_EQ(table.kv_neighbours, 4);
    blocks_ = std::make_unique<QuantisedBlocks>(table, Dim());
  }

  std::size_t Dim() const { return std::get<1>(GetParam()); }
  std::vector<float> Row(const std::vector<float>& rows, std::int32_t r) const {
    const auto dim = static_cast<std::ptrdiff_t>(Dim());
    return {rows.begin() + r * dim, rows.begin() + (r + 1) * dim};
  }
  std::vector<float> Queries(std::int32_t positions, unsigned seed) const {
    return QuantisedBlocks::Draw(static_cast<std::size_t>(positions * kGroup) * Dim(), seed);
  }

  // All keys, spread, or values as the blocks hold them.
  std::vector<float> Held(bool value) const {
    std::vector<float> all;
    for (std::int32_t p = 0; p < QuantisedBlocks::kPositions; ++p) {
      const std::vector<float> held = blocks_->Held(p, value, value ? 0 : 128);
      all.insert(all.end(), held.begin(), held.end());
    }
    return all;
  }

  std::unique_ptr<QuantisedBlocks> blocks_;
};

TEST_P(KernelsByteKvTest, BlocksHoldSpreadKeysAndValuesWithinHalfAStep) {
  const std::vector<float> keys = Held(false);
  const std::vector<float> values = Held(true);
  for (std::int32_t p = 0; p < QuantisedBlocks::kPositions; ++p) {
    const std::vector<float> key = Spread(blocks_->Key(p));
    const std::vector<float> value = blocks_->Value(p);
    for (std::size_t i = 0; i < Dim(); ++i) {
      ASSERT_NEAR(Row(keys, p)[i], key[i], 0.502F * blocks_->Scale(p, false)) << p << ", " << i;
      ASSERT_NEAR(Row(values, p)[i], value[i], 0.502F * blocks_->Scale(p, true)) << p << ", " << i;
    }
  }
}

TEST_P(KernelsByteKvTest, AttentionIsPlainAttentionOverWhatTheBlocksHoldButForItsRoundings) {
  const std::vector<float> keys = Held(false);
  const std::vector<float> values = Held(true);
  double squares = 0.0;
  double expected_squares = 0.0;
  for (const auto& [start, positions] : std::vector<std::pair<std::int32_t, std::int32_t>>{
           {0, 1}, {0, 16}, {60, 15}, {120, 12}, {505, 14}, {640, 1}, {1190, 13}, {1202, 1}}) {
    const std::vector<float> q = Queries(positions, 7);
    for (const std::int32_t window : {0, 20, 300}) {
      const std::vector<float> out = blocks_->Run(q, start, window);
      for (std::int32_t r = 0; r < positions * kGroup; ++r) {
        const auto expected =
            blocks_->Attend(Spread(Row(q, r)), start + r / kGroup, window, keys, values);
        const std::vector<float> row = Row(out, r);
        for (std::size_t i = 0; i < Dim(); ++i) {
          // Values are about 1. A query's and the probabilities' roundings are each some parts in
          // a thousand, and add up like chance.
          ASSERT_NEAR(row[i], expected[i], 0.04)
              << "start " << start << ", row " << r << ", window " << window;
          squares += (row[i] - expected[i]) * (row[i] - expected[i]);
          expected_squares += expected[i] * expected[i];
        }
      }
    }
  }
  EXPECT_LT(std::sqrt(squares / expected_squares), 0.015);
}

// Beside a first position that has nearly all, the others would be less than half a step.
TEST_P(KernelsByteKvTest, TheFirstPositionHidesNoOther) {
  std::vector<float> q(kGroup * Dim(), 0.0F);
  std::vector<float> strong(Dim(), 0.0F);
  for (std::int32_t h = 0; h < kGroup; ++h) q[static_cast<std::size_t>(h) * Dim()] = 8.0F;
  strong[0] = 7.0F;  // a score of 7, e^7 times as probable as the others
  blocks_->StoreKey(0, strong);
  blocks_->StoreValue(0, std::vector<float>(Dim(), -1.0F));
  const std::vector<float> none(Dim(), 0.0F);
  const std::vector<float> ones(Dim(), 1.0F);
  for (std::int32_t p = 1; p <= 100; ++p) {
    blocks_->StoreKey(p, none);
    blocks_->StoreValue(p, ones);
  }
  const std::vector<float> out = blocks_->Run(q, 100);
  // Their weights, rounded beside its own, would all be 0 and this -0.916.
  const double expected = (100.0 - std::exp(7.0)) / (100.0 + std::exp(7.0));
  for (const float x : out) ASSERT_NEAR(x, expected, 0.004);
}

TEST_P(KernelsByteKvTest, ARowIsTheSameAloneAndSharedAmongTasks) {
  const std::vector<float> q = Queries(13, 7);
  const std::vector<float> together = blocks_->Run(q, 1190);
  const std::vector<float> windowed = blocks_->Run(q, 1190, 300);
  const auto width = static_cast<std::ptrdiff_t>(kGroup * Dim());
  for (const std::int32_t row : {0, 6, 12}) {
    const std::vector<float> own(q.begin() + row * width, q.begin() + (row + 1) * width);
    const std::vector<float> expected(together.begin() + row * width,
                                      together.begin() + (row + 1) * width);
    EXPECT_EQ(blocks_->Run(own, 1190 + row), expected) << row;
    EXPECT_EQ(blocks_->RunShared(own, 1190 + row), expected) << row;
    const std::vector<float> of_window(windowed.begin() + row * width,
                                       windowed.begin() + (row + 1) * width);
    EXPECT_EQ(blocks_->Run(own, 1190 + row, 300), of_window) << row;
  }
}

TEST_P(KernelsByteKvTest, WhatIsNotFiniteReachesOnlyThoseWhoMayReadIt) {
  const std::vector<float> q = Queries(12, 8);
  const std::vector<float> before = blocks_->Run(q, 95);
  std::vector<float> broken(Dim(), 1.0F);
  broken[3] = std::nanf("");
  for (const bool value : {true, false}) {
    const std::vector<float> kept = value ? blocks_->Value(100) : blocks_->Key(100);
    value ? blocks_->StoreValue(100, broken) : blocks_->StoreKey(100, broken);
    const std::vector<float> out = blocks_->Run(q, 95);
    for (std::int32_t r = 0; r < 12 * kGroup; ++r) {
      if (r / kGroup < 5) {
        EXPECT_EQ(Row(out, r), Row(before, r)) << r;
      } else {
        EXPECT_TRUE(std::isnan(Row(out, r)[3])) << r;
      }
    }
    // A window that begins after it is spared as well.
    EXPECT_FALSE(std::isnan(blocks_->Run(q, 140, 20)[3]));
    value ? blocks_->StoreValue(100, kept) : blocks_->StoreKey(100, kept);
  }
  EXPECT_EQ(blocks_->Run(q, 95), before);
}

INSTANTIATE_TEST_SUITE_P(
    Isas, KernelsByteKvTest,
    testing::Combine(testing::Values(CpuIsa::kAvx2, CpuIsa::kAvx512, CpuIsa::kAvx512Bf16),
                     testing::Values(40U, 64U, 96U, 128U, 256U)),
    [](const auto& test) {
      return std::string(CpuIsaName(std::get<0>(test.param))) + "_" +
             std::to_string(std::get<1>(test.param));
    });

}  // namespace
}  // namespace pintle::model::cpu

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/packed_matrix.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace pintle::model::cpu {
namespace {

template <typename T>
TensorView ViewOf(const std::vector<T>& values, Dtype dtype, std::int64_t rows,
                  std::int64_t width) {
  return {dtype,
          {rows, width},
          {reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(T)}};
}

class PackedMatrixTest : public testing::Test {
 protected:
  // 33 rows of 4: row r is (r, r + 0.25, r + 0.5, r + 0.75).
  void SetUp() override {
    for (int r = 0; r < 33; ++r) {
      for (int i = 0; i < 4; ++i) {
        const float value = static_cast<float>(r) + 0.25F * static_cast<float>(i);
        floats_.push_back(value);
        std::uint32_t bits = 0;
        std::memcpy(&bits, &value, 4);
        halves_.push_back(static_cast<std::uint16_t>(bits >> 16));
      }
      bias_.push_back(static_cast<float>(100 + r));
    }
    arena_ = *WeightArena::Reserve(1 << 20);
  }

  std::vector<float> floats_;
  std::vector<std::uint16_t> halves_;  // the same values, exactly
  std::vector<float> bias_;
  std::unique_ptr<WeightArena> arena_;
  ComputePool pool_{2};
};

TEST_F(PackedMatrixTest, ColumnsOfAPanelLieSideBySideAndPaddingIsZero) {
  LinearWeights linear{ViewOf(floats_, Dtype::kFloat32, 33, 4), {}};
  const PackedMatrix matrix =
      PackedMatrix::Pack(PlainColumns(linear, 33), 4, 6, Element::kFloat32, pool_, *arena_);
  EXPECT_EQ(matrix.panels(), 2);
  EXPECT_EQ(matrix.k(), 6);
  const Product product = matrix.Of(nullptr, 0, 1);
  EXPECT_EQ(product.bias, nullptr);
  const auto* panels = static_cast<const float*>(product.panels);
  EXPECT_EQ(panels[1 * 32 + 5], 5.25F);
  EXPECT_EQ(panels[4 * 32 + 5], 0.0F);
  EXPECT_EQ(panels[6 * 32 + 0], 32.0F);
  EXPECT_EQ(panels[6 * 32 + 1], 0.0F);
}

TEST_F(PackedMatrixTest, HalvesArePackedInPairsWhateverTheFileHolds) {
  LinearWeights exact{ViewOf(floats_, Dtype::kFloat32, 33, 4), {}};
  LinearWeights half{ViewOf(halves_, Dtype::kBfloat16, 33, 4), {}};
  const auto bits = [&](const LinearWeights& linear) {
    const PackedMatrix matrix =
        PackedMatrix::Pack(PlainColumns(linear, 33), 4, 4, Element::kBfloat16, pool_, *arena_);
    const auto* at = static_cast<const std::uint16_t*>(matrix.Of(nullptr, 0, 1).panels);
    return std::vector<std::uint16_t>(at, at + 2 * 32 * 4);
  };
  const auto packed = bits(half);
  EXPECT_EQ(bits(exact), packed);
  EXPECT_EQ(packed[2 * 32 + 2 * 7 + 1], halves_[7 * 4 + 3]);
}

TEST_F(PackedMatrixTest, BiasesFollowTheirColumns) {
  LinearWeights linear{ViewOf(floats_, Dtype::kFloat32, 33, 4),
                       ViewOf(bias_, Dtype::kFloat32, 33, 1)};
  std::vector<ColumnSource> columns(32);
  columns[3] = {&linear, 20};
  const PackedMatrix matrix = PackedMatrix::Pack(columns, 4, 4, Element::kFloat32, pool_, *arena_);
  const float* bias = matrix.Of(nullptr, 0, 1).bias;
  ASSERT_NE(bias, nullptr);
  EXPECT_EQ(bias[3], 120.0F);
  EXPECT_EQ(bias[4], 0.0F);
}

TEST_F(PackedMatrixTest, CodedHalvesTakeThreeQuartersAndSayWhatIsNotInThem) {
  LinearWeights linear{ViewOf(floats_, Dtype::kFloat32, 33, 4), {}};
  const std::size_t before = arena_->taken();
  const PackedMatrix matrix =
      PackedMatrix::Pack(PlainColumns(linear, 33), 4, 4, Element::kCodedBf16, pool_, *arena_);
  const Product product = matrix.Of(nullptr, 0, 1);
  EXPECT_EQ(product.weights, Element::kCodedBf16);
  EXPECT_EQ(arena_->taken() - before, 2 * 32 * 4 * 2 * 3 / 4U);
  ASSERT_NE(product.coded.high_bytes, nullptr);
  // The second panel's only column that is not zero is 32.0 to 32.75, 0x4200 and on.
  EXPECT_EQ(product.coded.high_bytes[16], 0);
  EXPECT_EQ(product.coded.high_bytes[17], 0x42);
}

TEST_F(PackedMatrixTest, HalvesThatCodesWouldNotMakeSmallerStayAsTheyAre) {
  std::vector<std::uint16_t> noise;
  for (std::uint32_t i = 0; i < 32 * 4; ++i) {
    noise.push_back(static_cast<std::uint16_t>(i * 2654435761U >> 12U));
  }
  LinearWeights shapeless{ViewOf(noise, Dtype::kBfloat16, 32, 4), {}};
  const auto pack = [&](const LinearWeights& linear, std::int32_t inputs) {
    return PackedMatrix::Pack(PlainColumns(linear, 32), inputs, inputs, Element::kCodedBf16, pool_,
                              *arena_)
        .Of(nullptr, 0, 1);
  };
  const Product plain = pack(shapeless, 4);
  EXPECT_EQ(plain.weights, Element::kBfloat16);
  EXPECT_EQ(static_cast<const std::uint16_t*>(plain.panels)[2 * 5 + 1], noise[5 * 4 + 1]);
  // Codes go by four inputs.
  LinearWeights narrow{ViewOf(halves_, Dtype::kBfloat16, 33, 2), {}};
  EXPECT_EQ(pack(narrow, 2).weights, Element::kBfloat16);
}

}  // namespace
}  // namespace pintle::model::cpu

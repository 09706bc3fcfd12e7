// SPDX-License-Identifier: Apache-2.0
// Attention over int8 keys and values on every instruction set this processor has, against plain
// attention over what the blocks hold.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/worker/model/cpu/quantised_blocks.h"
#include "worker/model/cpu/cpu_isa.h"

namespace pintle::model::cpu {
namespace {

constexpr std::size_t kDim = 40;
constexpr std::int32_t kGroup = QuantisedBlocks::kGroup;

class KernelsInt8KvTest : public testing::TestWithParam<CpuIsa> {
 protected:
  void SetUp() override {
    if (*ChooseCpuIsa("") < GetParam()) GTEST_SKIP() << "this processor lacks the set";
    const KernelTable& table = KernelsFor(GetParam(), Element::kInt8, Element::kInt8);
    ASSERT_EQ(table.intermediate, Element::kFloat32);
    blocks_ = std::make_unique<QuantisedBlocks>(table, kDim);
  }

  // What the blocks hold, checked to be within half a step of what was stored.
  std::vector<float> Held(bool value) const {
    std::vector<float> all;
    for (std::int32_t p = 0; p < QuantisedBlocks::kPositions; ++p) {
      const std::vector<float> held = blocks_->Held(p, value);
      const std::vector<float> stored = value ? blocks_->Value(p) : blocks_->Key(p);
      for (std::size_t i = 0; i < kDim; ++i) {
        EXPECT_NEAR(held[i], stored[i], 0.501F * blocks_->Scale(p, value));
      }
      all.insert(all.end(), held.begin(), held.end());
    }
    return all;
  }

  std::unique_ptr<QuantisedBlocks> blocks_;
};

TEST_P(KernelsInt8KvTest, AttentionEqualsPlainAttentionOverWhatTheBlocksHold) {
  const std::vector<float> keys = Held(false);
  const std::vector<float> values = Held(true);
  for (const auto& [start, positions] : std::vector<std::pair<std::int32_t, std::int32_t>>{
           {0, 1}, {0, 16}, {60, 15}, {120, 12}, {505, 14}, {640, 1}, {1190, 13}, {1202, 1}}) {
    const auto q = QuantisedBlocks::Draw(static_cast<std::size_t>(positions * kGroup) * kDim, 7);
    for (const std::int32_t window : {0, 20, 300}) {
      const std::vector<float> out = blocks_->Run(q, start, window);
      for (std::int32_t r = 0; r < positions * kGroup; ++r) {
        const auto at = static_cast<std::ptrdiff_t>(r) * static_cast<std::ptrdiff_t>(kDim);
        const std::vector<float> own(q.begin() + at, q.begin() + at + kDim);
        const auto expected = blocks_->Attend(own, start + r / kGroup, window, keys, values);
        for (std::size_t i = 0; i < kDim; i += 3) {
          ASSERT_NEAR(out[static_cast<std::size_t>(at) + i], expected[i], 5e-4)
              << "start " << start << ", row " << r << ", window " << window;
        }
      }
    }
  }
}

TEST_P(KernelsInt8KvTest, ARowIsTheSameAloneAndSharedAmongTasks) {
  const auto q = QuantisedBlocks::Draw(13 * kGroup * kDim, 7);
  const std::vector<float> together = blocks_->Run(q, 1190);
  constexpr std::size_t kWidth = kGroup * kDim;
  for (const std::int32_t row : {0, 6, 12}) {
    const auto first = static_cast<std::ptrdiff_t>(row) * static_cast<std::ptrdiff_t>(kWidth);
    const std::vector<float> own(q.begin() + first, q.begin() + first + kWidth);
    const std::vector<float> expected(together.begin() + first, together.begin() + first + kWidth);
    EXPECT_EQ(blocks_->Run(own, 1190 + row), expected) << row;
    EXPECT_EQ(blocks_->RunShared(own, 1190 + row), expected) << row;
  }
}

TEST_P(KernelsInt8KvTest, AValueThatIsNotFiniteReachesOnlyThoseWhoMayReadIt) {
  std::vector<float> broken(kDim, 1.0F);
  broken[3] = std::nanf("");
  blocks_->StoreValue(100, broken);
  const auto q = QuantisedBlocks::Draw(kGroup * kDim, 8);
  EXPECT_FALSE(std::isnan(blocks_->Run(q, 99)[3]));
  EXPECT_TRUE(std::isnan(blocks_->Run(q, 100)[3]));
}

INSTANTIATE_TEST_SUITE_P(Isas, KernelsInt8KvTest,
                         testing::Values(CpuIsa::kAvx2, CpuIsa::kAvx512, CpuIsa::kAvx512Bf16),
                         [](const auto& test) { return std::string(CpuIsaName(test.param)); });

}  // namespace
}  // namespace pintle::model::cpu

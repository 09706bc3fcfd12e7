// SPDX-License-Identifier: Apache-2.0
#include "services/host/random_bits.h"

#include <set>

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(RandomBitsTest, DrawsDifferAndReachEveryBit) {
  std::set<std::uint64_t> drawn;
  std::uint64_t set = 0;
  std::uint64_t unset = 0;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t bits = RandomBits();
    drawn.insert(bits);
    set |= bits;
    unset |= ~bits;
  }
  EXPECT_EQ(drawn.size(), 100U);
  // A bit equal in all draws has probability 2^-99.
  EXPECT_EQ(set, ~std::uint64_t{0});
  EXPECT_EQ(unset, ~std::uint64_t{0});
}

}  // namespace
}  // namespace pintle

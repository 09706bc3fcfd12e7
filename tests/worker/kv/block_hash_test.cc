// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/block_hash.h"

#include <vector>

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

const std::vector<TokenId> kTokens = {1, 2, 3};

TEST(BlockHashTest, EqualHistoriesHashEqually) {
  const BlockHash hash({1, 2});
  EXPECT_EQ(hash.Extend(hash.Root("a"), kTokens), hash.Extend(hash.Root("a"), kTokens));
}

TEST(BlockHashTest, KeyNamespaceHistoryTokensAndLengthAllCount) {
  const BlockHash hash({1, 2});
  const Hash128 base = hash.Extend(hash.Root("a"), kTokens);
  EXPECT_NE(base, BlockHash({1, 3}).Extend(BlockHash({1, 3}).Root("a"), kTokens));
  EXPECT_NE(base, hash.Extend(hash.Root("b"), kTokens));
  EXPECT_NE(base, hash.Extend(base, kTokens));
  EXPECT_NE(base, hash.Extend(hash.Root("a"), std::vector<TokenId>{1, 2, 4}));
  EXPECT_NE(base, hash.Extend(hash.Root("a"), std::vector<TokenId>{1, 2, 3, 0}));
  EXPECT_NE(hash.Root("a"), hash.Root(absl::string_view("a\0", 2)));
}

// SipHash-2-4-128 with key 00..0f of the 16 bytes 00..0f: the words that Extend feeds for no tokens
// after such a previous hash.
TEST(BlockHashTest, IsSipHash) {
  const Hash128 input{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  const BlockHash hash({input.low, input.high});
  EXPECT_EQ(hash.Extend(input, {}), (Hash128{0xbb54b067caa4e26eULL, 0x77052385bf1533fdULL}));
}

TEST(BlockHashTest, FewerBitsKeepOnlyThoseBits) {
  const BlockHash hash({1, 2}, 4);
  for (TokenId token = 0; token < 100; ++token) {
    const Hash128 cut = hash.Extend(hash.Root("a"), std::vector<TokenId>{token});
    EXPECT_LT(cut.low, 16U);
    EXPECT_EQ(cut.high, 0U);
  }
}

}  // namespace
}  // namespace pintle::kv

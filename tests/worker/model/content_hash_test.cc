// SPDX-License-Identifier: Apache-2.0
#include "worker/model/content_hash.h"

#include <gtest/gtest.h>

#include <vector>

namespace pintle::model {
namespace {

std::string HexOf(const std::vector<std::byte>& bytes, int threads) {
  ContentHash hash;
  hash.AddBytes(bytes, threads);
  return hash.Hex();
}

TEST(ContentHashTest, IsThirtyTwoHexDigitsAndTheSameOnAnyNumberOfThreads) {
  std::vector<std::byte> bytes(10 << 20);
  for (std::size_t i = 0; i < bytes.size(); i += 1021) bytes[i] = static_cast<std::byte>(i % 251);
  const std::string one = HexOf(bytes, 1);
  EXPECT_EQ(one.size(), 32U);
  EXPECT_EQ(HexOf(bytes, 3), one);
}

TEST(ContentHashTest, OneChangedByteAnywhereChangesIt) {
  std::vector<std::byte> bytes(9 << 20);
  const std::string before = HexOf(bytes, 2);
  for (const std::size_t at : {std::size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
    bytes[at] ^= std::byte{1};
    EXPECT_NE(HexOf(bytes, 2), before);
    bytes[at] ^= std::byte{1};
  }
  EXPECT_EQ(HexOf(bytes, 2), before);
}

TEST(ContentHashTest, TextsDoNotRunIntoEachOther) {
  ContentHash a;
  a.AddText("ab");
  a.AddText("c");
  ContentHash b;
  b.AddText("a");
  b.AddText("bc");
  EXPECT_NE(a.Hex(), b.Hex());
}

}  // namespace
}  // namespace pintle::model

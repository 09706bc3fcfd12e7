// SPDX-License-Identifier: Apache-2.0
#include "worker/text/seam/detokenizer.h"

#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/fakes/fake_text_model.h"
#include "worker/text/seam/utf8.h"

namespace pintle::text {
namespace {

TEST(Detokenizer, HoldsACodePointUntilItIsComplete) {
  const FakeTextModel model;
  Detokenizer detokenizer(model, {});
  EXPECT_EQ(detokenizer.Push(0xE2), "");
  EXPECT_EQ(detokenizer.Push(0x82), "");
  EXPECT_EQ(detokenizer.pending_bytes(), 2U);
  EXPECT_EQ(detokenizer.Push(0xAC), "\xE2\x82\xAC");
  EXPECT_EQ(detokenizer.pending_bytes(), 0U);
  EXPECT_EQ(detokenizer.Flush(), "");
}

TEST(Detokenizer, AnIncompleteEndBecomesTheReplacementCharacter) {
  const FakeTextModel model;
  Detokenizer detokenizer(model, {});
  EXPECT_EQ(detokenizer.Push(0xF0), "");
  EXPECT_EQ(detokenizer.Flush(), "\xEF\xBF\xBD");
  EXPECT_EQ(detokenizer.Flush(), "");
}

TEST(Detokenizer, SpecialTokensAreTextOnlyWhenAskedFor) {
  const FakeTextModel model;
  Detokenizer skipping(model, {.skip_special = true});
  EXPECT_EQ(skipping.Push(FakeTextModel::kImEnd), "");
  Detokenizer showing(model, {.skip_special = false});
  EXPECT_EQ(showing.Push(FakeTextModel::kImEnd), "<|im_end|>");
}

TEST(Detokenizer, UnknownIdsHaveNoText) {
  const FakeTextModel model;
  Detokenizer detokenizer(model, {});
  for (const TokenId id : {-1, 400, 1 << 30}) EXPECT_EQ(detokenizer.Push(id), "");
}

TEST(Detokenizer, RandomIdsNeverGiveBrokenUtf8) {
  const FakeTextModel model;
  std::mt19937 random(11);  // NOLINT: the same ids in every run
  std::uniform_int_distribution<TokenId> id(0, 300);
  Detokenizer detokenizer(model, {.skip_special = false});
  std::vector<TokenId> ids;
  std::string streamed;
  for (int i = 0; i < 20000; ++i) {
    ids.push_back(id(random));
    const std::string piece = detokenizer.Push(ids.back());
    ASSERT_TRUE(IsValidUtf8(piece)) << "token " << i;
    streamed += piece;
  }
  streamed += detokenizer.Flush();
  EXPECT_TRUE(streamed == model.Decode(ids, false));
}

}  // namespace
}  // namespace pintle::text

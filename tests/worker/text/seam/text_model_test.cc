// SPDX-License-Identifier: Apache-2.0
#include "worker/text/seam/text_model.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/fakes/fake_text_model.h"

namespace pintle::text {
namespace {

TEST(TextModel, DecodesAWholeSequence) {
  const FakeTextModel model;
  const std::vector<TokenId> ids = {FakeTextModel::kBos, 'h', 'i', 0xC3, 0xA9, 0xC3};
  EXPECT_EQ(model.Decode(ids, true), "hi\xC3\xA9\xEF\xBF\xBD");
  EXPECT_EQ(model.Decode(ids, false), "<|bos|>hi\xC3\xA9\xEF\xBF\xBD");
  EXPECT_EQ(model.Decode({}, true), "");
}

TEST(TextModel, EncodingThenDecodingGivesTheText) {
  const FakeTextModel model;
  const auto ids = model.Encode("a <|im_end|>\n", {.parse_special = true});
  EXPECT_EQ(model.Decode(*ids, false), "<|bos|>a <|im_end|>\n");
  EXPECT_EQ(ids->size(), 5U);
  EXPECT_EQ(
      model.Encode("<|im_end|>", {.add_special_tokens = false, .parse_special = false})->size(),
      10U);
}

}  // namespace
}  // namespace pintle::text

// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/fake_text_model.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace pintle::text {
namespace {

TEST(FakeTextModel, MessagesNeverBecomeControlIds) {
  const FakeTextModel model;
  std::vector<Message> messages(1);
  messages[0].role = std::string("user");
  messages[0].text = std::string("<|im_end|>");
  const auto chat = model.RenderChat(messages, {});
  EXPECT_EQ(chat->controls.size(), 4U);
  const auto ids = model.EncodeRendered(*chat, 0);
  EXPECT_EQ(model.Decode(*ids, false), chat->text);
  int controls = 0;
  for (const TokenId id : *ids) controls += model.IsSpecial(id) ? 1 : 0;
  EXPECT_EQ(controls, 4);
}

TEST(FakeTextModel, EveryByteIsItsOwnToken) {
  const FakeTextModel model;
  for (TokenId id = 0; id < 256; ++id) {
    ASSERT_EQ(model.TokenBytes(id), std::string(1, static_cast<char>(id)));
  }
  EXPECT_EQ(model.TokenBytes(511), "");
  EXPECT_EQ(model.vocab_size(), 512U);
}

}  // namespace
}  // namespace pintle::text

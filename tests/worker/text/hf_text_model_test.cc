// SPDX-License-Identifier: Apache-2.0
#include "worker/text/hf_text_model.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/text/text_cases.h"
#include "worker/text/seam/detokenizer.h"
#include "worker/text/seam/utf8.h"

namespace pintle::text {
namespace {

using Json = nlohmann::ordered_json;

struct Folder {
  const char* name;
  const char* cases;
};

// Every promise of a text model, on each tokenizer at hand.
class HfTextModelTest : public testing::TestWithParam<Folder> {
 protected:
  void SetUp() override {
    const std::string name = GetParam().name;
    model_ = name == "smollm2" ? SmolLm2() : SmallModel(name, "");
    if (model_ == nullptr) GTEST_SKIP() << "the demo model is not set up";
    cases_ = ReadCases(GetParam().cases);
  }

  const HfTextModel* ModelFor(const Json& chat) {
    if (chat["template"].is_null()) return model_.get();
    const auto name = chat["template"].get<std::string>();
    std::unique_ptr<HfTextModel>& model = by_template_[name];
    if (model == nullptr) model = SmallModel(GetParam().name, name);
    return model.get();
  }

  std::unique_ptr<HfTextModel> model_;
  std::map<std::string, std::unique_ptr<HfTextModel>> by_template_;
  Json cases_;
};

INSTANTIATE_TEST_SUITE_P(AllTokenizers, HfTextModelTest,
                         testing::Values(Folder{"byte_level", "byte_level/cases.json"},
                                         Folder{"metaspace", "metaspace/cases.json"},
                                         Folder{"smollm2", "smollm2_cases.json"}),
                         [](const auto& suite) { return std::string(suite.param.name); });

TEST_P(HfTextModelTest, EncodesTextAsHuggingFaceDoes) {
  for (const Json& example : cases_["texts"]) {
    const auto text = example["text"].get<std::string>();
    EXPECT_EQ(*model_->Encode(text, {}), example["ids"].get<std::vector<TokenId>>()) << text;
    EXPECT_EQ(*model_->Encode(text, {.add_special_tokens = false}),
              example["bare_ids"].get<std::vector<TokenId>>())
        << text;
  }
}

TEST_P(HfTextModelTest, DecodesAsHuggingFaceDoes) {
  for (const Json& example : cases_["texts"]) {
    const auto ids = example["ids"].get<std::vector<TokenId>>();
    EXPECT_EQ(model_->Decode(ids, true), example["decoded_skipping"].get<std::string>());
    // HF strips the space in front of a text even behind BOS; we strip it at the very start only.
    if (!model_->strips_leading_space()) {
      EXPECT_EQ(model_->Decode(ids, false), example["decoded"].get<std::string>());
    }
  }
}

TEST_P(HfTextModelTest, RendersChatsAsTransformersDoes) {
  for (const Json& chat : cases_["chats"]) {
    const HfTextModel* model = ModelFor(chat);
    const std::string tools = chat["tools"].is_null() ? "" : chat["tools"].dump();
    const auto rendered = model->RenderChat(MessagesOf(chat["messages"]),
                                            {.tools_json = tools,
                                             .add_generation_prompt = chat["prompt"].get<bool>(),
                                             .now = kCaseTime});
    if (chat.contains("error")) {
      EXPECT_TRUE(HasReason(rendered.status(), Reason::kTemplateFailed)) << rendered.status();
      continue;
    }
    ASSERT_TRUE(rendered.ok()) << rendered.status() << chat.dump();
    EXPECT_EQ(rendered->text, chat["text"].get<std::string>()) << chat["template"];
    if (chat["chat"] == "hostile") continue;
    EXPECT_EQ(*model->EncodeRendered(*rendered, 0), chat["ids"].get<std::vector<TokenId>>())
        << chat.dump();
  }
}

TEST_P(HfTextModelTest, MessagesNeverBecomeControlIds) {
  for (const Json& chat : cases_["chats"]) {
    if (chat["chat"] != "hostile" || chat.contains("error")) continue;
    const HfTextModel* model = ModelFor(chat);
    const auto harmless = std::vector<Message>{MessageOf("user", "a"), MessageOf("assistant", "b"),
                                               MessageOf("user", "c")};
    const RenderOptions options = {.add_generation_prompt = chat["prompt"].get<bool>(),
                                   .now = kCaseTime};
    const auto control_ids = [&](const std::vector<Message>& messages) {
      std::vector<TokenId> ids = *model->EncodeRendered(*model->RenderChat(messages, options), 0);
      std::erase_if(ids, [&](TokenId id) { return !model->IsSpecial(id) || id == 0; });
      return ids;
    };
    EXPECT_EQ(control_ids(MessagesOf(chat["messages"])), control_ids(harmless)) << chat.dump();
  }
}

TEST_P(HfTextModelTest, EncodesTheRestOfAChatAsWithinTheWhole) {
  for (const Json& chat : cases_["chats"]) {
    if (chat.contains("error")) continue;
    const HfTextModel* model = ModelFor(chat);
    const auto rendered = model->RenderChat(MessagesOf(chat["messages"]), {.now = kCaseTime});
    ASSERT_TRUE(rendered.ok());
    const std::vector<TokenId> whole = *model->EncodeRendered(*rendered, 0);
    std::size_t seen = 0;
    for (const ControlToken& control : rendered->controls) {
      seen = static_cast<std::size_t>(std::find(whole.begin() + static_cast<std::ptrdiff_t>(seen),
                                                whole.end(), control.id) -
                                      whole.begin()) +
             1;
      EXPECT_THAT(*model->EncodeRendered(*rendered, control.end),
                  testing::ElementsAreArray(whole.begin() + static_cast<std::ptrdiff_t>(seen),
                                            whole.end()));
    }
  }
}

TEST_P(HfTextModelTest, SpecialStringsArePlainTextWhenTheyAreNotParsed) {
  for (const Json& example : cases_["texts"]) {
    const auto text = example["text"].get<std::string>();
    const auto ids = *model_->Encode(text, {.add_special_tokens = false, .parse_special = false});
    for (const TokenId id : ids) EXPECT_TRUE(id == 0 || !model_->IsSpecial(id)) << text;
  }
}

TEST_P(HfTextModelTest, NeverEmitsBrokenUtf8) {
  std::mt19937 random(7);  // NOLINT: the same ids in every run
  std::uniform_int_distribution<TokenId> id(-1, static_cast<TokenId>(model_->vocab_size()));
  for (int round = 0; round < 200; ++round) {
    Detokenizer detokenizer(*model_, {.skip_special = round % 2 == 0});
    std::vector<TokenId> ids;
    std::string streamed;
    for (int i = 0; i < 40; ++i) {
      ids.push_back(id(random));
      const std::string piece = detokenizer.Push(ids.back());
      ASSERT_TRUE(IsValidUtf8(piece)) << "round " << round;
      streamed += piece;
    }
    streamed += detokenizer.Flush();
    ASSERT_TRUE(IsValidUtf8(streamed));
    const std::string whole = model_->Decode(ids, round % 2 == 0);
    EXPECT_TRUE(absl::EndsWith(streamed, whole)) << "round " << round;
    EXPECT_LE(streamed.size() - whole.size(), 1U);
  }
}

TEST_P(HfTextModelTest, StreamedTextIsTheTextThatWasEncoded) {
  for (const Json& example : cases_["texts"]) {
    const auto text = example["text"].get<std::string>();
    const auto ids = example["bare_ids"].get<std::vector<TokenId>>();
    // SentencePiece's space character is no text it can carry.
    if (model_->strips_leading_space() && absl::StrContains(text, "\xE2\x96\x81")) continue;
    EXPECT_EQ(model_->Decode(ids, false), text);
  }
}

TEST_P(HfTextModelTest, AContinuationSpellsExactlyItsText) {
  for (const std::string text : {"l", " Par", "  x", "\xE6\x97\xA5", "a<", "<|im_end|>", "</s>"}) {
    const auto ids = model_->EncodeContinuation(text);
    ASSERT_TRUE(ids.ok()) << text << ids.status();
    std::string spelled;
    for (const TokenId id : *ids) {
      EXPECT_FALSE(model_->IsSpecial(id)) << text;
      absl::StrAppend(&spelled, model_->TokenBytes(id));
    }
    EXPECT_EQ(spelled, text);
  }
}

TEST(HfTextModel, KnowsItsEosFromTheTokenizerWhenNoConfigSays) {
  EXPECT_THAT(SmallModel("byte_level", "")->eos_token_ids(), testing::ElementsAre(2));
  EXPECT_THAT(SmallModel("metaspace", "")->eos_token_ids(), testing::ElementsAre(2));
}

TEST(HfTextModel, RefusesBrokenUtf8) {
  const auto model = SmallModel("byte_level", "");
  EXPECT_TRUE(HasReason(model->Encode("\xC3", {}).status(), Reason::kInvalidField));
}

TEST(HfTextModel, RefusesMarkersInAPrompt) {
  const auto files = ReadTextFiles(DataPath("byte_level"));
  const auto model = HfTextModel::Create(*files, 0);
  ASSERT_TRUE(model.ok());
  EXPECT_TRUE(
      HasReason((*model)->Encode("x\xF4\x80\x80\x80\xF4\x80\x80\x80\xF3\xB0\x80\x80", {}).status(),
                Reason::kInvalidField));
}

TEST(HfTextModel, ChatsWithoutATemplateFailByName) {
  const auto model = SmallModel("byte_level", "");
  EXPECT_FALSE(model->has_chat_template());
  const std::vector<Message> messages = {MessageOf("user", "hi")};
  EXPECT_TRUE(HasReason(model->RenderChat(messages, {}).status(), Reason::kTemplateFailed));
}

TEST(HfTextModel, RefusesADecoderItDoesNotKnow) {
  TextFiles files;
  files.tokenizer_json =
      R"({"decoder":{"type":"WordPiece"},"model":{"type":"BPE","vocab":{},"merges":[]}})";
  const auto model = HfTextModel::Create(files, 0);
  EXPECT_TRUE(HasReason(model.status(), Reason::kInvalidField));
  EXPECT_THAT(std::string(model.status().message()), testing::HasSubstr("WordPiece"));
}

TEST(HfTextModel, RefusesATokenizerThatIsNoJson) {
  TextFiles files;
  files.tokenizer_json = "{";
  EXPECT_TRUE(HasReason(HfTextModel::Create(files, 0).status(), Reason::kInvalidField));
}

}  // namespace
}  // namespace pintle::text

// SPDX-License-Identifier: Apache-2.0
#include "worker/text/seam/output_text.h"

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_text_model.h"
#include "worker/text/seam/utf8.h"

namespace pintle::text {
namespace {

// The fake's bytes, with a few tokens of several bytes from id 300 on.
class PairModel final : public TextModel {
 public:
  explicit PairModel(std::vector<std::string> words) : words_(std::move(words)) {}

  absl::StatusOr<std::vector<TokenId>> Encode(absl::string_view text,
                                              EncodeOptions options) const override {
    return bytes_.Encode(text, options);
  }
  absl::StatusOr<RenderedChat> RenderChat(absl::Span<const Message> messages,
                                          const RenderOptions& options) const override {
    return bytes_.RenderChat(messages, options);
  }
  absl::StatusOr<std::vector<TokenId>> EncodeRendered(const RenderedChat& chat,
                                                      std::size_t begin) const override {
    return bytes_.EncodeRendered(chat, begin);
  }
  absl::StatusOr<std::vector<TokenId>> EncodeContinuation(absl::string_view text) const override {
    return bytes_.EncodeContinuation(text);
  }
  absl::string_view TokenBytes(TokenId id) const override {
    return id < 300 ? bytes_.TokenBytes(id) : words_[static_cast<std::size_t>(id - 300)];
  }
  bool IsSpecial(TokenId id) const override { return bytes_.IsSpecial(id); }
  std::size_t vocab_size() const override { return 300 + words_.size(); }
  const std::vector<TokenId>& eos_token_ids() const override { return bytes_.eos_token_ids(); }
  bool has_chat_template() const override { return true; }
  bool strips_leading_space() const override { return false; }

 private:
  FakeTextModel bytes_;
  std::vector<std::string> words_;
};

struct Heard {
  std::string text;
  std::vector<TokenId> ids;
  std::size_t sampled = 0;

  void Add(const DeliveredText& delivered) {
    text += delivered.text;
    ids.insert(ids.end(), delivered.token_ids.begin(), delivered.token_ids.end());
    sampled += delivered.sampled_tokens;
  }
};

Heard Hear(const TextModel& model, const std::vector<TokenId>& ids, OutputTextOptions options) {
  OutputText output(model, std::move(options));
  Heard heard;
  for (const TokenId id : ids) {
    const auto delivered = output.Push(id, TokenTreatment::kNormal);
    EXPECT_TRUE(delivered.ok());
    if (delivered.ok()) heard.Add(*delivered);
    EXPECT_EQ(heard.text, output.delivered_text());
    if (output.stopped()) break;
  }
  heard.Add(output.Finish());
  EXPECT_EQ(heard.ids.size(), output.delivered_tokens());
  return heard;
}

TEST(OutputText, TokensGoOutWithTheirText) {
  const FakeTextModel model;
  OutputText output(model, {});
  const auto delivered = output.Push('a', TokenTreatment::kNormal);
  EXPECT_EQ(delivered->text, "a");
  EXPECT_THAT(delivered->token_ids, testing::ElementsAre('a'));
}

TEST(OutputText, TokensOfOneCodePointGoOutTogether) {
  const PairModel model({"x\xF0\x9F", "\x98\x80y"});
  OutputText output(model, {});
  EXPECT_THAT(output.Push(300, TokenTreatment::kNormal)->token_ids, testing::IsEmpty());
  const auto delivered = output.Push(301, TokenTreatment::kNormal);
  EXPECT_EQ(delivered->text, "x\xF0\x9F\x98\x80y");
  EXPECT_THAT(delivered->token_ids, testing::ElementsAre(300, 301));
}

TEST(OutputText, TokensThatCarryOnlyTheStopStringAreDropped) {
  const FakeTextModel model;
  const Heard heard = Hear(model, {'a', 'E', 'N', 'D', 'b'}, {.stop = {"END"}});
  EXPECT_EQ(heard.text, "a");
  EXPECT_THAT(heard.ids, testing::ElementsAre('a'));
}

TEST(OutputText, ACutTokenIsReplacedByItsDeliveredPart) {
  const PairModel model({"helloEN", "Dxyz"});
  const Heard heard = Hear(model, {300, 301}, {.stop = {"END"}});
  EXPECT_EQ(heard.text, "hello");
  EXPECT_THAT(heard.ids, testing::ElementsAre('h', 'e', 'l', 'l', 'o'));
  EXPECT_EQ(heard.sampled, 0U);
}

TEST(OutputText, AnIncludedStopStringIsCutAtItsEnd) {
  const PairModel model({"helloEN", "Dxyz"});
  const Heard heard = Hear(model, {300, 301}, {.stop = {"END"}, .include_stop_in_output = true});
  EXPECT_EQ(heard.text, "helloEND");
  EXPECT_THAT(heard.ids, testing::ElementsAre(300, 'D'));
  EXPECT_EQ(heard.sampled, 1U);
}

TEST(OutputText, ACutCodePointLeavesNoHalfCharacterInTheIds) {
  const PairModel model({"ab\xF0\x9F", "\x98\x80"});
  const Heard heard = Hear(model, {300, 301}, {.stop = {"\xF0\x9F\x98\x80"}});
  EXPECT_EQ(heard.text, "ab");
  EXPECT_THAT(heard.ids, testing::ElementsAre('a', 'b'));
}

TEST(OutputText, SilentTokensAreIdsWithoutText) {
  const FakeTextModel model;
  OutputText output(model, {.skip_special = false});
  const auto delivered = output.Push(FakeTextModel::kImEnd, TokenTreatment::kSilent);
  EXPECT_EQ(delivered->text, "");
  EXPECT_THAT(delivered->token_ids, testing::ElementsAre(FakeTextModel::kImEnd));
}

TEST(OutputText, FinishDeliversWhatWasHeld) {
  const FakeTextModel model;
  OutputText output(model, {.stop = {"END"}});
  EXPECT_THAT(output.Push('E', TokenTreatment::kNormal)->token_ids, testing::IsEmpty());
  EXPECT_THAT(output.Push(0xC3, TokenTreatment::kNormal)->token_ids, testing::IsEmpty());
  const DeliveredText last = output.Finish();
  EXPECT_EQ(last.text, "E\xEF\xBF\xBD");
  EXPECT_THAT(last.token_ids, testing::ElementsAre('E', 0xC3));
}

TEST(OutputText, UncheckedTokensDoNotStop) {
  const FakeTextModel model;
  OutputText output(model, {.stop = {"a"}});
  EXPECT_EQ(output.Push('a', TokenTreatment::kUnchecked)->text, "a");
  EXPECT_FALSE(output.stopped());
  EXPECT_EQ(output.Push('a', TokenTreatment::kNormal)->text, "");
  EXPECT_TRUE(output.stopped());
}

TEST(OutputText, DeliveredIdsSpellDeliveredTextWhateverIsSampled) {
  const PairModel model({"ab", "bc", "a\xE2", "\x82\xAC", "\xAC", "cab\xE2\x82"});
  std::mt19937 random(5);  // NOLINT: the same ids in every run
  for (int round = 0; round < 2000; ++round) {
    std::vector<TokenId> ids;
    for (int i = 0; i < 12; ++i) {
      const auto pick = static_cast<TokenId>(random() % 10);
      ids.push_back(pick < 6 ? 300 + pick : 'a' + pick % 3);
    }
    const Heard heard =
        Hear(model, ids, {.stop = {"abc", "cc"}, .include_stop_in_output = round % 2 == 0});
    ASSERT_TRUE(IsValidUtf8(heard.text)) << "round " << round;
    ASSERT_EQ(model.Decode(heard.ids, true), heard.text) << "round " << round;
    ASSERT_LE(heard.sampled, heard.ids.size());
    const auto sampled = static_cast<std::ptrdiff_t>(heard.sampled);
    ASSERT_TRUE(std::equal(heard.ids.begin(), heard.ids.begin() + sampled, ids.begin()));
    if (round % 2 == 1) {
      ASSERT_EQ(heard.text.find("abc"), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace pintle::text

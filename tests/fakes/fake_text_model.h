// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_FAKES_FAKE_TEXT_MODEL_H_
#define PINTLE_TESTS_FAKES_FAKE_TEXT_MODEL_H_

#include <string>
#include <vector>

#include "worker/text/seam/text_model.h"

namespace pintle::text {

// A text model without files: a byte is the token of its value, specials follow from 256 on. Its
// template is ChatML's shape with BOS, a date and a tools line:
//   <|bos|>[<|im_start|>system\n...tools and date...<|im_end|>\n]<|im_start|>ROLE\nTEXT<|im_end|>\n
// `drops_reasoning` makes it drop "...</think>" from all answers but the last, as Qwen3's does.
// Thread: immutable. Fails: as TextModel says; the template refuses the role "refused".
class FakeTextModel final : public TextModel {
 public:
  static constexpr TokenId kBos = 256;
  static constexpr TokenId kImStart = 257;
  static constexpr TokenId kImEnd = 258;      // also EOS
  static constexpr TokenId kEndOfText = 259;  // EOS as well, but never the template's
  static constexpr TokenId kVocabSize = 512;

  struct Options {
    bool writes_date = false;
    bool drops_reasoning = false;
  };

  FakeTextModel() = default;
  explicit FakeTextModel(Options options) : options_(options) {}

  absl::StatusOr<std::vector<TokenId>> Encode(absl::string_view text,
                                              EncodeOptions options) const override;
  absl::StatusOr<RenderedChat> RenderChat(absl::Span<const Message> messages,
                                          const RenderOptions& options) const override;
  absl::StatusOr<std::vector<TokenId>> EncodeRendered(const RenderedChat& chat,
                                                      std::size_t begin) const override;
  absl::StatusOr<std::vector<TokenId>> EncodeContinuation(absl::string_view text) const override;
  absl::string_view TokenBytes(TokenId id) const override;
  bool IsSpecial(TokenId id) const override { return id >= kBos && id <= kEndOfText; }
  std::size_t vocab_size() const override { return kVocabSize; }
  const std::vector<TokenId>& eos_token_ids() const override { return eos_token_ids_; }
  bool has_chat_template() const override { return true; }
  bool strips_leading_space() const override { return false; }

 private:
  Options options_;
  std::vector<TokenId> eos_token_ids_ = {kImEnd, kEndOfText};
};

}  // namespace pintle::text

#endif  // PINTLE_TESTS_FAKES_FAKE_TEXT_MODEL_H_

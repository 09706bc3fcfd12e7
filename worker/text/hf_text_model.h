// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TEXT_HF_TEXT_MODEL_H_
#define PINTLE_WORKER_TEXT_HF_TEXT_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "worker/text/chat_renderer.h"
#include "worker/text/seam/text_model.h"
#include "worker/text/text_files.h"
#include "worker/text/tokenizer_handle.h"

namespace pintle::text {

// The text of a Hugging Face model folder: its tokenizer.json and its chat template as they are.
// Thread: immutable after Load, safe from any thread. Owns the tokenizer (about 100 MB for a
// vocabulary of 150,000) and the compiled templates.
// Fails: Load as ReadTextFiles; INVALID_FIELD naming the file for a tokenizer, decoder or template
// that is not understood.
class HfTextModel final : public TextModel {
 public:
  // `nonce` keys the markers of control tokens: unpredictable in production, fixed in tests.
  static absl::StatusOr<std::unique_ptr<HfTextModel>> Load(const std::string& folder,
                                                           std::uint64_t nonce);
  static absl::StatusOr<std::unique_ptr<HfTextModel>> Create(TextFiles files, std::uint64_t nonce);

  absl::StatusOr<std::vector<TokenId>> Encode(absl::string_view text,
                                              EncodeOptions options) const override;
  absl::StatusOr<RenderedChat> RenderChat(absl::Span<const Message> messages,
                                          const RenderOptions& options) const override;
  absl::StatusOr<std::vector<TokenId>> EncodeRendered(const RenderedChat& chat,
                                                      std::size_t begin) const override;
  absl::StatusOr<std::vector<TokenId>> EncodeContinuation(absl::string_view text) const override;
  absl::string_view TokenBytes(TokenId id) const override { return tokenizer_->Bytes(id); }
  bool IsSpecial(TokenId id) const override { return tokenizer_->IsSpecial(id); }
  std::size_t vocab_size() const override { return tokenizer_->size(); }
  const std::vector<TokenId>& eos_token_ids() const override { return eos_token_ids_; }
  bool has_chat_template() const override { return chat_ != nullptr; }
  bool strips_leading_space() const override { return tokenizer_->strips_leading_space(); }

 private:
  HfTextModel() = default;

  // Text behind a control token is tokenized behind it, so that no tokenizer takes it for the
  // start of a text; the control token's own id is dropped again.
  absl::StatusOr<std::vector<TokenId>> EncodeBehind(const MarkedToken& control,
                                                    absl::string_view marked) const;
  const MarkedToken* FindById(TokenId id) const;
  // Spells text by the longest vocabulary entries; empty when it cannot.
  std::vector<TokenId> SpellGreedily(absl::string_view text) const;

  std::unique_ptr<TokenizerHandle> tokenizer_;
  std::unique_ptr<ChatRenderer> chat_;       // null without a template
  std::unique_ptr<ChatRenderer> tool_chat_;  // null: chat_ takes tools as well
  std::vector<TokenId> eos_token_ids_;
};

}  // namespace pintle::text

#endif  // PINTLE_WORKER_TEXT_HF_TEXT_MODEL_H_

// SPDX-License-Identifier: Apache-2.0
#include "worker/text/hf_text_model.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "contract/check.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "worker/text/seam/utf8.h"
#include "worker/text/text_errors.h"

namespace pintle::text {

absl::StatusOr<std::unique_ptr<HfTextModel>> HfTextModel::Load(const std::string& folder,
                                                               std::uint64_t nonce) {
  PINTLE_ASSIGN_OR_RETURN(TextFiles files, ReadTextFiles(folder));
  return Create(std::move(files), nonce);
}

absl::StatusOr<std::unique_ptr<HfTextModel>> HfTextModel::Create(TextFiles files,
                                                                 std::uint64_t nonce) {
  std::unique_ptr<HfTextModel> model(new HfTextModel());
  PINTLE_ASSIGN_OR_RETURN(model->tokenizer_, TokenizerHandle::Create(files.tokenizer_json, nonce));
  if (!files.chat_template.empty()) {
    PINTLE_ASSIGN_OR_RETURN(
        model->chat_,
        ChatRenderer::Create(files.chat_template, *model->tokenizer_, files.named_tokens));
  }
  if (!files.tool_chat_template.empty()) {
    PINTLE_ASSIGN_OR_RETURN(
        model->tool_chat_,
        ChatRenderer::Create(files.tool_chat_template, *model->tokenizer_, files.named_tokens));
  }
  model->eos_token_ids_ = std::move(files.eos_token_ids);
  if (model->eos_token_ids_.empty()) {
    for (const auto& [name, token] : files.named_tokens) {
      const MarkedToken* eos = model->tokenizer_->FindByName(token);
      if (name == "eos_token" && eos != nullptr) model->eos_token_ids_.push_back(eos->id);
    }
  }
  return model;
}

absl::StatusOr<std::vector<TokenId>> HfTextModel::Encode(absl::string_view text,
                                                         EncodeOptions options) const {
  if (text.size() > limits::kPromptBytes) {
    return TooLongError("prompt", text.size(), limits::kPromptBytes);
  }
  if (!IsValidUtf8(text)) return InvalidField("prompt", "is not valid UTF-8");
  if (absl::StrContains(text, tokenizer_->marker_prefix())) {
    return InvalidField("prompt", "holds a reserved sequence of private use code points");
  }
  return tokenizer_->Encode(text, options);
}

absl::StatusOr<RenderedChat> HfTextModel::RenderChat(absl::Span<const Message> messages,
                                                     const RenderOptions& options) const {
  if (chat_ == nullptr) {
    return MakeError(Reason::kTemplateFailed, "the model has no chat template; send a prompt");
  }
  const bool tools = tool_chat_ != nullptr && !options.tools_json.empty();
  return (tools ? tool_chat_ : chat_)->Render(messages, options);
}

const MarkedToken* HfTextModel::FindById(TokenId id) const {
  for (const MarkedToken& token : tokenizer_->marked_tokens()) {
    if (token.id == id) return &token;
  }
  return nullptr;
}

absl::StatusOr<std::vector<TokenId>> HfTextModel::EncodeBehind(const MarkedToken& control,
                                                               absl::string_view marked) const {
  PINTLE_ASSIGN_OR_RETURN(
      std::vector<TokenId> ids,
      tokenizer_->Encode(absl::StrCat(control.marker, marked),
                         {.add_special_tokens = false, .parse_special = false}));
  if (ids.empty() || ids.front() != control.id) {
    return MakeError(Reason::kModelFailed, "the tokenizer lost a control token");
  }
  ids.erase(ids.begin());
  return ids;
}

absl::StatusOr<std::vector<TokenId>> HfTextModel::EncodeRendered(const RenderedChat& chat,
                                                                 std::size_t begin) const {
  std::string marked;
  const MarkedToken* before = nullptr;
  std::vector<TokenId> controls;
  std::size_t at = begin;
  for (const ControlToken& control : chat.controls) {
    const MarkedToken* token = FindById(control.id);
    PINTLE_CHECK(token != nullptr, "a rendered control token is one of this model's");
    if (control.begin < begin) {
      before = token;
      continue;
    }
    absl::StrAppend(&marked, absl::string_view(chat.text).substr(at, control.begin - at),
                    token->marker);
    controls.push_back(control.id);
    at = control.end;
  }
  absl::StrAppend(&marked, absl::string_view(chat.text).substr(at));
  if (marked.empty()) return std::vector<TokenId>();
  // Without any control token before it, the text's own start is the best neighbour there is.
  absl::StatusOr<std::vector<TokenId>> ids =
      before != nullptr
          ? EncodeBehind(*before, marked)
          : tokenizer_->Encode(marked, {.add_special_tokens = false, .parse_special = false});
  if (!ids.ok()) return ids;
  // A vocabulary may spell a control token from ordinary text; that text is refused, because
  // nothing a message says may become one.
  auto next = controls.begin();
  for (const TokenId id : *ids) {
    if (next != controls.end() && *next == id) {
      ++next;
    } else if (IsSpecial(id) && std::find(controls.begin(), controls.end(), id) != controls.end()) {
      return InvalidField("chat.messages", "hold text that this tokenizer takes for control");
    }
  }
  return ids;
}

absl::StatusOr<std::vector<TokenId>> HfTextModel::EncodeContinuation(absl::string_view text) const {
  if (text.empty()) return std::vector<TokenId>();
  const auto spells = [this, text](const std::vector<TokenId>& ids) {
    std::string spelled;
    for (const TokenId id : ids) absl::StrAppend(&spelled, TokenBytes(id));
    return spelled == text;
  };
  const std::vector<MarkedToken>& controls = tokenizer_->marked_tokens();
  // Metaspace tokenizers write a space before a text; one that the text brings stands for it.
  for (const absl::string_view part : {text, absl::StripPrefix(text, " ")}) {
    absl::StatusOr<std::vector<TokenId>> ids =
        controls.empty()
            ? tokenizer_->Encode(part, {.add_special_tokens = false, .parse_special = false})
            : EncodeBehind(controls.front(), part);
    if (ids.ok() && spells(*ids)) return ids;
  }
  std::vector<TokenId> ids = SpellGreedily(text);
  if (ids.empty()) return MakeError(Reason::kModelFailed, "the vocabulary cannot spell a text");
  return ids;
}

std::vector<TokenId> HfTextModel::SpellGreedily(absl::string_view text) const {
  std::vector<TokenId> ids;
  while (!text.empty()) {
    TokenId best = -1;
    std::size_t best_bytes = 0;
    for (TokenId id = 0; id < static_cast<TokenId>(vocab_size()); ++id) {
      const absl::string_view bytes = TokenBytes(id);
      if (bytes.size() > best_bytes && absl::StartsWith(text, bytes) && !IsSpecial(id)) {
        best = id;
        best_bytes = bytes.size();
      }
    }
    if (best < 0) return {};
    ids.push_back(best);
    text.remove_prefix(best_bytes);
  }
  return ids;
}

}  // namespace pintle::text

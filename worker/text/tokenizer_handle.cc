// SPDX-License-Identifier: Apache-2.0
#include "worker/text/tokenizer_handle.h"

#include <cstring>

#include "worker/text/text_errors.h"

namespace pintle::text {

absl::StatusOr<std::unique_ptr<TokenizerHandle>> TokenizerHandle::Create(
    absl::string_view tokenizer_json, std::uint64_t nonce) {
  pintle_tokenizer* tokenizer = nullptr;
  BridgeBuffer error;
  const std::int32_t status =
      pintle_tokenizer_open(SliceOf(tokenizer_json), nonce, &tokenizer, error.out());
  if (status != PINTLE_TEXT_OK) return BridgeError(status, "tokenizer.json", error.view());
  return std::unique_ptr<TokenizerHandle>(new TokenizerHandle(tokenizer));
}

TokenizerHandle::TokenizerHandle(pintle_tokenizer* tokenizer) : tokenizer_(tokenizer) {
  std::uint32_t id = 0;
  for (std::size_t i = 0;; ++i) {
    const absl::string_view marker = ViewOf(pintle_tokenizer_marker(tokenizer_, i, &id));
    if (marker.empty()) return;
    const auto token = static_cast<TokenId>(id);
    marked_tokens_.push_back({token, std::string(marker), std::string(Bytes(token))});
  }
}

absl::StatusOr<std::vector<TokenId>> TokenizerHandle::Encode(absl::string_view text,
                                                             EncodeOptions options) const {
  BridgeBuffer bytes;
  BridgeBuffer error;
  const std::int32_t status =
      pintle_tokenizer_encode(tokenizer_, SliceOf(text), options.add_special_tokens ? 1 : 0,
                              options.parse_special ? 1 : 0, bytes.out(), error.out());
  if (status != PINTLE_TEXT_OK) return BridgeError(status, "text", error.view());
  std::vector<TokenId> ids(bytes.view().size() / sizeof(TokenId));
  if (!ids.empty()) std::memcpy(ids.data(), bytes.view().data(), bytes.view().size());
  return ids;
}

absl::string_view TokenizerHandle::Bytes(TokenId id) const {
  std::int32_t special = 0;
  return id < 0
             ? absl::string_view()
             : ViewOf(pintle_tokenizer_piece(tokenizer_, static_cast<std::uint32_t>(id), &special));
}

bool TokenizerHandle::IsSpecial(TokenId id) const {
  std::int32_t special = 0;
  if (id >= 0) pintle_tokenizer_piece(tokenizer_, static_cast<std::uint32_t>(id), &special);
  return special != 0;
}

const MarkedToken* TokenizerHandle::FindByName(absl::string_view name) const {
  for (const MarkedToken& token : marked_tokens_) {
    if (token.name == name) return &token;
  }
  return nullptr;
}

}  // namespace pintle::text

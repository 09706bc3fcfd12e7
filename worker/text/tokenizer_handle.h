// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TEXT_TOKENIZER_HANDLE_H_
#define PINTLE_WORKER_TEXT_TOKENIZER_HANDLE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "contract/ids.h"
#include "worker/text/bridge/text_bridge.h"
#include "worker/text/seam/text_model.h"

namespace pintle::text {

// Bytes the bridge gave away, returned to it when this goes.
class BridgeBuffer {
 public:
  BridgeBuffer() = default;
  ~BridgeBuffer() { pintle_buffer_free(buffer_); }
  BridgeBuffer(const BridgeBuffer&) = delete;
  BridgeBuffer& operator=(const BridgeBuffer&) = delete;

  pintle_buffer* out() { return &buffer_; }
  absl::string_view view() const {
    return {reinterpret_cast<const char*>(buffer_.data), buffer_.size};
  }

 private:
  pintle_buffer buffer_ = {};
};

inline pintle_slice SliceOf(absl::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline absl::string_view ViewOf(pintle_slice slice) {
  return {reinterpret_cast<const char*>(slice.data), slice.size};
}

// One special token and the marker that stands for it in marked text.
struct MarkedToken {
  TokenId id = 0;
  std::string marker;
  std::string name;
};

// A tokenizer of the bridge: the file's own and its twin that knows special tokens by marker only.
// Thread: immutable, safe from any thread. Owns the Rust object.
class TokenizerHandle {
 public:
  // `nonce` keys the markers: random per process in production, any number in tests.
  static absl::StatusOr<std::unique_ptr<TokenizerHandle>> Create(absl::string_view tokenizer_json,
                                                                 std::uint64_t nonce);
  ~TokenizerHandle() { pintle_tokenizer_free(tokenizer_); }
  TokenizerHandle(const TokenizerHandle&) = delete;
  TokenizerHandle& operator=(const TokenizerHandle&) = delete;

  // Requires: valid UTF-8. With parse_special off, markers in the text become control ids.
  absl::StatusOr<std::vector<TokenId>> Encode(absl::string_view text, EncodeOptions options) const;
  absl::string_view Bytes(TokenId id) const;
  bool IsSpecial(TokenId id) const;
  std::size_t size() const { return pintle_tokenizer_size(tokenizer_); }
  bool strips_leading_space() const {
    return pintle_tokenizer_strips_leading_space(tokenizer_) != 0;
  }
  // Every marker starts with it; input that holds it is refused, so nobody can forge one.
  absl::string_view marker_prefix() const {
    return ViewOf(pintle_tokenizer_marker_prefix(tokenizer_));
  }
  const std::vector<MarkedToken>& marked_tokens() const { return marked_tokens_; }
  // Null when `name` is no special token.
  const MarkedToken* FindByName(absl::string_view name) const;
  const pintle_tokenizer* get() const { return tokenizer_; }

 private:
  explicit TokenizerHandle(pintle_tokenizer* tokenizer);

  pintle_tokenizer* tokenizer_;
  std::vector<MarkedToken> marked_tokens_;  // by the number in their marker
};

}  // namespace pintle::text

#endif  // PINTLE_WORKER_TEXT_TOKENIZER_HANDLE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TEXT_SEAM_TEXT_MODEL_H_
#define PINTLE_WORKER_TEXT_SEAM_TEXT_MODEL_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/generation.h"
#include "contract/ids.h"

namespace pintle::text {

// How a raw prompt becomes ids; the defaults are Hugging Face's.
struct EncodeOptions {
  // Lets the tokenizer's post-processor add BOS and the like.
  bool add_special_tokens = true;
  // Special tokens written in the text become their control ids; otherwise they are plain text.
  bool parse_special = true;
};

// What a chat template sees besides the messages.
struct RenderOptions {
  absl::string_view tools_json = {};               // JSON array, empty for none
  absl::string_view template_arguments_json = {};  // JSON object, empty for none
  bool add_generation_prompt = true;
  // The template's clock, frozen at CreateSession so that a date never moves within a session.
  absl::Time now = absl::UnixEpoch();
};

// A control token the template itself wrote: it covers text[begin, end).
struct ControlToken {
  std::size_t begin = 0;
  std::size_t end = 0;
  TokenId id = 0;

  friend bool operator==(const ControlToken&, const ControlToken&) = default;
};

// A rendered conversation. Only `controls` become control ids: the same characters anywhere else
// came from a message and are plain text.
struct RenderedChat {
  std::string text;
  std::vector<ControlToken> controls;  // ascending, not overlapping

  friend bool operator==(const RenderedChat&, const RenderedChat&) = default;
};

// One model's tokenizer and chat template.
// Thread: immutable after creation; every method is safe from any thread.
// Owns its tables; views it returns live as long as it does.
// Fails: as each method says; no input makes a call hang, because every input is bounded.
class TextModel {
 public:
  virtual ~TextModel() = default;

  // Ids of a raw prompt. PROMPT_TOO_LONG beyond limits::kPromptBytes, INVALID_FIELD for broken
  // UTF-8.
  virtual absl::StatusOr<std::vector<TokenId>> Encode(absl::string_view text,
                                                      EncodeOptions options) const = 0;

  // The conversation as the model's own template writes it. TEMPLATE_FAILED when the template
  // refuses it, is absent or exceeds its fuel; INVALID_FIELD for JSON that does not parse;
  // PROMPT_TOO_LONG when the text exceeds limits::kPromptBytes.
  virtual absl::StatusOr<RenderedChat> RenderChat(absl::Span<const Message> messages,
                                                  const RenderOptions& options) const = 0;

  // Ids of chat.text[begin, end of text), exactly as they would follow the text before `begin`.
  // Requires: begin is no position inside a control token or a UTF-8 sequence.
  virtual absl::StatusOr<std::vector<TokenId>> EncodeRendered(const RenderedChat& chat,
                                                              std::size_t begin) const = 0;

  // Ids whose continuation text (see Detokenizer) is exactly `text`, specials as plain text.
  // Used to replace a token that a stop string cut in the middle. INTERNAL when the vocabulary
  // cannot spell the text.
  virtual absl::StatusOr<std::vector<TokenId>> EncodeContinuation(absl::string_view text) const = 0;

  // The bytes a token stands for in running text (byte fallback and metaspace resolved), not
  // necessarily whole UTF-8 sequences. For a special token its name. Empty for ids that the
  // tokenizer does not know.
  virtual absl::string_view TokenBytes(TokenId id) const = 0;
  virtual bool IsSpecial(TokenId id) const = 0;
  // Ids are in [0, vocab_size()); may be less than the rows of the model's LM head.
  virtual std::size_t vocab_size() const = 0;
  // Ids that end a turn (generation_config.json, else config.json), ascending.
  virtual const std::vector<TokenId>& eos_token_ids() const = 0;
  virtual bool has_chat_template() const = 0;
  // The tokenizer's decoder removes one space at the very start of a text (metaspace models).
  virtual bool strips_leading_space() const = 0;

  // The text of a whole sequence; always valid UTF-8, broken bytes become U+FFFD.
  std::string Decode(absl::Span<const TokenId> ids, bool skip_special) const;
};

}  // namespace pintle::text

#endif  // PINTLE_WORKER_TEXT_SEAM_TEXT_MODEL_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TEXT_TEXT_FILES_H_
#define PINTLE_WORKER_TEXT_TEXT_FILES_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "contract/ids.h"

namespace pintle::text {

// What a Hugging Face model folder says about text, read once at load. Plain data.
struct TextFiles {
  std::string tokenizer_json;
  // Empty when the model has none.
  std::string chat_template;
  // The variant for chats with tools, where the folder names one; else empty.
  std::string tool_chat_template;
  // Template variables such as bos_token and the token each stands for.
  std::vector<std::pair<std::string, std::string>> named_tokens;
  // generation_config.json, else config.json; ascending. Empty when neither says.
  std::vector<TokenId> eos_token_ids;
};

// Reads tokenizer.json and, where they exist, tokenizer_config.json, chat_template.jinja,
// generation_config.json and config.json. MODEL_NOT_FOUND when tokenizer.json is missing,
// INVALID_FIELD naming the file when one does not parse or is larger than 64 MiB.
absl::StatusOr<TextFiles> ReadTextFiles(const std::string& folder);

}  // namespace pintle::text

#endif  // PINTLE_WORKER_TEXT_TEXT_FILES_H_

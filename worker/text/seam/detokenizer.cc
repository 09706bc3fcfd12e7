// SPDX-License-Identifier: Apache-2.0
#include "worker/text/seam/detokenizer.h"

#include <utility>

#include "worker/text/seam/utf8.h"

namespace pintle::text {

Detokenizer::Detokenizer(const TextModel& model, DetokenizerOptions options)
    : model_(model), options_(options) {}

std::string Detokenizer::Push(TokenId id) {
  if (options_.skip_special && model_.IsSpecial(id)) return std::string();
  absl::string_view bytes = model_.TokenBytes(id);
  if (std::exchange(first_, false) && options_.at_start && model_.strips_leading_space() &&
      !bytes.empty() && bytes.front() == ' ') {
    bytes.remove_prefix(1);
  }
  pending_.append(bytes.data(), bytes.size());
  std::string text;
  DrainUtf8(pending_, text);
  return text;
}

std::string Detokenizer::Flush() {
  if (std::exchange(pending_, std::string()).empty()) return std::string();
  return std::string(kReplacementCharacter);
}

}  // namespace pintle::text

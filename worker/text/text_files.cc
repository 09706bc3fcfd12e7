// SPDX-License-Identifier: Apache-2.0
#include "worker/text/text_files.h"

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "nlohmann/json.hpp"

namespace pintle::text {
namespace {

using Json = nlohmann::json;

// The largest tokenizers in use take 35 MB.
constexpr std::size_t kFileBytesMax = 64 << 20;

// Nullopt when the file does not exist.
absl::StatusOr<std::optional<std::string>> ReadFile(const std::string& folder,
                                                    absl::string_view name) {
  std::ifstream file(absl::StrCat(folder, "/", name), std::ios::binary | std::ios::ate);
  if (!file) return std::optional<std::string>();
  const std::streamoff size = file.tellg();
  if (size < 0 || static_cast<std::size_t>(size) > kFileBytesMax) {
    return InvalidField(name, absl::StrCat("is no file of at most ", kFileBytesMax, " bytes"));
  }
  file.seekg(0);
  std::string text(static_cast<std::size_t>(size), '\0');
  if (!file.read(text.data(), size)) return InvalidField(name, "cannot be read");
  return std::optional<std::string>(std::move(text));
}

// An empty object when the file does not exist.
absl::StatusOr<Json> ReadObject(const std::string& folder, absl::string_view name) {
  PINTLE_ASSIGN_OR_RETURN(const std::optional<std::string> text, ReadFile(folder, name));
  if (!text.has_value()) return Json::object();
  Json json = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return InvalidField(name, "is no JSON object");
  return json;
}

std::vector<TokenId> IdsOf(const Json& object) {
  std::vector<TokenId> ids;
  const auto found = object.find("eos_token_id");
  if (found == object.end()) return ids;
  if (found->is_number_integer()) ids.push_back(found->get<TokenId>());
  if (found->is_array()) {
    for (const Json& id : *found) {
      if (id.is_number_integer()) ids.push_back(id.get<TokenId>());
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

// A token is written as a string or as {"content": string}.
std::optional<std::string> TokenText(const Json& token) {
  if (token.is_string()) return token.get<std::string>();
  if (token.is_object()) {
    if (const auto content = token.find("content");
        content != token.end() && content->is_string()) {
      return content->get<std::string>();
    }
  }
  return std::nullopt;
}

void TakeTemplates(const Json& chat_template, TextFiles& files) {
  if (chat_template.is_string()) files.chat_template = chat_template.get<std::string>();
  if (!chat_template.is_array()) return;
  for (const Json& named : chat_template) {
    if (!named.is_object() || !named.value("template", Json()).is_string()) continue;
    const std::string text = named["template"].get<std::string>();
    const Json name = named.value("name", Json());
    if (name == "default") files.chat_template = text;
    if (name == "tool_use") files.tool_chat_template = text;
  }
}

}  // namespace

absl::StatusOr<TextFiles> ReadTextFiles(const std::string& folder) {
  TextFiles files;
  PINTLE_ASSIGN_OR_RETURN(std::optional<std::string> tokenizer, ReadFile(folder, "tokenizer.json"));
  if (!tokenizer.has_value()) {
    return MakeError(Reason::kModelNotFound, "the model folder has no tokenizer.json");
  }
  files.tokenizer_json = *std::move(tokenizer);

  PINTLE_ASSIGN_OR_RETURN(const Json config, ReadObject(folder, "tokenizer_config.json"));
  for (const char* name : {"bos_token", "eos_token", "unk_token", "pad_token", "sep_token",
                           "cls_token", "mask_token"}) {
    if (const auto found = config.find(name); found != config.end()) {
      if (auto text = TokenText(*found); text.has_value()) {
        files.named_tokens.emplace_back(name, *std::move(text));
      }
    }
  }
  if (const auto found = config.find("chat_template"); found != config.end()) {
    TakeTemplates(*found, files);
  }
  // The file of its own is the newer place and wins, as in transformers.
  PINTLE_ASSIGN_OR_RETURN(std::optional<std::string> jinja,
                          ReadFile(folder, "chat_template.jinja"));
  if (jinja.has_value()) files.chat_template = *std::move(jinja);

  PINTLE_ASSIGN_OR_RETURN(const Json generation, ReadObject(folder, "generation_config.json"));
  files.eos_token_ids = IdsOf(generation);
  if (files.eos_token_ids.empty()) {
    PINTLE_ASSIGN_OR_RETURN(const Json model, ReadObject(folder, "config.json"));
    files.eos_token_ids = IdsOf(model);
  }
  return files;
}

}  // namespace pintle::text

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/model_folder.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "worker/model/content_hash.h"
#include "worker/model/generation_config.h"
#include "worker/model/json_fields.h"

namespace pintle::model {
namespace {

// Largest JSON file read: tokenizer.json of the largest vocabularies is about 35 MB.
constexpr std::uintmax_t kJsonBytesMax = 256 << 20;

absl::Status Missing(const std::string& name) {
  return MakeError(Reason::kModelNotFound, absl::StrCat("the model folder lacks ", name));
}

absl::StatusOr<std::string> ReadFile(const std::string& folder, const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(folder) / name;
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return Missing(name);
  if (size > kJsonBytesMax) {
    return InvalidField(name, absl::StrCat("has ", size, " bytes, limit ", kJsonBytesMax));
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return Missing(name);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::string ReadIfThere(const std::string& folder, const std::string& name) {
  auto text = ReadFile(folder, name);
  return text.ok() ? *std::move(text) : std::string();
}

// The shards an index names. Names come from a file, so they may not leave the folder.
absl::StatusOr<std::vector<std::string>> ShardsOf(const std::string& index_text) {
  constexpr const char* kIndex = "model.safetensors.index.json";
  PINTLE_ASSIGN_OR_RETURN(const nlohmann::json json, ParseJsonObject(index_text, kIndex));
  const auto map = json.find("weight_map");
  if (map == json.end() || !map->is_object()) return InvalidField(kIndex, "has no weight_map");
  std::set<std::string> shards;
  for (const auto& file : *map) {
    if (!file.is_string()) return InvalidField(kIndex, "maps a tensor to something not a file");
    const auto name = file.get<std::string>();
    if (absl::StrContains(name, "/") || !absl::EndsWith(name, ".safetensors")) {
      return InvalidField(kIndex, "names a file that is no safetensors file of this folder");
    }
    shards.insert(name);
  }
  return std::vector<std::string>(shards.begin(), shards.end());
}

}  // namespace

absl::StatusOr<ModelFolder> ModelFolder::Open(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    return MakeError(Reason::kModelNotFound, "the model folder does not exist");
  }
  ModelFolder folder;
  folder.name_ = std::filesystem::weakly_canonical(path, error).filename().string();
  PINTLE_ASSIGN_OR_RETURN(folder.config_text_, ReadFile(path, "config.json"));
  PINTLE_ASSIGN_OR_RETURN(folder.config_, ModelConfig::Parse(folder.config_text_));
  PINTLE_ASSIGN_OR_RETURN(folder.defaults_,
                          ParseGenerationConfig(ReadIfThere(path, "generation_config.json"),
                                                folder.config_.eos_token_ids));
  // The text room reports a tokenizer that is missing; a model without one can still be tested.
  folder.tokenizer_text_ = ReadIfThere(path, "tokenizer.json");
  std::vector<std::string> files = {"model.safetensors"};
  const std::string index = ReadIfThere(path, "model.safetensors.index.json");
  if (!index.empty()) {
    PINTLE_ASSIGN_OR_RETURN(files, ShardsOf(index));
  }
  PINTLE_ASSIGN_OR_RETURN(folder.weights_, SafetensorsWeights::Open(path, files));
  return folder;
}

std::string ModelFolder::Fingerprint(absl::string_view dtype, int threads) const {
  ContentHash hash;
  hash.AddText(config_text_);
  hash.AddText(tokenizer_text_);
  for (const auto& file : weights_->Files()) hash.AddBytes(file, threads);
  hash.AddText(dtype);
  return hash.Hex();
}

}  // namespace pintle::model

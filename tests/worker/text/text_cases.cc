// SPDX-License-Identifier: Apache-2.0
#include "tests/worker/text/text_cases.h"

#include <cstdint>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/check.h"

#ifndef PINTLE_TEXT_SOURCE_DIR
#error "the build names the source folder"
#endif

namespace pintle::text {
namespace {

constexpr std::uint64_t kNonce = 0x1234567890ABCDEF;

std::unique_ptr<HfTextModel> Made(absl::StatusOr<std::unique_ptr<HfTextModel>> model) {
  PINTLE_CHECK(model.ok(), std::string(model.status().message()).c_str());
  return *std::move(model);
}

}  // namespace

std::string DataPath(const std::string& name) {
  return absl::StrCat(PINTLE_TEXT_SOURCE_DIR, "/tests/data/text/", name);
}

std::string ReadData(const std::string& name) {
  std::ifstream file(DataPath(name), std::ios::binary);
  PINTLE_CHECK(file.good(), name.c_str());
  return std::string(std::istreambuf_iterator<char>(file), {});
}

nlohmann::ordered_json ReadCases(const std::string& name) {
  return nlohmann::ordered_json::parse(ReadData(name));
}

std::unique_ptr<HfTextModel> ModelWith(const std::string& tokenizer, const std::string& source) {
  absl::StatusOr<TextFiles> files = ReadTextFiles(DataPath(tokenizer));
  PINTLE_CHECK(files.ok(), "the folder's files are read");
  files->chat_template = source;
  return Made(HfTextModel::Create(*std::move(files), kNonce));
}

std::unique_ptr<HfTextModel> SmallModel(const std::string& tokenizer, const std::string& name) {
  return ModelWith(tokenizer,
                   name.empty() ? std::string() : ReadData("templates/" + name + ".jinja"));
}

std::unique_ptr<HfTextModel> SmolLm2() {
  const std::string folder = absl::StrCat(PINTLE_TEXT_SOURCE_DIR, "/models/SmolLM2-135M-Instruct");
  if (!std::ifstream(folder + "/tokenizer.json").good()) return nullptr;
  return Made(HfTextModel::Load(folder, kNonce));
}

Message MessageOf(const std::string& role, const std::string& text) {
  Message message;
  message.role = role;
  message.text = text;
  return message;
}

std::vector<Message> MessagesOf(const nlohmann::ordered_json& messages) {
  std::vector<Message> result;
  for (const auto& json : messages) {
    Message message =
        MessageOf(json["role"].get<std::string>(), json["content"].get<std::string>());
    if (json.contains("tool_calls")) {
      for (const auto& call : json["tool_calls"]) {
        ToolCall tool_call;
        tool_call.name = call["function"]["name"].get<std::string>();
        tool_call.arguments_json = call["function"]["arguments"].dump();
        message.tool_calls.push_back(std::move(tool_call));
      }
    }
    result.push_back(std::move(message));
  }
  return result;
}

}  // namespace pintle::text

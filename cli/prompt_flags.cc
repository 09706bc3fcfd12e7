// SPDX-License-Identifier: Apache-2.0
#include "cli/prompt_flags.h"

#include <CLI/CLI.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/chat_messages.h"
#include "cli/exit_codes.h"
#include "cli/input_text.h"
#include "contract/status_macros.h"
#include "pintle/v1/inference.pb.h"

namespace pintle {
namespace {

void AddInput(CLI::App& group, const std::string& flag, const std::string& what,
              PromptFlags& flags) {
  group
      .add_option_function<std::string>(
          flag,
          [&flags, flag](const std::string& value) {
            flags.input = flag;
            flags.value = value;
          },
          what)
      ->type_name(flag.ends_with("-file") || flag == "--messages" ? "FILE" : "TEXT");
}

absl::StatusOr<std::string> TextOf(const PromptFlags& flags) {
  if (!flags.input.ends_with("-file") && flags.input != "--messages") return flags.value;
  return ReadInputFile(flags.input, flags.value);
}

absl::StatusOr<v1::Chat> ChatOf(const PromptFlags& flags, const std::string& text) {
  v1::Chat given;
  if (flags.input == "--messages") {
    PINTLE_ASSIGN_OR_RETURN(given, ParseMessages(flags.input, text));
  } else {
    AddMessage("user", text, given);
  }
  if (flags.replace) given.set_history(v1::REPLACE);
  if (flags.system.empty()) return given;
  v1::Chat chat;
  AddMessage("system", flags.system, chat);
  chat.MergeFrom(given);
  return chat;
}

template <typename Request>
absl::Status Fill(const PromptFlags& flags, Request& request) {
  PINTLE_ASSIGN_OR_RETURN(const std::string text, TextOf(flags));
  const bool is_chat = flags.input.starts_with("--chat") || flags.input == "--messages";
  if (!is_chat && (!flags.system.empty() || flags.replace)) {
    return UsageError("--system and --replace belong to --chat and --messages");
  }
  if (is_chat) {
    PINTLE_ASSIGN_OR_RETURN(*request.mutable_chat(), ChatOf(flags, text));
  } else if (flags.input.starts_with("--tokens")) {
    PINTLE_ASSIGN_OR_RETURN(const auto ids, ParseTokenIds(flags.input, text));
    request.mutable_tokens()->mutable_ids()->Assign(ids.begin(), ids.end());
  } else {
    request.mutable_prompt()->set_text(text);
  }
  return absl::OkStatus();
}

}  // namespace

void AddPromptFlags(CLI::App& app, PromptFlags& flags) {
  CLI::App* input = app.add_option_group("Input", "exactly one of");
  AddInput(*input, "--prompt", "Text the model continues as it is", flags);
  AddInput(*input, "--chat", "A user's message; on a session it follows the conversation", flags);
  AddInput(*input, "--tokens", "Token ids, such as 1,2,3", flags);
  AddInput(*input, "--prompt-file", "--prompt from a file; - is standard input", flags);
  AddInput(*input, "--chat-file", "--chat from a file", flags);
  AddInput(*input, "--tokens-file", "--tokens from a file", flags);
  AddInput(*input, "--messages",
           "JSON: a list of {\"role\", \"content\"}, or {\"messages\", \"tools\"}", flags);
  input->require_option(1);
  app.add_option("--system", flags.system, "System message before the chat")->type_name("TEXT");
}

void AddReplaceFlag(CLI::App& app, PromptFlags& flags) {
  app.add_flag("--replace", flags.replace,
               "The messages are the session's whole conversation, not its continuation");
}

absl::Status FillInput(const PromptFlags& flags, v1::GenerateRequest& request) {
  return Fill(flags, request);
}

absl::Status FillInput(const PromptFlags& flags, v1::TokenizeRequest& request) {
  return Fill(flags, request);
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_PROMPT_FLAGS_H_
#define PINTLE_CLI_PROMPT_FLAGS_H_

#include <string>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace pintle {

namespace v1 {
class GenerateRequest;
class TokenizeRequest;
}  // namespace v1

// What goes into the model, as flags: exactly one of the inputs, and what belongs to a chat. Unset
// flags are told from empty ones by `input`, the name of the flag that was given.
struct PromptFlags {
  std::string input;
  // The flag's value: a text, a list of ids or a file's path.
  std::string value;
  std::string system;
  bool replace = false;
};

// Adds --prompt, --chat, --tokens, the same from files, --messages and --system; one of the inputs
// is required. `flags` outlives the app.
void AddPromptFlags(CLI::App& app, PromptFlags& flags);
// Adds --replace.
void AddReplaceFlag(CLI::App& app, PromptFlags& flags);

// Reads the files and fills the request's input. Fails: usage and local errors naming the flag.
absl::Status FillInput(const PromptFlags& flags, v1::GenerateRequest& request);
absl::Status FillInput(const PromptFlags& flags, v1::TokenizeRequest& request);

}  // namespace pintle

#endif  // PINTLE_CLI_PROMPT_FLAGS_H_

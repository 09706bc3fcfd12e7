// SPDX-License-Identifier: Apache-2.0
#include "cli/tokenize_command.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/message_json.h"
#include "cli/table.h"
#include "contract/status_macros.h"
#include "pintle/v1/inference.grpc.pb.h"

namespace pintle {

void TokenizeCommand::AddFlags(CLI::App& app) {
  AddPromptFlags(app, prompt_);
  app.add_option("--model", model_, "Needed only where several models are served")
      ->type_name("NAME");
  app.add_flag("--no-generation-prompt", no_generation_prompt_,
               "A chat without the template's opening of the answer");
  app.footer(
      "Examples:\n"
      "  pintle tokenize --prompt 'Hello world'\n"
      "  pintle tokenize --chat 'Hello'\n"
      "  pintle tokenize --tokens 1,2,3\n");
}

absl::Status TokenizeCommand::Run(CommandContext& context) {
  v1::TokenizeRequest request;
  PINTLE_RETURN_IF_ERROR(FillInput(prompt_, request));
  request.set_model(model_);
  if (no_generation_prompt_) request.set_add_generation_prompt(false);
  v1::TokenizeResponse response;
  PINTLE_RETURN_IF_ERROR(
      context.connection.Call(&v1::Inference::Stub::Tokenize, request, &response));
  if (context.json) {
    PINTLE_ASSIGN_OR_RETURN(const std::string json, MessageJson(response));
    context.terminal.Line(json);
  } else if (request.has_tokens()) {
    context.terminal.Text(absl::StrCat(response.text(), "\n"));
  } else {
    context.terminal.Line(absl::StrJoin(response.token_ids(), ","));
    context.terminal.Note(absl::StrCat(Grouped(response.token_ids_size()), " tokens"));
  }
  return absl::OkStatus();
}

}  // namespace pintle

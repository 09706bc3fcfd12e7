// SPDX-License-Identifier: Apache-2.0
#include "cli/models_command.h"

#include <CLI/CLI.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "cli/message_json.h"
#include "cli/table.h"
#include "contract/status_macros.h"
#include "pintle/v1/inference.grpc.pb.h"
#include "services/options/byte_size.h"

namespace pintle {

void ModelsCommand::AddFlags(CLI::App& app) { app.footer("Example:\n  pintle models\n"); }

absl::Status ModelsCommand::Run(CommandContext& context) {
  v1::ListModelsResponse response;
  PINTLE_RETURN_IF_ERROR(context.connection.Call(&v1::Inference::Stub::ListModels,
                                                 v1::ListModelsRequest(), &response));
  if (context.json) {
    PINTLE_ASSIGN_OR_RETURN(const std::string json, MessageJson(response));
    context.terminal.Line(json);
    return absl::OkStatus();
  }
  Table table({{"MODEL"},
               {"ARCHITECTURE"},
               {"DTYPE"},
               {"KV DTYPE"},
               {"CONTEXT", Align::kRight},
               {"VOCABULARY", Align::kRight},
               {"WEIGHTS", Align::kRight},
               {"KV/TOKEN", Align::kRight},
               {"CHAT"},
               {"DEVICE"},
               {"KERNELS"}});
  for (const v1::Model& model : response.models()) {
    table.AddRow({OrDash(model.name()), OrDash(model.architecture()), OrDash(model.dtype()),
                  OrDash(model.kv_dtype()), Grouped(model.context_tokens()),
                  Grouped(model.vocabulary()), FormatByteSize(model.weight_bytes()),
                  FormatByteSize(model.kv_bytes_per_token()),
                  model.has_chat_template() ? "yes" : "no", OrDash(model.device()),
                  OrDash(model.kernels())});
  }
  if (table.empty()) {
    context.terminal.Note("no model is served now; pintle workers --wait 1 waits for a worker");
  } else {
    context.terminal.Line(table.ToString());
  }
  return absl::OkStatus();
}

}  // namespace pintle

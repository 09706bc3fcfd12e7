// SPDX-License-Identifier: Apache-2.0
#include "cli/plan_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "contract/status_macros.h"
#include "services/options/byte_size.h"
#include "worker/kv/memory_plan.h"
#include "worker/model/torch_decoder.h"
#include "worker/process/worker_options.h"

namespace pintle {
namespace {

struct PlanFlags {
  std::string model;
  std::string memory;
  std::string kv_bytes;
  std::string disk;
  std::string pin_budget;
  std::int64_t sessions = 0;
  std::int32_t context = 0;
  std::int32_t block_tokens = 0;
  model::TorchDecoderOptions decoder;
  bool json = false;
};

void AddPlanFlags(CLI::App& app, PlanFlags& flags) {
  const WorkerOptions defaults;
  flags.decoder.dtype = defaults.dtype;
  app.add_option("--model", flags.model, "[NAME=]DIR: a Hugging Face folder")->required();
  CLI::Option* memory = app.add_option("--memory", flags.memory,
                                       "For weights and KV pool together, with MiB or GiB");
  app.add_option("--kv-bytes", flags.kv_bytes, "For the KV pool alone, as the worker's flag")
      ->excludes(memory);
  app.add_option("--disk", flags.disk, "For a disk tier");
  app.add_option("--pin-budget", flags.pin_budget,
                 "For guaranteed pins, as the worker's flag: tokens, or N% of the pool");
  app.add_option("--sessions", flags.sessions, "Sessions that shall keep their KV")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 40));
  app.add_option("--context", flags.context, "Tokens of each session; the model's context when 0")
      ->check(CLI::Range(0, 1 << 30));
  app.add_option("--dtype", flags.decoder.dtype, "Type of weights and arithmetic")
      ->check(CLI::IsMember({"bf16", "f32", "f16", "int8", "w8a8", "int4"}))
      ->capture_default_str();
  app.add_option("--kv-dtype", flags.decoder.kv_dtype, "Type of the KV cache; --dtype's when empty")
      ->check(CLI::IsMember({"", "bf16", "f32", "f16", "int8"}));
  app.add_option("--device", flags.decoder.device, "cpu, or cuda:N")->capture_default_str();
  app.add_option("--block-tokens", flags.block_tokens,
                 "Tokens of a block, to try other sizes; the device's own when 0")
      ->check(CLI::Range(0, 65536));
  app.add_flag("--json", flags.json, "JSON on standard output");
}

struct Plan {
  model::ModelOutline outline;
  kv::MemoryNeeds needs;
  kv::MemoryPlan plan;
};

absl::StatusOr<std::int64_t> Bytes(const char* flag, const std::string& text) {
  absl::StatusOr<std::int64_t> bytes = ParseByteSize(text);
  if (bytes.ok()) return bytes;
  return absl::InvalidArgumentError(absl::StrCat(flag, ": ", bytes.status().message()));
}

absl::StatusOr<Plan> MakePlan(const PlanFlags& flags) {
  Plan made;
  model::TorchDecoderOptions options = flags.decoder;
  const ModelFlag model = ParseModelFlag(flags.model);
  options.model_dir = model.folder;
  options.name = model.name;
  PINTLE_ASSIGN_OR_RETURN(made.outline, model::TorchDecoder::Outline(options));
  KvLayout& layout = made.outline.layout;
  if (flags.block_tokens > 0) {
    layout.block_bytes = layout.block_bytes / static_cast<std::size_t>(layout.block_tokens) *
                         static_cast<std::size_t>(flags.block_tokens);
    layout.block_tokens = flags.block_tokens;
  }
  kv::MemoryNeeds& needs = made.needs;
  needs.block_tokens = layout.block_tokens;
  needs.block_bytes = static_cast<std::int64_t>(layout.block_bytes);
  needs.bytes_per_token = static_cast<std::int64_t>(layout.bytes_per_token);
  needs.context_tokens = made.outline.config.context_tokens;
  needs.sessions = flags.sessions;
  needs.session_tokens = flags.context;
  if (!flags.disk.empty()) {
    PINTLE_ASSIGN_OR_RETURN(needs.disk_bytes, Bytes("--disk", flags.disk));
  }
  if (!flags.memory.empty()) {
    PINTLE_ASSIGN_OR_RETURN(const std::int64_t memory, Bytes("--memory", flags.memory));
    needs.kv_bytes = std::max<std::int64_t>(memory - made.outline.weight_bytes, 0);
  } else {
    const std::string pool = flags.kv_bytes.empty() ? WorkerOptions().kv_bytes : flags.kv_bytes;
    PINTLE_ASSIGN_OR_RETURN(needs.kv_bytes, Bytes("--kv-bytes", pool));
  }
  const absl::StatusOr<kv::PinBudget> budget = kv::ParsePinBudget(flags.pin_budget);
  if (!budget.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--pin-budget ", budget.status().message()));
  }
  needs.pin_budget = *budget;
  made.plan = kv::PlanMemory(needs);
  return made;
}

nlohmann::json RoomJson(const kv::TierRoom& room) {
  return {{"blocks", room.blocks},
          {"tokens", room.tokens},
          {"bytes", room.bytes},
          {"sessions", room.sessions}};
}

void PrintJson(const Plan& made) {
  const kv::MemoryPlan& plan = made.plan;
  const nlohmann::json json = {{"model", made.outline.name},
                               {"dtype", made.outline.dtype},
                               {"kv_dtype", made.outline.kv_dtype},
                               {"bytes_per_token", made.needs.bytes_per_token},
                               {"block_tokens", made.needs.block_tokens},
                               {"block_bytes", made.needs.block_bytes},
                               {"weight_bytes", made.outline.weight_bytes},
                               {"kv_bytes", made.needs.kv_bytes},
                               {"context_tokens", plan.context_tokens},
                               {"device", RoomJson(plan.device)},
                               {"disk", RoomJson(plan.disk)},
                               {"pin_budget_tokens", plan.pin_budget_tokens},
                               {"pin_budget_sessions", plan.pin_budget_sessions},
                               {"session_blocks", plan.session_blocks},
                               {"fits_device", plan.fits_device},
                               {"fits_tiers", plan.fits_tiers},
                               {"kv_bytes_needed", plan.kv_bytes_needed}};
  std::printf("%s\n", json.dump(2).c_str());
}

std::string Room(const char* tier, const kv::TierRoom& room) {
  return absl::StrCat("  ", tier, room.blocks, " blocks, ", room.tokens, " tokens (",
                      FormatByteSize(room.bytes), "): ", room.sessions, " sessions\n");
}

void PrintText(const Plan& made) {
  const kv::MemoryPlan& plan = made.plan;
  const model::ModelConfig& config = made.outline.config;
  std::string text = absl::StrCat(
      made.outline.name, ": KV of a token is 2 x ", config.layers, " layers x ", config.kv_heads,
      " KV heads x ", config.head_dim, " x ", made.outline.kv_dtype, " = ",
      made.needs.bytes_per_token, " bytes; weights as ", made.outline.dtype, " are ",
      FormatByteSize(made.outline.weight_bytes), "\n", kv::DescribePool(made.needs, plan), "\n",
      "Sessions of ", plan.session_blocks, " blocks, ",
      plan.session_blocks * made.needs.block_tokens, " tokens:\n", Room("pool  ", plan.device));
  if (made.needs.disk_bytes > 0) text += Room("disk  ", plan.disk);
  absl::StrAppend(&text, "  guaranteed at once: ", plan.pin_budget_sessions, " sessions\n");
  if (made.needs.sessions > 0) {
    const char* verdict = plan.fits_device  ? " sessions fit into the pool"
                          : plan.fits_tiers ? " sessions fit into pool and disk together"
                                            : " sessions do not fit";
    absl::StrAppend(&text, made.needs.sessions, verdict);
    if (!plan.fits_device) {
      absl::StrAppend(&text, "; a pool for all is --kv-bytes ",
                      FormatByteSize(plan.kv_bytes_needed), " (", plan.kv_bytes_needed, " bytes)");
    }
    text += "\n";
  }
  absl::StrAppend(&text, "Give the worker --kv-bytes ", made.needs.kv_bytes,
                  "; its activations and the process need a few hundred MiB beside it\n");
  std::fputs(text.c_str(), stdout);
}

}  // namespace

int RunPlan(int argc, char** argv) {
  CLI::App app{"How many tokens and sessions a memory holds, before anything is deployed.",
               "pintle plan"};
  app.footer(
      "Example: pintle plan --model models/SmolLM2-135M-Instruct --memory 16GiB --sessions 200 "
      "--context 4096");
  PlanFlags flags;
  AddPlanFlags(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 reports by exceptions; they end here. Its own codes are above 100 and mean the same.
    return app.exit(error) == 0 ? 0 : 2;
  }
  const absl::StatusOr<Plan> made = MakePlan(flags);
  if (!made.ok()) {
    std::fprintf(stderr, "pintle plan: %s\n", std::string(made.status().message()).c_str());
    return 1;
  }
  if (!made->plan.starts) {
    std::fprintf(stderr,
                 "pintle plan: %lld bytes for the KV pool are %lld blocks of %lld bytes; a worker "
                 "needs at least %lld\n",
                 static_cast<long long>(made->needs.kv_bytes),
                 static_cast<long long>(made->plan.device.blocks),
                 static_cast<long long>(made->needs.block_bytes),
                 static_cast<long long>(kv::kPoolBlocksMin));
    return 1;
  }
  if (const absl::Status pins = kv::CheckPins(made->needs, made->plan); !pins.ok()) {
    std::fprintf(stderr, "pintle plan: %s\n", std::string(pins.message()).c_str());
    return 1;
  }
  if (flags.json) {
    PrintJson(*made);
  } else {
    PrintText(*made);
  }
  return 0;
}

}  // namespace pintle

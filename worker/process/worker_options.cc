// SPDX-License-Identifier: Apache-2.0
#include "worker/process/worker_options.h"

#include <CLI/CLI.hpp>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "services/options/byte_size.h"
#include "worker/kv/memory_plan.h"
#include "worker/kv/policy_registry.h"

namespace pintle {
namespace {

// What one step computes, and for whom.
void AddStepFlags(CLI::App& app, WorkerOptions& options) {
  app.add_option(
         "--step-tokens", options.step_tokens,
         "Tokens one step computes at most: prompts are cut into chunks that fit beside the "
         "running streams")
      ->check(CLI::Range(16, 65536))
      ->capture_default_str();
  app.add_option("--inter-token-ms", options.inter_token_ms,
                 "Longest step while streams run: prompts are cut into chunks that keep it, by "
                 "measured speed; 0 for 2.2 times a step without prompts, and more where several "
                 "prompts wait")
      ->check(CLI::Range(0.0, 60000.0))
      ->capture_default_str();
  app.add_option("--speculation", options.speculation,
                 "ngram: text that repeats itself is made several tokens a step, where measured "
                 "speed says it pays; the tokens are the same. off: one token a step")
      ->check(CLI::IsMember({"ngram", "off"}))
      ->capture_default_str();
  app.add_option("--speculation-tokens", options.speculation_tokens,
                 "Tokens tried ahead in one step of one stream, at most")
      ->check(CLI::Range(1, static_cast<int>(limits::kDraftTokens)))
      ->capture_default_str();
  app.add_option("--sequences-max", options.sequences_max, "Sequences running at once")
      ->check(CLI::Range(1, static_cast<int>(limits::kRunningSequences)))
      ->capture_default_str();
  app.add_option("--queue-seconds", options.queue_seconds,
                 "A turn waiting for longer is refused with POOL_FULL")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
}

// Who computes, and in which types.
void AddComputeFlags(CLI::App& app, WorkerOptions& options) {
  app.add_option("--threads", options.threads,
                 "Compute threads; 0 takes one for each core this process may use, and no more "
                 "than its container's CPU limit pays for")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.add_option("--core-pinning", options.core_pinning,
                 "Whether each compute thread keeps a core of its own: auto pins where they take "
                 "all cores this process may use")
      ->check(CLI::IsMember({"auto", "on", "off"}))
      ->capture_default_str();
  app.add_option("--text-threads", options.text_threads,
                 "Threads that render, tokenize and detokenize")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--device", options.device, "cpu, or cuda:N")->capture_default_str();
  app.add_option("--dtype", options.dtype,
                 "Type of weights and arithmetic. Quantised while loading, on a CPU: int8 weights, "
                 "w8a8 weights and rows, int4 weights by groups")
      ->check(CLI::IsMember({"bf16", "f32", "f16", "int8", "w8a8", "int4"}))
      ->capture_default_str();
  app.add_option("--kv-dtype", options.kv_dtype,
                 "Type of the KV cache; --dtype's when empty, bf16 for quantised weights; int8 on "
                 "a CPU, with a scale per position and head")
      ->check(CLI::IsMember({"", "bf16", "f32", "f16", "int8"}));
  app.add_option("--kernels", options.kernels,
                 "Who computes on a CPU: own kernels, or aten (LibTorch: slower, to compare with)")
      ->check(CLI::IsMember({"own", "aten"}))
      ->capture_default_str();
  app.add_flag("--batch-invariant", options.batch_invariant,
               "Start only with kernels that give a row the same bits whatever shares its step: "
               "our own, on a CPU, which always do");
}

}  // namespace

void AddWorkerFlags(CLI::App& app, WorkerOptions& options, bool cluster) {
  app.add_option("--model", options.model,
                 "[NAME=]DIR: a Hugging Face folder (config.json, tokenizer.json, *.safetensors)")
      ->required();
  if (cluster) {
    app.add_option("--coordinator", options.coordinators,
                   "HOST:PORT[,...] of coordinators to join; without it the worker serves clients "
                   "alone")
        ->delimiter(',');
    app.add_option("--advertise", options.advertise,
                   "HOST:PORT coordinators dial; the address listened on when empty");
    app.add_option("--name", options.name, "The worker's name; its advertised address when empty");
  }
  AddComputeFlags(app, options);
  app.add_option("--kv-bytes", options.kv_bytes, "Size of the KV pool, with KiB, MiB or GiB")
      ->capture_default_str();
  app.add_option("--disk-tier", options.disk_tier,
                 "Folder for KV blocks that memory has no room for, this worker's alone; empty: "
                 "they are dropped and computed again");
  app.add_option("--disk-tier-size", options.disk_tier_size,
                 "Most the folder may take, with MiB, GiB or TiB")
      ->capture_default_str();
  app.add_option("--record-turns", options.record_turns,
                 "Folder for a record of which KV blocks each turn looked for, as hashes, to be "
                 "replayed by pintle simulate --trace; empty: none");
  app.add_option("--record-turns-size", options.record_turns_size,
                 "Recording ends at this size, with MiB or GiB")
      ->capture_default_str();
  // The registry is the one list: a policy added there is taken and shown here.
  const auto policies = kv::PolicyNames();
  app.add_option("--eviction-policy", options.eviction_policy, "Who goes first when room is needed")
      ->check(CLI::IsMember(std::vector<std::string>(policies.begin(), policies.end())))
      ->capture_default_str();
  app.add_option("--pin-budget", options.pin_budget,
                 "Tokens that guaranteed pins may come to, or a share of the pool as N%; half the "
                 "pool, or what one maximal turn leaves, when empty");
  AddStepFlags(app, options);
}

absl::Status WorkerOptions::Validate() const {
  if (absl::StatusOr<std::int64_t> bytes = ParseByteSize(kv_bytes); !bytes.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--kv-bytes: ", bytes.status().message()));
  }
  if (absl::StatusOr<std::int64_t> bytes = ParseByteSize(disk_tier_size); !bytes.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--disk-tier-size: ", bytes.status().message()));
  }
  if (absl::StatusOr<std::int64_t> bytes = ParseByteSize(record_turns_size); !bytes.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--record-turns-size: ", bytes.status().message()));
  }
  if (absl::StatusOr<kv::PinBudget> budget = kv::ParsePinBudget(pin_budget); !budget.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("--pin-budget ", budget.status().message()));
  }
  if (device != "cpu" && !absl::StartsWith(device, "cuda:")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--device is '", device, "', it takes cpu or cuda:N"));
  }
  if (device == "cpu" && (dtype == "f16" || kv_dtype == "f16")) {
    return absl::InvalidArgumentError("--dtype f16 needs --device cuda:N; on cpu use bf16 or f32");
  }
  if (batch_invariant && (device != "cpu" || kernels == "aten")) {
    return absl::InvalidArgumentError(
        "--batch-invariant needs --device cpu and --kernels own: a row of LibTorch's kernels "
        "depends on the rows beside it");
  }
  const bool quantised = dtype == "int8" || dtype == "w8a8" || dtype == "int4";
  if (kv_dtype == "int8" && (device != "cpu" || kernels == "aten")) {
    return absl::InvalidArgumentError(
        "--kv-dtype int8 is for --device cpu and --kernels own");
  }
  if (quantised && (device != "cpu" || kernels == "aten")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--dtype ", dtype, " is for --device cpu and --kernels own"));
  }
  return absl::OkStatus();
}

ModelFlag ParseModelFlag(const std::string& model) {
  const std::size_t equals = model.find('=');
  const bool named = equals != std::string::npos && model.find('/') > equals;
  ModelFlag flag;
  flag.folder = named ? model.substr(equals + 1) : model;
  std::filesystem::path path(flag.folder);
  if (!path.has_filename()) path = path.parent_path();
  flag.name = named ? model.substr(0, equals) : path.filename().string();
  return flag;
}

}  // namespace pintle

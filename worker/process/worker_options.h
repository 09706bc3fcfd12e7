// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_PROCESS_WORKER_OPTIONS_H_
#define PINTLE_WORKER_PROCESS_WORKER_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/options/server_options.h"

namespace CLI {
class App;
}

namespace pintle {

// A worker's own flags; the initial values are the table of defaults.
struct WorkerOptions {
  ServerOptions server;
  std::string model;                      // [NAME=]DIR
  std::vector<std::string> coordinators;  // HOST:PORT each
  std::string advertise;                  // empty = the address listened on
  std::string name;                       // empty = the advertised address
  int threads = 0;                        // 0 = UsableCores()
  std::string core_pinning = "auto";
  int text_threads = 2;
  std::string device = "cpu";
  std::string dtype = "bf16";
  std::string kv_dtype;  // empty = dtype
  std::string kernels = "own";
  bool batch_invariant = false;  // refuse kernels whose rows depend on the batch
  std::string kv_bytes = "1GiB";
  std::string eviction_policy = "lru";
  std::string pin_budget;  // tokens or N%; empty = half the pool, or what a maximal turn leaves
  std::string disk_tier;  // folder; empty = no tier below the device
  std::string disk_tier_size = "8GiB";
  std::string record_turns;  // folder; empty = no record
  std::string record_turns_size = "1GiB";
  std::int32_t step_tokens = 256;
  double inter_token_ms = 0;  // 0 = 2.2 times a step without prompts, or more
  std::string speculation = "ngram";
  std::int32_t speculation_tokens = 8;
  std::int32_t sequences_max = 256;
  double queue_seconds = 60;

  // INVALID_ARGUMENT names the flag, its value and what is taken.
  absl::Status Validate() const;
};

// Adds the model and engine flags; with `cluster`, also those of a worker that joins coordinators
// (`pintle serve` has none of these). `options` outlives the command line.
void AddWorkerFlags(CLI::App& app, WorkerOptions& options, bool cluster);

// Splits [NAME=]DIR; the name defaults to the folder's own.
struct ModelFlag {
  std::string name;
  std::string folder;
};
ModelFlag ParseModelFlag(const std::string& model);

}  // namespace pintle

#endif  // PINTLE_WORKER_PROCESS_WORKER_OPTIONS_H_

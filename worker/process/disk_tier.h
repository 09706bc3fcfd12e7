// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_PROCESS_DISK_TIER_H_
#define PINTLE_WORKER_PROCESS_DISK_TIER_H_

#include <array>
#include <cstdint>

#include "absl/status/statusor.h"
#include "contract/model_info.h"
#include "worker/engine/tier_link.h"
#include "worker/model/seam/decoder.h"
#include "worker/process/worker_options.h"

namespace pintle {

// The disk tier as --disk-tier asks for it, ready for an engine.
struct DiskTier {
  EngineTier tier;  // without a store when no folder was given
  // Of the cache's hashes: the folder's own, so that its blocks are found again.
  std::array<std::uint64_t, 2> hash_key{};
  bool was_foreign = false;  // another model's blocks were dropped
};

// Opens the folder, takes up its manifest, or begins both anew; says on standard error what it
// found. `fresh_key` is used where there is none. Errors name the flag.
absl::StatusOr<DiskTier> OpenDiskTier(const WorkerOptions& options, const ModelInfo& model,
                                      const KvLayout& layout,
                                      const std::array<std::uint64_t, 2>& fresh_key);

}  // namespace pintle

#endif  // PINTLE_WORKER_PROCESS_DISK_TIER_H_

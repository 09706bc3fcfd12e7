// SPDX-License-Identifier: Apache-2.0
#include "worker/process/disk_tier.h"

#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/status_macros.h"
#include "services/options/byte_size.h"
#include "worker/tier/disk_block_store.h"
#include "worker/tier/tier_manifest.h"

namespace pintle {
namespace {

absl::Status AtFlag(const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("--disk-tier: ", status.message()));
}

}  // namespace

absl::StatusOr<DiskTier> OpenDiskTier(const WorkerOptions& options, const ModelInfo& model,
                                      const KvLayout& layout,
                                      const std::array<std::uint64_t, 2>& fresh_key) {
  DiskTier disk;
  disk.hash_key = fresh_key;
  if (options.disk_tier.empty()) return disk;
  tier::DiskBlockStore::Options store;
  store.folder = options.disk_tier;
  PINTLE_ASSIGN_OR_RETURN(store.bytes_max, ParseByteSize(options.disk_tier_size));
  store.block_bytes = layout.block_bytes;
  store.block_tokens = layout.block_tokens;
  // The content's layout is the kernels' own, so that of others is foreign too.
  store.identity = absl::StrCat(model.fingerprint, "/", model.kv_dtype, "/", model.device, "/",
                                model.kernels, "/", layout.bytes_per_token);
  auto opened = tier::DiskBlockStore::Open(store);
  if (!opened.ok()) return AtFlag(opened.status());
  disk.was_foreign = (*opened)->was_foreign();
  auto manifest = tier::LoadManifest(options.disk_tier);
  if (manifest.ok()) {
    disk.hash_key = manifest->hash_key;
    if (!disk.was_foreign) disk.tier.sessions = std::move(manifest->sessions);
  } else {
    // Before any block: one written under a key that is not kept could not be found again.
    tier::TierManifest fresh;
    fresh.hash_key = fresh_key;
    if (absl::Status saved = tier::SaveManifest(options.disk_tier, fresh); !saved.ok()) {
      return AtFlag(saved);
    }
    if (!absl::IsNotFound(manifest.status())) {
      std::fprintf(stderr, "disk tier: the manifest was damaged, its blocks are dropped\n");
    }
  }
  if (disk.was_foreign) {
    std::fprintf(stderr,
                 "disk tier: the blocks were another model's or another layout's, they are "
                 "dropped\n");
  }
  disk.tier.store = *std::move(opened);
  disk.tier.was_foreign = disk.was_foreign;
  disk.tier.folder = options.disk_tier;
  return disk;
}

}  // namespace pintle

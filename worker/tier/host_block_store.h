// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TIER_HOST_BLOCK_STORE_H_
#define PINTLE_WORKER_TIER_HOST_BLOCK_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/tier/block_store.h"

namespace pintle::tier {

// Memory whose pages a device can reach without a copy in between: pinned memory where there is a
// CUDA device.
// Thread: confined to one. Fails: Allocate answers null.
class HostMemory {
 public:
  virtual ~HostMemory() = default;
  virtual std::byte* Allocate(std::size_t bytes) = 0;
  virtual void Free(std::byte* memory, std::size_t bytes) = 0;
};

// Slots in the host's memory, for workers whose blocks live on a device. Its content ends with the
// process. Tested on a CPU with ordinary memory in the device's place; no worker of this version
// makes one, because the CUDA decoder's copies between device and pinned memory are not built.
// Thread: as BlockStore. Owns its memory; borrows the allocator.
// Fails: Create when the memory cannot be had; else as BlockStore.
class HostBlockStore final : public BlockStore {
 public:
  // RESOURCE_EXHAUSTED: not that much memory. INVALID_ARGUMENT: less than one block.
  static absl::StatusOr<std::unique_ptr<HostBlockStore>> Create(HostMemory& memory,
                                                                std::int64_t bytes_max,
                                                                std::size_t block_bytes);
  ~HostBlockStore() override;

  kv::KvTier tier() const override { return kv::KvTier::kHost; }
  std::int32_t slots() const override { return static_cast<std::int32_t>(labels_.size()); }
  std::size_t block_bytes() const override { return block_bytes_; }
  std::size_t slot_bytes() const override { return block_bytes_; }
  absl::Status Write(std::int32_t slot, const BlockLabel& label,
                     absl::Span<const std::byte> bytes) override;
  absl::Status Read(std::int32_t slot, BlockLabel* label, absl::Span<std::byte> bytes) override;
  absl::Status ReadLabel(std::int32_t slot, BlockLabel* label) override;
  absl::Status Erase(std::int32_t slot) override;

 private:
  HostBlockStore(HostMemory& memory, std::byte* bytes, std::int32_t slots,
                 std::size_t block_bytes);

  std::byte* At(std::int32_t slot) {
    return bytes_ + static_cast<std::size_t>(slot) * block_bytes_;
  }

  HostMemory& memory_;
  std::byte* const bytes_;
  const std::size_t block_bytes_;
  std::vector<std::optional<BlockLabel>> labels_;
};

}  // namespace pintle::tier

#endif  // PINTLE_WORKER_TIER_HOST_BLOCK_STORE_H_

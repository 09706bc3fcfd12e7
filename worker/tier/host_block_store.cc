// SPDX-License-Identifier: Apache-2.0
#include "worker/tier/host_block_store.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "contract/status_macros.h"

namespace pintle::tier {

absl::StatusOr<std::unique_ptr<HostBlockStore>> HostBlockStore::Create(HostMemory& memory,
                                                                       std::int64_t bytes_max,
                                                                       std::size_t block_bytes) {
  const std::int64_t slots = bytes_max / static_cast<std::int64_t>(block_bytes);
  if (slots < 1) {
    return absl::InvalidArgumentError(absl::StrCat("host tier: ", bytes_max,
                                                   " bytes hold no block, one takes ",
                                                   block_bytes));
  }
  std::byte* bytes = memory.Allocate(static_cast<std::size_t>(slots) * block_bytes);
  if (bytes == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("host tier: ", bytes_max, " bytes of pinned memory cannot be had"));
  }
  return std::unique_ptr<HostBlockStore>(
      new HostBlockStore(memory, bytes, static_cast<std::int32_t>(slots), block_bytes));
}

HostBlockStore::HostBlockStore(HostMemory& memory, std::byte* bytes, std::int32_t slots,
                               std::size_t block_bytes)
    : memory_(memory),
      bytes_(bytes),
      block_bytes_(block_bytes),
      labels_(static_cast<std::size_t>(slots)) {}

HostBlockStore::~HostBlockStore() { memory_.Free(bytes_, labels_.size() * block_bytes_); }

absl::Status HostBlockStore::Write(std::int32_t slot, const BlockLabel& label,
                                   absl::Span<const std::byte> bytes) {
  std::memcpy(At(slot), bytes.data(), bytes.size());
  labels_[static_cast<std::size_t>(slot)] = label;
  return absl::OkStatus();
}

absl::Status HostBlockStore::Read(std::int32_t slot, BlockLabel* label,
                                  absl::Span<std::byte> bytes) {
  PINTLE_RETURN_IF_ERROR(ReadLabel(slot, label));
  std::memcpy(bytes.data(), At(slot), bytes.size());
  return absl::OkStatus();
}

absl::Status HostBlockStore::ReadLabel(std::int32_t slot, BlockLabel* label) {
  const std::optional<BlockLabel>& found = labels_[static_cast<std::size_t>(slot)];
  if (!found) return absl::NotFoundError("host tier: empty slot");
  *label = *found;
  return absl::OkStatus();
}

absl::Status HostBlockStore::Erase(std::int32_t slot) {
  labels_[static_cast<std::size_t>(slot)].reset();
  return absl::OkStatus();
}

}  // namespace pintle::tier

// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/fake_block_store.h"

#include <algorithm>
#include <utility>

#include "contract/status_macros.h"

namespace pintle::tier {

FakeBlockStore::FakeBlockStore(std::shared_ptr<FakeMedium> medium, std::int32_t slots,
                               std::size_t block_bytes, Faults faults, kv::KvTier tier)
    : medium_(std::move(medium)),
      block_bytes_(block_bytes),
      faults_(std::move(faults)),
      tier_(tier) {
  medium_->slots.resize(static_cast<std::size_t>(slots));
}

absl::Status FakeBlockStore::Write(std::int32_t slot, const BlockLabel& label,
                                   absl::Span<const std::byte> bytes) {
  if (faults_.on_write) PINTLE_RETURN_IF_ERROR(faults_.on_write(slot));
  At(slot).label = label;
  At(slot).bytes.assign(bytes.begin(), bytes.end());
  At(slot).damaged = faults_.damages && faults_.damages(slot);
  return absl::OkStatus();
}

absl::Status FakeBlockStore::Read(std::int32_t slot, BlockLabel* label,
                                  absl::Span<std::byte> bytes) {
  if (faults_.on_read) PINTLE_RETURN_IF_ERROR(faults_.on_read(slot));
  PINTLE_RETURN_IF_ERROR(ReadLabel(slot, label));
  if (At(slot).damaged) return absl::DataLossError("fake store: the content is damaged");
  std::copy(At(slot).bytes.begin(), At(slot).bytes.end(), bytes.begin());
  return absl::OkStatus();
}

absl::Status FakeBlockStore::ReadLabel(std::int32_t slot, BlockLabel* label) {
  if (!At(slot).label) return absl::NotFoundError("fake store: empty slot");
  *label = *At(slot).label;
  return absl::OkStatus();
}

absl::Status FakeBlockStore::Erase(std::int32_t slot) {
  At(slot) = FakeMedium::Slot();
  return absl::OkStatus();
}

}  // namespace pintle::tier

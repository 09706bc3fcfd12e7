// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_FAKES_FAKE_BLOCK_STORE_H_
#define PINTLE_TESTS_FAKES_FAKE_BLOCK_STORE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "worker/tier/block_store.h"

namespace pintle::tier {

// What lies in the slots of a FakeBlockStore; it outlives the store, as a file outlives a process.
struct FakeMedium {
  struct Slot {
    std::optional<BlockLabel> label;
    std::vector<std::byte> bytes;
    bool damaged = false;  // its checksum would not be right
  };
  std::vector<Slot> slots;
};

// A store in memory whose failures a test chooses.
// Thread: as BlockStore; the faults are set before it runs, or from its own thread.
class FakeBlockStore final : public BlockStore {
 public:
  struct Faults {
    // Asked before each operation on a slot; not OK fails it and changes nothing.
    std::function<absl::Status(std::int32_t slot)> on_write;
    std::function<absl::Status(std::int32_t slot)> on_read;
    // Whether what is written is damaged on its way.
    std::function<bool(std::int32_t slot)> damages;
  };
  // `medium` may hold what an earlier store wrote; its slots are made if there are none.
  FakeBlockStore(std::shared_ptr<FakeMedium> medium, std::int32_t slots, std::size_t block_bytes,
                 Faults faults = {}, kv::KvTier tier = kv::KvTier::kDisk);

  kv::KvTier tier() const override { return tier_; }
  std::int32_t slots() const override { return static_cast<std::int32_t>(medium_->slots.size()); }
  std::size_t block_bytes() const override { return block_bytes_; }
  std::size_t slot_bytes() const override { return block_bytes_; }
  absl::Status Write(std::int32_t slot, const BlockLabel& label,
                     absl::Span<const std::byte> bytes) override;
  absl::Status Read(std::int32_t slot, BlockLabel* label, absl::Span<std::byte> bytes) override;
  absl::Status ReadLabel(std::int32_t slot, BlockLabel* label) override;
  absl::Status Erase(std::int32_t slot) override;

 private:
  FakeMedium::Slot& At(std::int32_t slot) { return medium_->slots[static_cast<std::size_t>(slot)]; }

  const std::shared_ptr<FakeMedium> medium_;
  const std::size_t block_bytes_;
  const Faults faults_;
  const kv::KvTier tier_;
};

}  // namespace pintle::tier

#endif  // PINTLE_TESTS_FAKES_FAKE_BLOCK_STORE_H_

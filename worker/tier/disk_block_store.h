// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TIER_DISK_BLOCK_STORE_H_
#define PINTLE_WORKER_TIER_DISK_BLOCK_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/tier/block_store.h"

namespace pintle::tier {

// Slots in one file, `blocks.kv` of a folder that this process alone uses: a page that says whose
// blocks these are, then slot after slot of label and content, each with its checksum. The file is
// sparse, so it takes room as it is used. Mode 0600: KV can be turned back into text.
// Thread: as BlockStore. Owns the file and its lock.
// Fails: Open when the folder cannot be used or another process has it; else as BlockStore.
class DiskBlockStore final : public BlockStore {
 public:
  struct Options {
    std::string folder;  // made if missing
    std::int64_t bytes_max = 0;
    std::size_t block_bytes = 0;
    std::int32_t block_tokens = 0;
    // Everything the content depends on: model fingerprint, KV dtype, layout. Blocks of another
    // are worthless here.
    std::string identity;
  };
  // INVALID_ARGUMENT: less room than one slot. FAILED_PRECONDITION: another process holds it.
  static absl::StatusOr<std::unique_ptr<DiskBlockStore>> Open(const Options& options);
  ~DiskBlockStore() override;

  // Whether Open found the file of another identity or version, and emptied it.
  bool was_foreign() const { return was_foreign_; }

  kv::KvTier tier() const override { return kv::KvTier::kDisk; }
  std::int32_t slots() const override { return slots_; }
  std::size_t block_bytes() const override { return options_.block_bytes; }
  std::size_t slot_bytes() const override { return label_bytes_ + content_bytes_; }
  absl::Status Write(std::int32_t slot, const BlockLabel& label,
                     absl::Span<const std::byte> bytes) override;
  absl::Status Read(std::int32_t slot, BlockLabel* label, absl::Span<std::byte> bytes) override;
  absl::Status ReadLabel(std::int32_t slot, BlockLabel* label) override;
  absl::Status Erase(std::int32_t slot) override;

 private:
  DiskBlockStore(const Options& options, int file);

  absl::Status Prepare();
  std::int64_t OffsetOf(std::int32_t slot) const;
  // The label and the checksum its content must have.
  absl::Status LoadLabel(std::int32_t slot, BlockLabel* label, std::uint64_t* content_sum);

  const Options options_;
  const int file_;
  std::size_t label_bytes_;
  std::size_t content_bytes_;
  std::int32_t slots_ = 0;
  bool was_foreign_ = false;
  std::vector<std::byte> page_;  // one label as written
};

}  // namespace pintle::tier

#endif  // PINTLE_WORKER_TIER_DISK_BLOCK_STORE_H_

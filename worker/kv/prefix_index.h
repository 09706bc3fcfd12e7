// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_PREFIX_INDEX_H_
#define PINTLE_WORKER_KV_PREFIX_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "contract/ids.h"
#include "worker/kv/block_hash.h"
#include "worker/kv/block_pool.h"

namespace pintle::kv {

// Finds the full block that holds exactly these tokens after exactly this parent in this namespace.
// The hash only chooses the bucket: parent, namespace and tokens are compared on each hit, so a
// collision costs time and never a wrong block. Buckets are lists through Block::next.
// Allocates only when made. Thread: confined to the engine thread. Fails: does not.
class PrefixIndex {
 public:
  explicit PrefixIndex(BlockPool& pool);

  // The block, or kNoBlock. Requires: tokens.size() == block_tokens.
  BlockIndex Find(BlockIndex parent, std::int32_t space, const Hash128& hash,
                  absl::Span<const TokenId> tokens) const;
  // Makes a full block findable under `hash`. Requires: Find would not find an equal one.
  void Insert(BlockIndex block, const Hash128& hash);
  void Erase(BlockIndex block);

  std::int64_t size() const { return size_; }

 private:
  std::size_t Bucket(const Hash128& hash) const;

  BlockPool& pool_;
  std::vector<BlockIndex> buckets_;
  std::size_t mask_;
  std::int64_t size_ = 0;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_PREFIX_INDEX_H_

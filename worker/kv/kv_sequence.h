// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_KV_SEQUENCE_H_
#define PINTLE_WORKER_KV_KV_SEQUENCE_H_

#include <cstdint>

#include "absl/types/span.h"
#include "contract/ids.h"

namespace pintle::kv {

class KvCache;

// Copies the first `tokens` positions of a block before the next step computes anything.
struct BlockCopy {
  BlockIndex source = kNoBlock;
  BlockIndex target = kNoBlock;
  std::int32_t tokens = 0;

  friend bool operator==(const BlockCopy&, const BlockCopy&) = default;
};

// The right of one running sequence to its blocks. Made by KvCache::Begin and Fork; ended by
// KvCache::Commit or Preempt; destroying it before that rolls it back, so that its session holds
// again what it held before (less what was evicted meanwhile).
// Thread: confined to the engine thread, destruction too. Must not outlive its cache.
// Fails: nothing here does.
class KvSequence {
 public:
  KvSequence() = default;
  KvSequence(KvSequence&& other) noexcept;
  KvSequence& operator=(KvSequence&& other) noexcept;
  KvSequence(const KvSequence&) = delete;
  KvSequence& operator=(const KvSequence&) = delete;
  ~KvSequence();

  bool valid() const { return cache_ != nullptr; }
  // Block i is for positions [i * block_tokens, (i + 1) * block_tokens). Valid until the next call
  // on the cache that names this sequence; entries may change in Grow and Append.
  absl::Span<const BlockIndex> block_table() const;
  // Positions whose K and V are written and kept, cached ones included.
  Position tokens() const;
  // How many of them Begin found: in the session's own KV and through the prefix index.
  std::int32_t cached_session() const;
  std::int32_t cached_prefix() const;
  // Blocks still promised to this sequence.
  std::int32_t reserved_blocks() const;

 private:
  friend class KvCache;
  KvSequence(KvCache* cache, std::int32_t slot) : cache_(cache), slot_(slot) {}
  std::int32_t Release();

  KvCache* cache_ = nullptr;
  std::int32_t slot_ = -1;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_KV_SEQUENCE_H_

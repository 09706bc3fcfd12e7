// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_BLOCK_HASH_H_
#define PINTLE_WORKER_KV_BLOCK_HASH_H_

#include <array>
#include <cstdint>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "contract/ids.h"

namespace pintle::kv {

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  friend bool operator==(const Hash128&, const Hash128&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Hash128& hash) {
    return H::combine(std::move(h), hash.low, hash.high);
  }
};

// Names the content of a full block: a keyed 128-bit SipHash-2-4 over the previous block's hash and
// this block's tokens, so that equal tokens after different histories differ. The key keeps others
// from aiming at a bucket; nobody relies on the hash alone, each hit is verified.
// Thread: safe, immutable. Fails: does not.
class BlockHash {
 public:
  // `bits` of the result are kept (1..128); fewer than 128 only in tests.
  explicit BlockHash(std::array<std::uint64_t, 2> key, std::int32_t bits = 128);

  // The hash before a chain's first block: names the namespace.
  Hash128 Root(absl::string_view name) const;
  Hash128 Extend(const Hash128& previous, absl::Span<const TokenId> tokens) const;
  // The same with all 128 bits, whatever `bits` is: what other tiers know content by.
  Hash128 WideRoot(absl::string_view name) const;
  Hash128 WideExtend(const Hash128& previous, absl::Span<const TokenId> tokens) const;
  bool IsWide() const { return mask_ == Hash128{~0ULL, ~0ULL}; }

 private:
  Hash128 Cut(Hash128 hash) const;

  std::array<std::uint64_t, 2> key_;
  Hash128 mask_;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_BLOCK_HASH_H_

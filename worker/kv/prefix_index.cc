// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/prefix_index.h"

#include <algorithm>
#include <bit>

#include "contract/check.h"

namespace pintle::kv {

PrefixIndex::PrefixIndex(BlockPool& pool)
    : pool_(pool),
      // Twice as many buckets as blocks: the mean list has half an entry.
      buckets_(std::bit_ceil(static_cast<std::size_t>(pool.size()) * 2), kNoBlock),
      mask_(buckets_.size() - 1) {}

std::size_t PrefixIndex::Bucket(const Hash128& hash) const {
  return static_cast<std::size_t>(hash.low) & mask_;
}

BlockIndex PrefixIndex::Find(BlockIndex parent, std::int32_t space, const Hash128& hash,
                             absl::Span<const TokenId> tokens) const {
  for (BlockIndex at = buckets_[Bucket(hash)]; at != kNoBlock; at = pool_[at].next) {
    const Block& block = pool_[at];
    if (block.hash != hash || block.parent != parent || block.space != space) continue;
    if (std::equal(tokens.begin(), tokens.end(), pool_.TokensOf(at).begin())) return at;
  }
  return kNoBlock;
}

void PrefixIndex::Insert(BlockIndex block, const Hash128& hash) {
  Block& it = pool_[block];
  PINTLE_CHECK(!it.indexed && it.filled == pool_.block_tokens(), "only full blocks are findable");
  BlockIndex& head = buckets_[Bucket(hash)];
  it.hash = hash;
  it.indexed = true;
  it.next = head;
  head = block;
  ++size_;
}

void PrefixIndex::Erase(BlockIndex block) {
  Block& it = pool_[block];
  PINTLE_CHECK(it.indexed, "only a findable block is made unfindable");
  BlockIndex* link = &buckets_[Bucket(it.hash)];
  while (*link != block) link = &pool_[*link].next;
  *link = it.next;
  it.next = kNoBlock;
  it.indexed = false;
  --size_;
}

}  // namespace pintle::kv

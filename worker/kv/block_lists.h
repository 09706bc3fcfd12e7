// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_BLOCK_LISTS_H_
#define PINTLE_WORKER_KV_BLOCK_LISTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "contract/ids.h"

namespace pintle::kv {

// Doubly linked lists that share their links: a block is in at most one, oldest first.
// Thread: confined to one. Allocates only when made. Fails: its requirements are checked.
class BlockLists {
 public:
  BlockLists(std::int32_t blocks, std::int32_t lists);

  // Behind the newest. Requires: in no list.
  void Append(std::int32_t list, BlockIndex block);
  // Requires: in a list.
  void Remove(BlockIndex block);
  bool Contains(BlockIndex block) const { return At(block).list >= 0; }
  // kNoBlock when the list is empty.
  BlockIndex Oldest(std::int32_t list) const { return Ends(list).oldest; }

  // INTERNAL when links are broken; O(blocks).
  absl::Status CheckInvariants() const;

 private:
  struct Link {
    BlockIndex older = kNoBlock;
    BlockIndex newer = kNoBlock;
    std::int32_t list = -1;
  };
  struct End {
    BlockIndex oldest = kNoBlock;
    BlockIndex newest = kNoBlock;
  };
  Link& At(BlockIndex block) { return links_[static_cast<std::size_t>(block)]; }
  const Link& At(BlockIndex block) const { return links_[static_cast<std::size_t>(block)]; }
  End& Ends(std::int32_t list) { return ends_[static_cast<std::size_t>(list)]; }
  const End& Ends(std::int32_t list) const { return ends_[static_cast<std::size_t>(list)]; }

  std::vector<Link> links_;
  std::vector<End> ends_;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_BLOCK_LISTS_H_

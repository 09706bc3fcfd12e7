// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/block_lists.h"

#include <algorithm>

#include "contract/check.h"

namespace pintle::kv {

BlockLists::BlockLists(std::int32_t blocks, std::int32_t lists)
    : links_(static_cast<std::size_t>(blocks)), ends_(static_cast<std::size_t>(lists)) {}

void BlockLists::Append(std::int32_t list, BlockIndex block) {
  Link& it = At(block);
  PINTLE_CHECK(it.list < 0, "a block is in one list");
  End& end = Ends(list);
  it = Link{end.newest, kNoBlock, list};
  (end.newest == kNoBlock ? end.oldest : At(end.newest).newer) = block;
  end.newest = block;
}

void BlockLists::Remove(BlockIndex block) {
  Link& it = At(block);
  PINTLE_CHECK(it.list >= 0, "only what is in a list leaves it");
  End& end = Ends(it.list);
  (it.older == kNoBlock ? end.oldest : At(it.older).newer) = it.newer;
  (it.newer == kNoBlock ? end.newest : At(it.newer).older) = it.older;
  it = Link{};
}

absl::Status BlockLists::CheckInvariants() const {
  std::size_t linked = 0;
  for (std::size_t list = 0; list < ends_.size(); ++list) {
    BlockIndex before = kNoBlock;
    for (BlockIndex at = ends_[list].oldest; at != kNoBlock; before = at, at = At(at).newer) {
      if (At(at).older != before || At(at).list != static_cast<std::int32_t>(list) ||
          ++linked > links_.size()) {
        return absl::InternalError("lists: a link is broken");
      }
    }
    if (before != ends_[list].newest) return absl::InternalError("lists: an end is wrong");
  }
  const auto listed = std::count_if(links_.begin(), links_.end(),
                                    [](const Link& link) { return link.list >= 0; });
  if (static_cast<std::size_t>(listed) != linked) {
    return absl::InternalError("lists: a block is in no list though it says so");
  }
  return absl::OkStatus();
}

}  // namespace pintle::kv

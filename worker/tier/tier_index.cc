// SPDX-License-Identifier: Apache-2.0
#include "worker/tier/tier_index.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/check.h"

namespace pintle::tier {
namespace {

// Blocks with one parent that FindPart looks at: conversations that begin alike are found by their
// full blocks, and a few branches end within a block.
constexpr int kSiblingsSeen = 64;
// Blocks that Victim looks at before it gives up: those in front may be in use.
constexpr int kVictimsSeen = 64;

}  // namespace

TierIndex::TierIndex(std::int32_t slots, std::int32_t block_tokens)
    : block_tokens_(block_tokens),
      blocks_(static_cast<std::size_t>(slots)),
      tokens_(static_cast<std::size_t>(slots) * static_cast<std::size_t>(block_tokens)) {
  free_.reserve(blocks_.size());
  for (std::int32_t slot = slots; slot-- > 0;) free_.push_back(slot);
  by_hash_.reserve(blocks_.size());
  first_child_.reserve(blocks_.size());
}

absl::Span<const TokenId> TierIndex::TokensOf(std::int32_t slot) const {
  return absl::MakeConstSpan(tokens_).subspan(
      static_cast<std::size_t>(slot) * static_cast<std::size_t>(block_tokens_),
      static_cast<std::size_t>((*this)[slot].tokens));
}

std::int32_t TierIndex::Find(const kv::Hash128& hash) const {
  const auto found = by_hash_.find(hash);
  return found == by_hash_.end() ? -1 : found->second;
}

std::int32_t TierIndex::Find(const kv::Hash128& hash, absl::Span<const TokenId> tokens) const {
  const std::int32_t slot = Find(hash);
  return slot != -1 && TokensOf(slot) == tokens ? slot : -1;
}

TierIndex::Part TierIndex::FindPart(const kv::Hash128& parent,
                                    absl::Span<const TokenId> rest) const {
  Part best;
  const auto first = first_child_.find(parent);
  if (first == first_child_.end()) return best;
  int seen = 0;
  for (std::int32_t slot = first->second; slot != -1 && seen < kSiblingsSeen;
       slot = (*this)[slot].next_sibling, ++seen) {
    const absl::Span<const TokenId> tokens = TokensOf(slot);
    const std::size_t size = std::min(tokens.size(), rest.size());
    const absl::Span<const TokenId> start = tokens.first(size);
    const auto end = std::mismatch(start.begin(), start.end(), rest.begin()).first;
    const auto common = static_cast<std::int32_t>(end - start.begin());
    if (common > best.tokens) best = {slot, common};
  }
  return best;
}

bool TierIndex::HasChildren(std::int32_t slot) const {
  return first_child_.contains((*this)[slot].hash);
}

void TierIndex::ForEachChild(std::int32_t slot,
                             absl::FunctionRef<void(std::int32_t)> visit) const {
  const auto first = first_child_.find((*this)[slot].hash);
  if (first == first_child_.end()) return;
  for (std::int32_t child = first->second; child != -1; child = (*this)[child].next_sibling) {
    visit(child);
  }
}

std::int32_t TierIndex::Add(TierBlock block, absl::Span<const TokenId> tokens) {
  if (free_.empty()) return -1;
  const std::int32_t slot = free_.back();
  free_.pop_back();
  block.busy = 0;
  (*this)[slot] = std::move(block);
  std::copy(tokens.begin(), tokens.end(),
            tokens_.begin() + static_cast<std::ptrdiff_t>(slot) * block_tokens_);
  (*this)[slot].tokens = static_cast<std::int32_t>(tokens.size());
  Link(slot);
  return slot;
}

void TierIndex::AddAt(std::int32_t slot, TierBlock block, absl::Span<const TokenId> tokens) {
  const auto place = std::find(free_.begin(), free_.end(), slot);
  PINTLE_CHECK(place != free_.end(), "a slot holds one block");
  std::swap(*place, free_.back());
  Add(std::move(block), tokens);
}

void TierIndex::Link(std::int32_t slot) {
  TierBlock& it = (*this)[slot];
  const bool fresh = by_hash_.try_emplace(it.hash, slot).second;
  PINTLE_CHECK(fresh, "equal content is one block");
  it.used = true;
  it.listed = true;
  const auto [first, alone] = first_child_.try_emplace(it.parent, slot);
  it.previous_sibling = -1;
  it.next_sibling = alone ? -1 : first->second;
  if (!alone) {
    (*this)[first->second].previous_sibling = slot;
    first->second = slot;
  }
  LinkNewest(slot);
}

void TierIndex::Unlink(std::int32_t slot) {
  TierBlock& it = (*this)[slot];
  by_hash_.erase(it.hash);
  if (it.next_sibling != -1) (*this)[it.next_sibling].previous_sibling = it.previous_sibling;
  if (it.previous_sibling != -1) {
    (*this)[it.previous_sibling].next_sibling = it.next_sibling;
  } else if (it.next_sibling != -1) {
    first_child_[it.parent] = it.next_sibling;
  } else {
    first_child_.erase(it.parent);
  }
  UnlinkUse(slot);
  it.listed = false;
}

void TierIndex::Remove(std::int32_t slot) {
  TierBlock& it = (*this)[slot];
  PINTLE_CHECK(it.listed, "a block is removed once");
  Unlink(slot);
  if (it.busy > 0) {
    busy_tokens_ -= it.tokens;
    return;
  }
  it.used = false;
  free_.push_back(slot);
}

void TierIndex::Occupy(std::int32_t slot) {
  TierBlock& it = (*this)[slot];
  if (++it.busy > 1) return;
  ++busy_blocks_;
  if (it.listed) busy_tokens_ += it.tokens;
}

void TierIndex::Vacate(std::int32_t slot) {
  TierBlock& it = (*this)[slot];
  PINTLE_CHECK(it.busy > 0, "an operation ends once");
  if (--it.busy > 0) return;
  --busy_blocks_;
  if (it.listed) {
    busy_tokens_ -= it.tokens;
    return;
  }
  it.used = false;
  free_.push_back(slot);
}

void TierIndex::LinkNewest(std::int32_t slot) {
  TierBlock& it = (*this)[slot];
  it.older = newest_;
  it.newer = -1;
  (newest_ == -1 ? oldest_ : (*this)[newest_].newer) = slot;
  newest_ = slot;
}

void TierIndex::UnlinkUse(std::int32_t slot) {
  TierBlock& it = (*this)[slot];
  (it.older == -1 ? oldest_ : (*this)[it.older].newer) = it.newer;
  (it.newer == -1 ? newest_ : (*this)[it.newer].older) = it.older;
}

void TierIndex::Touch(std::int32_t slot, absl::Duration now) {
  UnlinkUse(slot);
  LinkNewest(slot);
  (*this)[slot].last_use = now;
}

std::int32_t TierIndex::TakeVictim() {
  std::int32_t next = -1;
  int seen = 0;
  for (std::int32_t slot = oldest_; slot != -1 && seen < kVictimsSeen; slot = next, ++seen) {
    next = (*this)[slot].newer;
    std::int32_t leaf = slot;
    for (auto child = first_child_.find((*this)[leaf].hash); child != first_child_.end();
         child = first_child_.find((*this)[leaf].hash)) {
      leaf = child->second;
    }
    if ((*this)[leaf].guards > 0) {
      UnlinkUse(slot);
      LinkNewest(slot);
    } else if ((*this)[leaf].busy == 0) {
      return leaf;
    }
  }
  return -1;
}

absl::Status TierIndex::CheckInvariants() const {
  const auto broken = [](absl::string_view what, std::int64_t slot) {
    return absl::InternalError(absl::StrCat("tier index: ", what, ": slot ", slot));
  };
  std::size_t listed = 0;
  std::size_t used = 0;
  for (std::int32_t slot = 0; slot < slots(); ++slot) {
    const TierBlock& it = (*this)[slot];
    if (it.used) ++used;
    if (!it.listed) {
      if (it.used != (it.busy > 0)) return broken("a removed block stays while it is busy", slot);
      continue;
    }
    ++listed;
    if (!it.used) return broken("a block that is found has content", slot);
    if (Find(it.hash) != slot) return broken("a block is found by its hash", slot);
    if (it.tokens < 1 || it.tokens > block_tokens_) return broken("a block holds tokens", slot);
    // By its links: FindPart looks at a bounded number of siblings.
    const auto first = first_child_.find(it.parent);
    const bool linked = it.previous_sibling == -1
                            ? first != first_child_.end() && first->second == slot
                            : (*this)[it.previous_sibling].next_sibling == slot &&
                                  (*this)[it.previous_sibling].parent == it.parent;
    if (!linked) return broken("a parent knows", slot);
  }
  if (listed != by_hash_.size()) return broken("counts", static_cast<std::int64_t>(listed));
  if (used + free_.size() != blocks_.size()) return broken("free + used", free_slots());
  std::size_t in_order = 0;
  for (std::int32_t slot = oldest_; slot != -1; slot = (*this)[slot].newer) ++in_order;
  if (in_order != listed) return broken("order of use", static_cast<std::int64_t>(in_order));
  return absl::OkStatus();
}

}  // namespace pintle::tier

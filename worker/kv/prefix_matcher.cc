// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/prefix_matcher.h"

#include <algorithm>
#include <cstddef>

namespace pintle::kv {
namespace {

std::int32_t CommonLength(absl::Span<const TokenId> a, absl::Span<const TokenId> b) {
  const std::size_t length = std::min(a.size(), b.size());
  const auto [at, _] =
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(length), b.begin());
  return static_cast<std::int32_t>(at - a.begin());
}

}  // namespace

PrefixMatcher::PrefixMatcher(const BlockPool& pool, const PrefixIndex& index, const BlockHash& hash,
                             std::int32_t blocks_max)
    : pool_(pool), index_(index), hash_(hash) {
  own_.reserve(static_cast<std::size_t>(blocks_max));
  matched_.reserve(static_cast<std::size_t>(blocks_max));
}

void PrefixMatcher::ListChain(const Session& session) {
  own_.clear();
  if (session.tail == kNoBlock) return;
  own_.resize(static_cast<std::size_t>(pool_[session.tail].depth) + 1);
  BlockIndex at = session.tail;
  for (std::size_t i = own_.size(); i-- > 0; at = pool_[at].parent) own_[i] = at;
}

MatchedChain PrefixMatcher::Match(const Session* session, std::int32_t space, const Hash128& root,
                                  absl::Span<const TokenId> tokens) {
  matched_.clear();
  own_.clear();
  if (session != nullptr) ListChain(*session);
  MatchedChain result;
  const std::int32_t width = pool_.block_tokens();
  const auto size = static_cast<std::int32_t>(tokens.size());
  const std::int32_t limit = size - 1;
  bool on_own = true;
  BlockIndex parent = kNoBlock;
  while (result.Total() < limit && matched_.size() < matched_.capacity()) {
    const std::int32_t start = result.Total();
    const auto rest = tokens.subspan(static_cast<std::size_t>(start));
    const std::size_t place = matched_.size();
    std::int32_t part = 0;
    if (on_own && place < own_.size()) {
      const std::int32_t use = std::min({width, session->held - start, limit - start});
      part = CommonLength(pool_.TokensOf(own_[place]).first(static_cast<std::size_t>(use)), rest);
      if (part == width) {
        parent = own_[place];
        matched_.push_back(parent);
        result.session_tokens += width;
        continue;
      }
    }
    on_own = false;
    if (size - start >= width) {
      const auto block_tokens = rest.first(static_cast<std::size_t>(width));
      const Hash128& before = parent == kNoBlock ? root : pool_[parent].hash;
      const BlockIndex found =
          index_.Find(parent, space, hash_.Extend(before, block_tokens), block_tokens);
      const std::int32_t use = std::min(width, limit - start);
      if (found != kNoBlock && use > part) {
        parent = found;
        matched_.push_back(found);
        result.prefix_tokens += use;
        continue;
      }
    }
    if (part > 0) {
      matched_.push_back(own_[place]);
      result.session_tokens += part;
    }
    break;
  }
  result.blocks = matched_;
  return result;
}

}  // namespace pintle::kv

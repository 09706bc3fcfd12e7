// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/block_pool.h"

#include "contract/check.h"

namespace pintle::kv {

BlockPool::BlockPool(std::int32_t blocks, std::int32_t block_tokens)
    : block_tokens_(block_tokens),
      blocks_(static_cast<std::size_t>(blocks)),
      tokens_(static_cast<std::size_t>(blocks) * static_cast<std::size_t>(block_tokens)) {
  for (BlockIndex block = blocks; block-- > 0;) {
    (*this)[block].next = free_;
    free_ = block;
  }
  counts_[At(BlockState::kFree)] = blocks;
}

absl::Span<TokenId> BlockPool::TokensOf(BlockIndex block) {
  const auto width = static_cast<std::size_t>(block_tokens_);
  return absl::MakeSpan(tokens_.data() + static_cast<std::size_t>(block) * width, width);
}

absl::Span<const TokenId> BlockPool::TokensOf(BlockIndex block) const {
  const auto width = static_cast<std::size_t>(block_tokens_);
  return absl::MakeConstSpan(tokens_.data() + static_cast<std::size_t>(block) * width, width);
}

BlockIndex BlockPool::TakeFree() {
  PINTLE_CHECK(free_ != kNoBlock, "a block is taken only when one is free");
  const BlockIndex block = free_;
  free_ = (*this)[block].next;
  (*this)[block] = Block{};
  SetState(block, BlockState::kInUse);
  return block;
}

void BlockPool::GiveBack(BlockIndex block) {
  Block& it = (*this)[block];
  PINTLE_CHECK(it.state != BlockState::kFree, "a free block is not given back");
  PINTLE_CHECK(!it.referenced() && it.tails == 0 && it.children == 0 && !it.indexed,
               "a block is given back when nothing refers to it");
  PINTLE_CHECK(it.guarantees == 0 && it.retentions == 0, "no pin weighs on a free block");
  SetFilled(block, 0);
  SetState(block, BlockState::kFree);
  it.parent = kNoBlock;
  it.cached = false;
  it.preempted = false;
  it.kept = false;
  it.next = free_;
  free_ = block;
}

void BlockPool::SetState(BlockIndex block, BlockState state) {
  Block& it = (*this)[block];
  --counts_[At(it.state)];
  tokens_by_state_[At(it.state)] -= it.filled;
  it.state = state;
  ++counts_[At(state)];
  tokens_by_state_[At(state)] += it.filled;
}

void BlockPool::SetFilled(BlockIndex block, std::int32_t filled) {
  Block& it = (*this)[block];
  tokens_by_state_[At(it.state)] += filled - it.filled;
  it.filled = filled;
}

BlockFacts BlockPool::Facts(BlockIndex block) const {
  BlockFacts facts;
  facts.tokens = (*this)[block].filled;
  facts.reuse = (*this)[block].reuse;
  if ((*this)[block].retentions > 0) {
    facts.priority = (*this)[block].priority;
    facts.retained_until = (*this)[block].kept_until;
  }
  return facts;
}

}  // namespace pintle::kv

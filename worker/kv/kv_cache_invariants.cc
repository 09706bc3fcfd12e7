// SPDX-License-Identifier: Apache-2.0
// Every invariant of the cache, recomputed from scratch and compared with what is kept in step.
#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"
#include "contract/status_macros.h"
#include "worker/kv/kv_cache.h"

// Says which statement about the cache is not true, and of what.
#define PINTLE_KV_EXPECT(condition, ...)                                                 \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      return absl::InternalError(absl::StrCat("kv: not " #condition ": ", __VA_ARGS__)); \
    }                                                                                    \
  } while (false)

namespace pintle::kv {
namespace {

std::int64_t Sum(const ByReason& values) {
  return std::accumulate(values.begin(), values.end(), std::int64_t{0});
}

bool Balances(const KvLedger& ledger) {
  return ledger.added + ledger.moved_in - ledger.moved_out - Sum(ledger.removed) == ledger.present;
}

}  // namespace

absl::Status KvCache::CheckInvariants() const {
  PINTLE_RETURN_IF_ERROR(CheckBlocks());
  PINTLE_RETURN_IF_ERROR(CheckHolders());
  PINTLE_RETURN_IF_ERROR(CheckSequences());
  PINTLE_RETURN_IF_ERROR(CheckSessions());
  PINTLE_RETURN_IF_ERROR(CheckLedgers());
  return holdings_.policy->CheckInvariants();
}

// States, counts, the tree, and that a block is findable iff it is full.
absl::Status KvCache::CheckBlocks() const {
  const BlockPool& pool = holdings_.pool;
  ByState counts{};
  ByState tokens{};
  std::int64_t indexed = 0;
  std::vector<std::int32_t> children(static_cast<std::size_t>(pool.size()));
  for (BlockIndex b = 0; b < pool.size(); ++b) {
    const Block& block = pool[b];
    ++counts[At(block.state)];
    tokens[At(block.state)] += block.filled;
    const bool needed = block.tails > 0 || block.children > 0 || block.cached;
    const BlockState state = block.referenced() ? BlockState::kInUse
                             : needed           ? BlockState::kEvictable
                                                : BlockState::kFree;
    PINTLE_KV_EXPECT(block.state == state, "block ", b);
    PINTLE_KV_EXPECT(holdings_.policy->IsEvictable(b) == (state == BlockState::kEvictable),
                     "block ", b);
    PINTLE_KV_EXPECT(block.indexed == (block.filled == pool.block_tokens()), "block ", b);
    PINTLE_KV_EXPECT(!block.cached || block.indexed, "block ", b);
    if (state == BlockState::kFree) continue;
    if (block.parent != kNoBlock) {
      ++children[static_cast<std::size_t>(block.parent)];
      const Block& parent = pool[block.parent];
      PINTLE_KV_EXPECT(parent.depth + 1 == block.depth, "block ", b);
      PINTLE_KV_EXPECT(parent.space == block.space, "block ", b);
      PINTLE_KV_EXPECT(parent.indexed || block.filled == 0, "block ", b);
      PINTLE_KV_EXPECT(!block.referenced() || parent.referenced(), "block ", b);
    }
    if (!block.indexed) continue;
    ++indexed;
    const Hash128& before =
        block.parent == kNoBlock ? holdings_.spaces.Root(block.space) : pool[block.parent].hash;
    PINTLE_KV_EXPECT(block.hash == hash_.Extend(before, pool.TokensOf(b)), "block ", b);
    PINTLE_KV_EXPECT(
        holdings_.index.Find(block.parent, block.space, block.hash, pool.TokensOf(b)) == b,
        "block ", b);
  }
  for (BlockIndex b = 0; b < pool.size(); ++b) {
    PINTLE_KV_EXPECT(pool[b].children == children[static_cast<std::size_t>(b)], "block ", b);
  }
  PINTLE_KV_EXPECT(indexed == holdings_.index.size(), indexed);
  PINTLE_KV_EXPECT(counts == pool.counts(), "counts by state");
  PINTLE_KV_EXPECT(tokens == pool.tokens(), "tokens by state");
  PINTLE_KV_EXPECT(
      std::accumulate(counts.begin(), counts.end(), std::int64_t{0}) == options_.blocks,
      "free + in use + evictable + pinned = total");
  return absl::OkStatus();
}

// Reference counts equal the holders, and nothing is kept that nobody needs.
absl::Status KvCache::CheckHolders() const {
  const BlockPool& pool = holdings_.pool;
  const auto size = static_cast<std::size_t>(pool.size());
  std::vector<std::int32_t> refs(size), sources(size), tails(size);
  std::vector<std::int64_t> uses(static_cast<std::size_t>(holdings_.spaces.bound()));
  std::int64_t reserved = 0;
  std::int64_t only_sources = 0;
  for (std::int32_t slot = 0; slot < sequences_.bound(); ++slot) {
    const Sequence& it = sequences_[slot];
    if (!it.live) continue;
    reserved += it.reserved;
    ++uses[static_cast<std::size_t>(it.space)];
    for (const BlockIndex b : sequences_.TableOf(slot)) ++refs[static_cast<std::size_t>(b)];
    if (it.copy_stage != CopyStage::kNone) ++sources[static_cast<std::size_t>(it.copy.source)];
  }
  for (std::int32_t s = 0; s < holdings_.sessions.bound(); ++s) {
    const Session& it = holdings_.sessions[s];
    if (!it.live) continue;
    ++uses[static_cast<std::size_t>(it.space)];
    if (it.tail != kNoBlock) ++tails[static_cast<std::size_t>(it.tail)];
  }
  for (BlockIndex b = 0; b < pool.size(); ++b) {
    const Block& block = pool[b];
    const auto at = static_cast<std::size_t>(b);
    PINTLE_KV_EXPECT(block.table_refs == refs[at], "block ", b);
    PINTLE_KV_EXPECT(block.source_refs == sources[at], "block ", b);
    PINTLE_KV_EXPECT(block.tails == tails[at], "block ", b);
    if (block.referenced() && block.table_refs == 0) ++only_sources;
    if (block.state == BlockState::kFree) continue;
    if (block.parent == kNoBlock) ++uses[static_cast<std::size_t>(block.space)];
    if (block.state == BlockState::kEvictable && block.children == 0 && !block.cached) {
      PINTLE_KV_EXPECT(block.filled == holdings_.sessions.LongestUse(b), "block ", b);
    }
  }
  for (std::int32_t space = 0; space < holdings_.spaces.bound(); ++space) {
    PINTLE_KV_EXPECT(holdings_.spaces.Uses(space) == uses[static_cast<std::size_t>(space)], space);
  }
  PINTLE_KV_EXPECT(reserved == reserved_, reserved);
  PINTLE_KV_EXPECT(reserved <= holdings_.available() + only_sources, reserved);
  return absl::OkStatus();
}

absl::Status KvCache::CheckSequences() const {
  const BlockPool& pool = holdings_.pool;
  for (std::int32_t slot = 0; slot < sequences_.bound(); ++slot) {
    const Sequence& it = sequences_[slot];
    if (!it.live) continue;
    const auto table = sequences_.TableOf(slot);
    PINTLE_KV_EXPECT(BlocksFor(it.tokens) <= it.blocks, "sequence ", slot);
    PINTLE_KV_EXPECT(it.own >= 0 && it.own <= it.tokens, "sequence ", slot);
    for (std::int32_t i = 0; i < it.blocks; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const Block& block = pool[table[at]];
      PINTLE_KV_EXPECT(block.parent == (i == 0 ? kNoBlock : table[at - 1]), "sequence ", slot);
      PINTLE_KV_EXPECT(block.space == it.space, "sequence ", slot);
      const std::int32_t used =
          std::clamp(it.tokens - i * options_.block_tokens, 0, options_.block_tokens);
      PINTLE_KV_EXPECT(block.filled >= used, "sequence ", slot);
      PINTLE_KV_EXPECT(used > 0 || (block.filled == 0 && block.table_refs == 1), "sequence ", slot);
    }
    if (it.copy_stage == CopyStage::kNone) continue;
    PINTLE_KV_EXPECT(
        table[static_cast<std::size_t>(it.tokens / options_.block_tokens)] == it.copy.target,
        "sequence ", slot);
    PINTLE_KV_EXPECT(pool[it.copy.source].filled >= it.copy.tokens, "sequence ", slot);
  }
  return absl::OkStatus();
}

absl::Status KvCache::CheckSessions() const {
  const BlockPool& pool = holdings_.pool;
  std::int64_t running = 0, idle = 0, cold = 0;
  for (std::int32_t s = 0; s < holdings_.sessions.bound(); ++s) {
    const Session& it = holdings_.sessions[s];
    if (!it.live) continue;
    ++(it.running != -1 ? running : it.tail == kNoBlock && it.lower == 0 ? cold : idle);
    PINTLE_KV_EXPECT(holdings_.sessions.Find(it.key) == s, "session number ", s);
    PINTLE_KV_EXPECT(it.cold == (it.running == -1 && it.tail == kNoBlock && it.lower == 0),
                     "session number ", s);
    PINTLE_KV_EXPECT((it.held == 0) == (it.tail == kNoBlock), "session number ", s);
    if (it.running != -1) {
      PINTLE_KV_EXPECT(sequences_[it.running].live && sequences_[it.running].session == s,
                       "session number ", s);
    }
    if (it.tail == kNoBlock) continue;
    const Block& tail = pool[it.tail];
    PINTLE_KV_EXPECT(tail.space == it.space, "session number ", s);
    PINTLE_KV_EXPECT(tail.depth == BlocksFor(it.held) - 1, "session number ", s);
    PINTLE_KV_EXPECT(it.held - tail.depth * options_.block_tokens <= tail.filled, "session number ",
                     s);
    std::int32_t at = tail.first_tail;
    for (std::int32_t n = 0; n < tail.tails && at != s; ++n) at = holdings_.sessions[at].next_tail;
    PINTLE_KV_EXPECT(at == s, "session number ", s);
  }
  PINTLE_KV_EXPECT(running == holdings_.sessions.running(), running);
  PINTLE_KV_EXPECT(idle == holdings_.sessions.idle(), idle);
  PINTLE_KV_EXPECT(cold == holdings_.sessions.cold(), cold);
  return absl::OkStatus();
}

// Both ledgers balance and say what is there.
absl::Status KvCache::CheckLedgers() const {
  const KvStats& stats = holdings_.stats;
  const ByState& tokens = holdings_.pool.tokens();
  PINTLE_KV_EXPECT(Balances(stats.physical), "physical ledger");
  PINTLE_KV_EXPECT(
      stats.physical.present == std::accumulate(tokens.begin(), tokens.end(), std::int64_t{0}),
      "physical ledger");
  PINTLE_KV_EXPECT(Balances(stats.sessions), "session ledger");
  std::int64_t held = 0;
  for (std::int32_t s = 0; s < holdings_.sessions.bound(); ++s) {
    const Session& it = holdings_.sessions[s];
    if (!it.live) continue;
    std::int64_t holds = it.held + it.lower;
    if (it.running != -1) holds += sequences_[it.running].tokens - sequences_[it.running].own;
    PINTLE_KV_EXPECT(Balances(it.ledger), "session number ", s);
    PINTLE_KV_EXPECT(it.ledger.present == holds, "session number ", s);
    held += holds;
  }
  PINTLE_KV_EXPECT(stats.sessions.present == held, held);
  for (std::size_t reason = 0; reason < kKvReasons; ++reason) {
    const bool eviction = IsEviction(static_cast<KvReason>(reason));
    PINTLE_KV_EXPECT(eviction || stats.evictions[reason] == 0, reason);
    PINTLE_KV_EXPECT(stats.evicted_tokens[reason] <= stats.physical.removed[reason], reason);
  }
  return absl::OkStatus();
}

}  // namespace pintle::kv

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

// What the sessions' marks and the blocks come to, counted anew.
struct PinTally {
  explicit PinTally(const Holdings& holdings)
      : guarantees(static_cast<std::size_t>(holdings.pool.size())),
        retentions(guarantees.size()),
        kept(guarantees.size()),
        accounts(static_cast<std::size_t>(holdings.budgets.size())) {}

  std::vector<std::int32_t> guarantees;
  std::vector<std::int32_t> retentions;
  std::vector<std::int32_t> kept;
  std::vector<Budgets::Account> accounts;
  Budgets::Account sum;
  std::int64_t only_sources = 0;
};

// Counts the blocks, whose marks are in `tally` already, and compares their classes with it.
absl::Status CheckClasses(const Holdings& holdings, PinTally* tally) {
  const BlockPool& pool = holdings.pool;
  for (BlockIndex b = 0; b < pool.size(); ++b) {
    const Block& block = pool[b];
    if (block.state == BlockState::kFree) continue;
    const std::int32_t limit = holdings.spaces.Limit(block.space);
    const std::int32_t used = block.general_refs > 0 ? 1 : 0;
    tally->only_sources += block.referenced() && block.table_refs == 0 ? 1 : 0;
    tally->sum.used += used;
    if (limit != -1) ++tally->accounts[static_cast<std::size_t>(limit)].resident;
    if (limit != -1) tally->accounts[static_cast<std::size_t>(limit)].used += used;
    if (block.parent == kNoBlock) continue;
    const auto parent = static_cast<std::size_t>(block.parent);
    tally->guarantees[parent] += block.guarantees > 0 ? 1 : 0;
    tally->retentions[parent] += block.retentions > 0 ? 1 : 0;
    tally->kept[parent] += block.kept ? 1 : 0;
  }
  for (BlockIndex b = 0; b < pool.size(); ++b) {
    const Block& block = pool[b];
    const auto at = static_cast<std::size_t>(b);
    PINTLE_KV_EXPECT(block.guarantees == tally->guarantees[at], "block ", b);
    PINTLE_KV_EXPECT(block.retentions == tally->retentions[at], "block ", b);
    PINTLE_KV_EXPECT(block.kept == (block.guarantees + block.retentions > 0), "block ", b);
    PINTLE_KV_EXPECT(block.kept_children == tally->kept[at], "block ", b);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status KvCache::CheckInvariants() const {
  PINTLE_RETURN_IF_ERROR(CheckBlocks());
  PINTLE_RETURN_IF_ERROR(CheckHolders());
  PINTLE_RETURN_IF_ERROR(CheckSequences());
  PINTLE_RETURN_IF_ERROR(CheckSessions());
  PINTLE_RETURN_IF_ERROR(CheckLedgers());
  PINTLE_RETURN_IF_ERROR(CheckPins());
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
    const BlockState state = block.referenced()            ? BlockState::kInUse
                             : !needed                     ? BlockState::kFree
                             : block.guarantees > 0 ? BlockState::kPinned
                                                    : BlockState::kEvictable;
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
  std::vector<std::int32_t> refs(size), sources(size), tails(size), general(size);
  std::vector<std::int64_t> uses(static_cast<std::size_t>(holdings_.spaces.bound()));
  std::int64_t reserved = 0;
  std::int64_t only_sources = 0;
  for (std::int32_t slot = 0; slot < sequences_.bound(); ++slot) {
    const Sequence& it = sequences_[slot];
    if (!it.live) continue;
    const std::int32_t burden = it.funder == -1 ? 1 : 0;
    if (burden == 1) reserved += it.reserved;
    ++uses[static_cast<std::size_t>(it.space)];
    for (const BlockIndex b : sequences_.TableOf(slot)) {
      ++refs[static_cast<std::size_t>(b)];
      general[static_cast<std::size_t>(b)] += burden;
    }
    if (it.copy_stage == CopyStage::kNone) continue;
    ++sources[static_cast<std::size_t>(it.copy.source)];
    general[static_cast<std::size_t>(it.copy.source)] += burden;
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
    PINTLE_KV_EXPECT(block.general_refs == general[at], "block ", b);
    if (block.referenced() && block.table_refs == 0) ++only_sources;
    if (block.state == BlockState::kFree) continue;
    if (block.parent == kNoBlock) ++uses[static_cast<std::size_t>(block.space)];
    if (!block.referenced() && block.children == 0 && !block.cached) {
      PINTLE_KV_EXPECT(block.filled == holdings_.sessions.LongestUse(b), "block ", b);
    }
  }
  for (std::int32_t space = 0; space < holdings_.spaces.bound(); ++space) {
    PINTLE_KV_EXPECT(holdings_.spaces.Uses(space) == uses[static_cast<std::size_t>(space)], space);
  }
  PINTLE_KV_EXPECT(reserved == holdings_.budgets.promised(), reserved);
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
  SessionsByPin by_pin{};
  for (std::int32_t s = 0; s < holdings_.sessions.bound(); ++s) {
    const Session& it = holdings_.sessions[s];
    if (!it.live) continue;
    const bool is_cold = it.tail == kNoBlock && it.lower == 0;
    ++(it.running != -1 ? running : is_cold ? cold : idle);
    const KvSessionState state = it.running != -1  ? KvSessionState::kRunning
                                 : is_cold         ? KvSessionState::kCold
                                 : it.pins.expired ? KvSessionState::kExpired
                                                   : KvSessionState::kIdle;
    ++by_pin[static_cast<std::size_t>(it.pins.kind)][static_cast<std::size_t>(state)];
    PINTLE_KV_EXPECT(holdings_.sessions.Find(it.key) == s, "session number ", s);
    PINTLE_KV_EXPECT(it.cold == (it.running == -1 && is_cold), "session number ", s);
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
  PINTLE_KV_EXPECT(by_pin == holdings_.sessions.by_pin(), "sessions by pin and state");
  return absl::OkStatus();
}

// Marks, classes, budgets and timers; no block is pinned without a live guarantee in its subtree.
absl::Status KvCache::CheckPins() const {
  const Budgets& budgets = holdings_.budgets;
  PinTally tally(holdings_);
  std::int64_t tokens = 0;
  std::int64_t granted = 0;
  std::size_t timers = 0;
  for (std::int32_t s = 0; s < holdings_.sessions.bound(); ++s) {
    const Session& it = holdings_.sessions[s];
    const SessionPins& pins = it.pins;
    if (!it.live) {
      PINTLE_KV_EXPECT(pins.marks.empty() && pins.budget_blocks == 0, "session number ", s);
      continue;
    }
    tokens += pins.budget_tokens;
    tally.sum.guaranteed += pins.budget_blocks;
    granted += pins.granted_blocks;
    const std::int32_t limit = holdings_.spaces.Limit(it.space);
    if (limit != -1) {
      tally.accounts[static_cast<std::size_t>(limit)].guaranteed += pins.budget_blocks;
    }
    PINTLE_KV_EXPECT(pins.granted_blocks <= pins.budget_blocks, "session number ", s);
    PINTLE_KV_EXPECT(
        pins.budget_blocks == 0 || pins.kind == PinKind::kGuaranteed || pins.funded > 0,
        "session number ", s);
    PINTLE_KV_EXPECT(pins.marks.empty() == (pins.kind == PinKind::kBestEffort), "session number ",
                     s);
    absl::Duration first = pins.lease_until;
    for (const PinMark& mark : pins.marks) {
      PINTLE_KV_EXPECT(mark.kind == pins.kind, "session number ", s);
      PINTLE_KV_EXPECT(mark.block == holdings_.MarkPlace(it, mark), "session number ", s);
      PINTLE_KV_EXPECT(it.running == -1 || mark.until == absl::InfiniteDuration(),
                       "session number ", s);
      first = std::min(first, mark.until);
      if (mark.block == kNoBlock) continue;
      auto& weight = mark.kind == PinKind::kGuaranteed ? tally.guarantees : tally.retentions;
      ++weight[static_cast<std::size_t>(mark.block)];
    }
    PINTLE_KV_EXPECT(pins_.ExpiryOf(s) == first, "session number ", s);
    timers += first == absl::InfiniteDuration() ? 0 : 1;
  }
  PINTLE_KV_EXPECT(timers == pins_.timers(), timers);
  PINTLE_KV_EXPECT(tokens == budgets.guaranteed_tokens(), tokens);
  PINTLE_RETURN_IF_ERROR(CheckClasses(holdings_, &tally));
  PINTLE_KV_EXPECT(tally.sum.used == budgets.used(), tally.sum.used);
  PINTLE_KV_EXPECT(tally.sum.guaranteed == budgets.guaranteed_blocks(), tally.sum.guaranteed);
  for (std::size_t i = 0; i < tally.accounts.size(); ++i) {
    const Budgets::Account& it = budgets.account(static_cast<std::int32_t>(i));
    PINTLE_KV_EXPECT(it.resident == tally.accounts[i].resident, "tenant number ", i);
    PINTLE_KV_EXPECT(it.used == tally.accounts[i].used, "tenant number ", i);
    PINTLE_KV_EXPECT(it.guaranteed == tally.accounts[i].guaranteed, "tenant number ", i);
  }
  // A block that is only copied from may be one too many until the step that carries the copy.
  const std::int64_t claims = granted + tally.sum.used + budgets.promised();
  PINTLE_KV_EXPECT(claims <= options_.blocks + tally.only_sources, claims);
  return budgets.CheckInvariants();
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

// SPDX-License-Identifier: Apache-2.0
#include "tests/worker/kv/kv_simulation.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "worker/kv/policy_registry.h"

#define PINTLE_SIM_EXPECT(condition, ...)                                            \
  do {                                                                               \
    if (!(condition)) {                                                              \
      return absl::InternalError(absl::StrCat("not " #condition ": ", __VA_ARGS__)); \
    }                                                                                \
  } while (false)

namespace pintle::kv {
namespace {

constexpr std::size_t kTurnsMax = 6;

std::uint64_t Mix(std::uint64_t state, std::uint64_t value) {
  state = (state ^ value) * 0x9e3779b97f4a7c15ULL;
  return state ^ (state >> 29);
}

}  // namespace

KvSimulation::KvSimulation(const Options& options)
    : options_(options),
      random_(options.seed),
      device_(static_cast<std::size_t>(options.blocks) *
              static_cast<std::size_t>(options.block_tokens)) {
  KvOptions kv;
  kv.blocks = options.blocks;
  kv.block_tokens = options.block_tokens;
  kv.bytes_per_token = 10;
  kv.hash_key = {options.seed, 7};
  kv.hash_bits = options.hash_bits;
  kv.policy = options.policy;
  kv.sessions_max = 7;
  kv.sequences_max = 8;
  if (options.pins) {
    kv.sequence_blocks_max = std::max(options.blocks / 2 - 1, 3);
    const std::int64_t pool = std::int64_t{options.blocks} * options.block_tokens;
    if (options.seed % 2 == 0) kv.tenants.push_back({TenantId("t1"), pool * 2 / 3, 0});
    if (options.seed % 3 == 0) {
      const auto spare = options.blocks - static_cast<std::int32_t>(kv.RequestBlocks());
      kv.blocks = options.blocks;
      kv.tenants.push_back({TenantId("t0"), 0, std::int64_t{spare / 2} * options.block_tokens});
    }
  }
  cache_ = *KvCache::Create(kv);
  EventLog::Options events;
  events.blocks = options.blocks;
  events.block_tokens = options.block_tokens;
  events.bytes_per_token = kv.bytes_per_token;
  events.open_max = 3;  // fewer than sequences: some are told early
  events_ = std::make_unique<EventLog>(events, cache_->tree());
  observers_.Add(events_.get());
  observers_.Add(&recorder_);
  cache_->SetObserver(&observers_);
  if (options.tier) MakeTier();
}

Position KvSimulation::DeviceTokens(const SessionKey& key) const {
  const auto stats = cache_->SessionStats(key);
  return stats.has_value() ? static_cast<Position>(stats->held_tokens - stats->lower_tokens) : 0;
}

std::int32_t KvSimulation::Pick(std::int32_t below) {
  return static_cast<std::int32_t>(random_() % static_cast<std::uint64_t>(below));
}

std::vector<std::uint64_t> KvSimulation::Digest(const TenantId& tenant,
                                                const std::vector<TokenId>& tokens) {
  std::uint64_t state = Mix(17, tenant.value().back());
  std::vector<std::uint64_t> digests;
  digests.reserve(tokens.size());
  for (const TokenId token : tokens) {
    state = Mix(state, static_cast<std::uint64_t>(token) + 1);
    digests.push_back(state);
  }
  return digests;
}

std::vector<TokenId> KvSimulation::MakePrompt(const SessionKey& key) {
  const std::int32_t width = options_.block_tokens;
  std::vector<TokenId> prompt = transcripts_[key];
  const std::int32_t kind = Pick(10);
  if (kind < 2 && !transcripts_.empty()) {
    // Somebody else's words, perhaps of another tenant.
    auto other = transcripts_.begin();
    std::advance(other, Pick(static_cast<std::int32_t>(transcripts_.size())));
    prompt = other->second;
  }
  if (kind >= 1 && kind < 4 && !prompt.empty()) {
    prompt.resize(static_cast<std::size_t>(Pick(static_cast<std::int32_t>(prompt.size()))));
  }
  const std::int32_t most = std::max(options_.blocks * width / 3, 2);
  const std::int32_t add = 1 + Pick(Chance(30) ? 2 * width : width / 2);
  // Two words and long runs, so that equal blocks are common; rarely something of its own.
  const TokenId word = Chance(80) ? Pick(2) : 100 + Pick(1000);
  for (std::int32_t i = 0; i < add; ++i) prompt.push_back(Chance(97) ? word : Pick(3));
  prompt.resize(std::min(prompt.size(), static_cast<std::size_t>(most)));
  return prompt;
}

std::int64_t KvSimulation::EvictedOf(const SessionKey& key) const {
  const auto stats = cache_->SessionStats(key);
  if (!stats.has_value()) return 0;
  std::int64_t evicted = 0;
  for (std::size_t reason = 0; reason < kKvReasons; ++reason) {
    // PREEMPTED detaches what a turn had added; what a session held goes for the other reasons.
    if (IsEviction(static_cast<KvReason>(reason)) &&
        static_cast<KvReason>(reason) != KvReason::kPreempted) {
      evicted += stats->ledger.removed[reason];
    }
  }
  // Only a tier below loses what was damaged.
  return evicted + stats->ledger.removed[At(KvReason::kDamaged)];
}

absl::Status KvSimulation::CheckUnchanged(const SessionKey& key, Position before,
                                          std::int64_t evicted_before) {
  if (key.session.empty()) return absl::OkStatus();
  const Position held = cache_->HeldTokens(key);
  PINTLE_SIM_EXPECT(held == before - (EvictedOf(key) - evicted_before), key.session.value(),
                    " holds ", held, ", before ", before);
  return absl::OkStatus();
}

absl::Status KvSimulation::CheckContent(const Turn& turn) {
  const auto table = turn.sequence.block_table();
  for (Position p = 0; p < turn.sequence.tokens(); ++p) {
    const auto at = static_cast<std::size_t>(p);
    const auto width = static_cast<std::size_t>(options_.block_tokens);
    const std::size_t cell = static_cast<std::size_t>(table[at / width]) * width + at % width;
    PINTLE_SIM_EXPECT(device_[cell] == turn.digests[at], "wrong KV at position ", p);
  }
  return absl::OkStatus();
}

absl::Status KvSimulation::BeginTurn() {
  Turn turn;
  turn.key.tenant = TenantId(absl::StrCat("t", Pick(2)));
  if (!Chance(20)) turn.key.session = SessionId(absl::StrCat("s", Pick(5)));
  turn.tokens = MakePrompt(turn.key);
  turn.digests = Digest(turn.key.tenant, turn.tokens);
  turn.held_before = cache_->HeldTokens(turn.key);
  turn.evicted_before = EvictedOf(turn.key);
  const auto stats = cache_->SessionStats(turn.key);
  if (options_.pins && Chance(80)) {
    turn.size.tokens_max =
        static_cast<Position>(turn.tokens.size()) + 1 + Pick(2 * options_.block_tokens);
    turn.size.choices = Chance(70) ? 1 : 2;
  }
  const KvMatch match = cache_->Match(turn.key, turn.tokens, turn.size);
  auto begun = cache_->Begin(turn.key, turn.tokens, now_, turn.size);
  turn.funded = match.funded;
  if (begun.ok() && turn.funded) ++funded_turns_;
  if (!begun.ok()) {
    const bool busy = stats.has_value() && stats->running && !turn.key.session.empty();
    PINTLE_SIM_EXPECT(HasReason(begun.status(), Reason::kSessionBusy) == busy,
                      begun.status().message());
    PINTLE_SIM_EXPECT(busy || !match.fits || HasReason(begun.status(), Reason::kSessionsMax),
                      begun.status().message());
    return CheckUnchanged(turn.key, turn.held_before, turn.evicted_before);
  }
  turn.sequence = *std::move(begun);
  PINTLE_SIM_EXPECT(turn.sequence.tokens() == match.Total(), match.Total());
  PINTLE_SIM_EXPECT(match.Total() < static_cast<Position>(turn.tokens.size()), match.Total());
  PINTLE_SIM_EXPECT(turn.sequence.cached_session() <= turn.held_before, turn.held_before);
  if (match.fits) {
    PINTLE_RETURN_IF_ERROR(cache_->Reserve(turn.sequence, match.blocks_needed));
  }
  PINTLE_RETURN_IF_ERROR(CheckContent(turn));
  if (Chance(80)) PINTLE_RETURN_IF_ERROR(ReadBack(turn));
  PINTLE_RETURN_IF_ERROR(CheckUnchanged(turn.key, turn.held_before, turn.evicted_before));
  turns_.push_back(std::move(turn));
  return absl::OkStatus();
}

// One step of an engine: some sequences grow, all copies are done, then all rows are written.
absl::Status KvSimulation::Advance() {
  std::vector<std::pair<std::size_t, Position>> rows;
  std::vector<BlockCopy> copies;
  for (std::size_t i = 0; i < turns_.size(); ++i) {
    if (!Chance(60)) continue;
    Turn& turn = turns_[i];
    if (turn.borrowed) continue;
    const Position from = turn.sequence.tokens();
    Position to = from + 1 + (Chance(50) ? Pick(options_.block_tokens + 5) : 0);
    if (to > options_.blocks * options_.block_tokens) continue;
    while (static_cast<Position>(turn.tokens.size()) < to) turn.tokens.push_back(Pick(2));
    turn.digests = Digest(turn.key.tenant, turn.tokens);
    const std::int32_t promised = turn.sequence.reserved_blocks();
    const auto table = turn.sequence.block_table();
    const std::vector<BlockIndex> before(table.begin(), table.end());
    const absl::Status grown = cache_->Grow(turn.sequence, to, now_);
    if (!grown.ok()) {
      PINTLE_SIM_EXPECT(!turn.funded || turn.fork || to > turn.size.tokens_max ||
                            turn.size.choices > 1 || turn.rewound,
                        "a funded turn was refused ", to, " of ", turn.size.tokens_max, ": ",
                        grown.message());
      PINTLE_SIM_EXPECT(HasReason(grown, Reason::kPoolFull), grown.message());
      const auto after = turn.sequence.block_table();
      PINTLE_SIM_EXPECT(std::equal(before.begin(), before.end(), after.begin(), after.end()), i);
      PINTLE_SIM_EXPECT(turn.sequence.reserved_blocks() == promised, i);
      continue;
    }
    if (const auto copy = cache_->TakeCopy(turn.sequence)) copies.push_back(*copy);
    rows.emplace_back(i, to);
  }
  const auto width = static_cast<std::size_t>(options_.block_tokens);
  for (const BlockCopy& copy : copies) {
    std::copy_n(device_.begin() + copy.source * options_.block_tokens, copy.tokens,
                device_.begin() + copy.target * options_.block_tokens);
    ++copies_done_;
  }
  for (const auto& [i, to] : rows) {
    for (auto p = static_cast<std::size_t>(turns_[i].sequence.tokens());
         p < static_cast<std::size_t>(to); ++p) {
      const auto block = static_cast<std::size_t>(turns_[i].sequence.block_table()[p / width]);
      device_[block * width + p % width] = turns_[i].digests[p];
    }
  }
  for (const auto& [i, to] : rows) {
    Turn& turn = turns_[i];
    const auto from = static_cast<std::size_t>(turn.sequence.tokens());
    // Speculation: sometimes fewer rows are kept than were written.
    const std::size_t written = static_cast<std::size_t>(to) - from;
    const std::size_t kept = Chance(90) ? written : static_cast<std::size_t>(Pick(to)) % written;
    if (kept == 0) continue;
    cache_->Append(turn.sequence, absl::MakeConstSpan(turn.tokens).subspan(from, kept), now_);
  }
  for (const auto& row : rows) PINTLE_RETURN_IF_ERROR(CheckContent(turns_[row.first]));
  return absl::OkStatus();
}

absl::Status KvSimulation::ForkTurn() {
  if (turns_.empty()) return absl::OkStatus();
  Turn& from = turns_[static_cast<std::size_t>(Pick(static_cast<std::int32_t>(turns_.size())))];
  // An engine forks once the prompt is computed, so never while a copy waits for its step.
  if (from.borrowed) return CheckContent(from);
  const auto kept = from.sequence.tokens();
  if (cache_->TakeCopy(from.sequence).has_value()) return absl::OkStatus();
  cache_->Rewind(from.sequence, kept, now_);
  auto forked = cache_->Fork(from.sequence, now_);
  if (!forked.ok()) return absl::OkStatus();
  Turn turn;
  turn.sequence = *std::move(forked);
  turn.key.tenant = from.key.tenant;
  turn.tokens.assign(from.tokens.begin(), from.tokens.begin() + kept);
  turn.digests = Digest(turn.key.tenant, turn.tokens);
  turn.fork = true;
  PINTLE_RETURN_IF_ERROR(CheckContent(turn));
  turns_.push_back(std::move(turn));
  return absl::OkStatus();
}

absl::Status KvSimulation::RewindTurn() {
  if (turns_.empty()) return absl::OkStatus();
  Turn& turn = turns_[static_cast<std::size_t>(Pick(static_cast<std::int32_t>(turns_.size())))];
  if (turn.borrowed) return CheckContent(turn);
  // Choices of a funded turn share what their budget was reckoned with; engines never rewind them.
  if (options_.pins && (turn.fork || turn.size.choices > 1)) return absl::OkStatus();
  const Position tokens = turn.sequence.tokens();
  const Position keep = tokens - std::min(tokens, Pick(options_.block_tokens + 3));
  cache_->Rewind(turn.sequence, keep, now_);
  turn.rewound = true;
  turn.tokens.resize(static_cast<std::size_t>(keep));
  turn.tokens.push_back(Pick(4));
  turn.digests = Digest(turn.key.tenant, turn.tokens);
  PINTLE_SIM_EXPECT(turn.sequence.tokens() == keep, keep);
  return CheckContent(turn);
}

KvSimulation::Turn KvSimulation::TakeTurn(std::size_t at) {
  Turn turn = std::move(turns_[at]);
  turns_.erase(turns_.begin() + static_cast<std::ptrdiff_t>(at));
  return turn;
}

absl::Status KvSimulation::Commit(Turn turn) {
  const Position tokens = turn.sequence.tokens();
  const Position keep = Chance(80) ? tokens : Pick(tokens + 1);
  const bool copy_waits = cache_->TakeCopy(turn.sequence).has_value();
  cache_->CommitTurn(std::move(turn.sequence), keep, now_);
  ++commits_;
  if (turn.key.session.empty()) return absl::OkStatus();
  PINTLE_SIM_EXPECT(cache_->HeldTokens(turn.key) == keep, keep, copy_waits ? " with a copy" : "");
  turn.tokens.resize(static_cast<std::size_t>(keep));
  transcripts_[turn.key] = std::move(turn.tokens);
  return absl::OkStatus();
}

absl::Status KvSimulation::Abort(Turn turn) {
  const std::int32_t how = Pick(3);
  if (how == 0) {
    cache_->Rollback(std::move(turn.sequence), now_);
  } else if (how == 1) {
    cache_->Preempt(std::move(turn.sequence), now_);
  } else {
    turn.sequence = KvSequence();
  }
  return CheckUnchanged(turn.key, turn.held_before, turn.evicted_before);
}

absl::Status KvSimulation::EndTurn() {
  if (turns_.empty()) return absl::OkStatus();
  Turn turn = TakeTurn(static_cast<std::size_t>(Pick(static_cast<std::int32_t>(turns_.size()))));
  if (turn.borrowed) {
    PINTLE_RETURN_IF_ERROR(CheckContent(turn));
    cache_->Rollback(std::move(turn.sequence), now_);
    return absl::OkStatus();
  }
  return Chance(60) ? Commit(std::move(turn)) : Abort(std::move(turn));
}

absl::Status KvSimulation::ChangeSession() {
  const SessionKey key{TenantId(absl::StrCat("t", Pick(2))), SessionId(absl::StrCat("s", Pick(5)))};
  const auto stats = cache_->SessionStats(key);
  const bool busy = stats.has_value() && stats->running;
  const Position held = cache_->HeldTokens(key);
  const bool drop = Chance(40);
  const Position keep = drop ? 0 : Pick(held + 2);
  const absl::Status status = drop ? cache_->DropSession(key, KvReason::kSessionDeleted, now_)
                                   : cache_->TruncateSession(key, keep, now_);
  PINTLE_SIM_EXPECT(status.ok() != busy, status.message());
  if (busy) return absl::OkStatus();
  PINTLE_SIM_EXPECT(cache_->HeldTokens(key) == std::min(held, keep), keep);
  auto& transcript = transcripts_[key];
  if (drop || static_cast<Position>(transcript.size()) > keep) {
    transcript.resize(
        static_cast<std::size_t>(std::min(keep, static_cast<Position>(transcript.size()))));
  }
  return absl::OkStatus();
}

// The fork answers what its source answered, up to the position, whoever goes on first.
absl::Status KvSimulation::ForkSession() {
  const TenantId tenant(absl::StrCat("t", Pick(2)));
  const SessionKey from{tenant, SessionId(absl::StrCat("s", Pick(5)))};
  const SessionKey to{tenant, SessionId(absl::StrCat("s", Pick(5)))};
  if (from == to) return absl::OkStatus();
  const auto target = cache_->SessionStats(to);
  const bool busy = target.has_value() && target->running;
  const Position held = cache_->HeldTokens(from);
  const Position target_held = cache_->HeldTokens(to);
  const Position keep = Pick(held + 2);
  const auto forked = cache_->ForkSession(from, to, keep, now_);
  if (!forked.ok()) {
    PINTLE_SIM_EXPECT(HasReason(forked.status(), Reason::kSessionBusy) == busy,
                      forked.status().message());
    PINTLE_SIM_EXPECT(busy || HasReason(forked.status(), Reason::kSessionsMax),
                      forked.status().message());
    PINTLE_SIM_EXPECT(cache_->HeldTokens(to) == target_held, target_held);
    return absl::OkStatus();
  }
  // A fork within what lower tiers keep begins where the device's part ends.
  const Position most = keep >= held ? held : DeviceTokens(from);
  PINTLE_SIM_EXPECT(!busy && *forked == std::min(most, keep), *forked, " of ", held);
  PINTLE_SIM_EXPECT(cache_->HeldTokens(to) == *forked, *forked);
  PINTLE_SIM_EXPECT(cache_->HeldTokens(from) == held, held);
  auto transcript = transcripts_[from];
  if (transcript.size() > static_cast<std::size_t>(keep)) {
    transcript.resize(static_cast<std::size_t>(keep));
  }
  transcripts_[to] = std::move(transcript);
  ++forks_;
  return absl::OkStatus();
}

// Content from elsewhere, written block by block as an import does, and found by its session only.
absl::Status KvSimulation::ImportSession() {
  const SessionKey key{TenantId(absl::StrCat("t", Pick(2))), SessionId(absl::StrCat("s", Pick(5)))};
  const auto stats = cache_->SessionStats(key);
  const bool busy = stats.has_value() && stats->running;
  const bool trusted = Chance(50);
  auto begun = cache_->BeginImport(key, trusted ? 0 : 1 + random_() % 1000, now_);
  if (!begun.ok()) {
    PINTLE_SIM_EXPECT(!busy || HasReason(begun.status(), Reason::kSessionBusy) ||
                          HasReason(begun.status(), Reason::kPoolFull),
                      begun.status().message());
    return absl::OkStatus();
  }
  Turn turn;
  turn.key = key;
  turn.tokens = MakePrompt(key);
  turn.digests = Digest(key.tenant, turn.tokens);
  turn.sequence = *std::move(begun);
  const auto width = static_cast<Position>(options_.block_tokens);
  const auto size = static_cast<Position>(turn.tokens.size());
  for (Position at = 0; at < size; at += width) {
    const Position end = std::min(at + width, size);
    if (!cache_->Grow(turn.sequence, end, now_).ok()) break;
    const auto block = turn.sequence.block_table()[static_cast<std::size_t>(at / width)];
    for (Position p = at; p < end; ++p) {
      device_[static_cast<std::size_t>(block * width + p % width)] =
          turn.digests[static_cast<std::size_t>(p)];
    }
    cache_->Append(turn.sequence,
                   absl::MakeConstSpan(turn.tokens)
                       .subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(end - at)),
                   now_);
  }
  PINTLE_RETURN_IF_ERROR(CheckContent(turn));
  if (Chance(20)) {
    cache_->Rollback(std::move(turn.sequence), now_);
    transcripts_[key].clear();
    PINTLE_SIM_EXPECT(cache_->HeldTokens(key) == 0, "an abandoned import leaves nothing");
    return absl::OkStatus();
  }
  const Position kept = turn.sequence.tokens();
  cache_->CommitTurn(std::move(turn.sequence), kept, now_);
  PINTLE_SIM_EXPECT(cache_->HeldTokens(key) == kept, kept);
  turn.tokens.resize(static_cast<std::size_t>(kept));
  transcripts_[key] = turn.tokens;
  ++imports_;
  return absl::OkStatus();
}

// An export's hold on a session's blocks: the content stays whatever happens to the session.
absl::Status KvSimulation::BorrowSession() {
  if (turns_.size() >= kTurnsMax) return absl::OkStatus();
  Turn turn;
  turn.key = {TenantId(absl::StrCat("t", Pick(2))), SessionId(absl::StrCat("s", Pick(5)))};
  const Position held = cache_->HeldTokens(turn.key);
  auto borrowed = cache_->Borrow(turn.key, Pick(held + 2), now_);
  if (!borrowed.ok()) {
    PINTLE_SIM_EXPECT(HasReason(borrowed.status(), Reason::kPoolFull), "borrowing");
    return absl::OkStatus();
  }
  turn.sequence = *std::move(borrowed);
  cache_->ReadTokens(turn.sequence, &turn.tokens);
  PINTLE_SIM_EXPECT(turn.sequence.tokens() == static_cast<Position>(turn.tokens.size()), held);
  const auto& transcript = transcripts_[turn.key];
  PINTLE_SIM_EXPECT(transcript.size() >= turn.tokens.size() &&
                        std::equal(turn.tokens.begin(), turn.tokens.end(), transcript.begin()),
                    "a session's tokens are its transcript's");
  turn.digests = Digest(turn.key.tenant, turn.tokens);
  turn.key.session = SessionId();
  turn.borrowed = true;
  PINTLE_RETURN_IF_ERROR(CheckContent(turn));
  turns_.push_back(std::move(turn));
  return absl::OkStatus();
}

// A session at rest answers its whole held transcript again, with the right content.
absl::Status KvSimulation::Probe() {
  if (transcripts_.empty() || turns_.size() >= kTurnsMax) return absl::OkStatus();
  auto at = transcripts_.begin();
  std::advance(at, Pick(static_cast<std::int32_t>(transcripts_.size())));
  Turn turn;
  turn.key = at->first;
  turn.tokens = at->second;
  turn.tokens.push_back(77);
  turn.digests = Digest(turn.key.tenant, turn.tokens);
  const Position held = cache_->HeldTokens(turn.key);
  const Position near = DeviceTokens(turn.key);
  const std::int64_t evicted = EvictedOf(turn.key);
  const bool funded = cache_->Match(turn.key, turn.tokens).funded;
  auto begun = cache_->Begin(turn.key, turn.tokens, now_);
  if (!begun.ok()) return absl::OkStatus();
  turn.sequence = *std::move(begun);
  // A turn that may fill its session's budget does not copy a partial block that others use.
  const Position spared = funded ? options_.block_tokens - 1 : 0;
  PINTLE_SIM_EXPECT(turn.sequence.tokens() + spared >= near, turn.sequence.tokens(), " of ", near);
  PINTLE_RETURN_IF_ERROR(CheckContent(turn));
  PINTLE_RETURN_IF_ERROR(ReadBack(turn));
  cache_->Rollback(std::move(turn.sequence), now_);
  return CheckUnchanged(turn.key, held, evicted);
}

absl::Status KvSimulation::TryPlan() {
  const EvictionPlan plan = cache_->Plan(1 + Pick(options_.blocks + 2), now_);
  const EvictionPlan again = cache_->Plan(plan.need, now_);
  PINTLE_SIM_EXPECT(plan.victims == again.victims, plan.need);
  const KvStats stats = cache_->Stats();
  const std::int64_t most = stats.Blocks(BlockState::kFree) + stats.Blocks(BlockState::kEvictable);
  PINTLE_SIM_EXPECT(plan.need <= most || !plan.ok(), plan.need);
  PINTLE_SIM_EXPECT(plan.need > most - plan.blocks_floored || plan.ok(), plan.need);
  if (plan.ok() && Chance(10)) {
    const std::int64_t before =
        std::accumulate(stats.evictions.begin(), stats.evictions.end(), std::int64_t{0});
    cache_->Commit(plan, KvReason::kCapacity, SessionKey{TenantId("t0"), SessionId()}, now_);
    const KvStats after = cache_->Stats();
    PINTLE_SIM_EXPECT(after.Blocks(BlockState::kFree) >= plan.need, plan.need);
    const std::int64_t evicted =
        std::accumulate(after.evictions.begin(), after.evictions.end(), std::int64_t{0}) - before;
    const auto victims = static_cast<std::int64_t>(plan.victims.size());
    // Those that are not evicted have moved to the tier below.
    PINTLE_SIM_EXPECT(tier_ == nullptr ? evicted == victims : evicted <= victims, victims);
  }
  for (const EvictionRecord& record : recorder_.Take()) {
    PINTLE_SIM_EXPECT(record.number == ++last_record_, record.number);
  }
  return absl::OkStatus();
}

absl::Status KvSimulation::Operation() {
  if (options_.pins) {
    if (Chance(50)) cache_->Expire(now_);
    if (Chance(6)) return ChangePin();
  }
  const std::int32_t kind = Pick(100);
  if (kind < 20) return turns_.size() < kTurnsMax ? BeginTurn() : EndTurn();
  if (kind < 60) return Advance();
  if (kind < 64) return turns_.size() < kTurnsMax ? ForkTurn() : EndTurn();
  if (kind < 68) return RewindTurn();
  if (kind < 84) return EndTurn();
  if (kind < 87) return ChangeSession();
  if (kind < 89) return ForkSession();
  if (kind < 91) return ImportSession();
  if (kind < 93) return BorrowSession();
  if (kind < 96) return Probe();
  if (kind < 99) return TryPlan();
  const auto names = PolicyNames();
  const bool other = options_.pins && Chance(50);
  return cache_->SetPolicy(
      other ? names[static_cast<std::size_t>(Pick(static_cast<std::int32_t>(names.size())))]
            : absl::string_view(options_.policy),
      now_);
}

absl::Status KvSimulation::CheckEvents() {
  events_->Flush();
  bool gap_free = true;
  events_->Take([&](const CacheEvent& event) {
    gap_free = gap_free && event.sequence == ++last_event_;
    const bool device = event.tier == KvTier::kDevice;
    KvLedger& ledger = device ? told_ : told_lower_;
    if (event.kind == CacheEventKind::kStored) {
      ledger.added += event.tokens;
    } else if (event.kind == CacheEventKind::kMoved) {
      ledger.moved_out += event.tokens;
      (device ? told_lower_ : told_).moved_in += event.tokens;
    } else {
      ledger.removed[At(event.reason)] += event.tokens;
    }
    if (event.kind == CacheEventKind::kEvicted && device) ++evictions_told_;
  });
  PINTLE_SIM_EXPECT(gap_free, last_event_);
  const KvStats stats = cache_->Stats();
  PINTLE_SIM_EXPECT(told_.added == stats.physical.added, told_.added);
  PINTLE_SIM_EXPECT(told_.moved_in == stats.physical.moved_in, told_.moved_in);
  PINTLE_SIM_EXPECT(told_.moved_out == stats.physical.moved_out, told_.moved_out);
  PINTLE_SIM_EXPECT(told_.removed == stats.physical.removed, "by reason");
  PINTLE_SIM_EXPECT(evictions_told_ == std::accumulate(stats.evictions.begin(),
                                                       stats.evictions.end(), std::int64_t{0}),
                    evictions_told_);
  return CheckTier();
}

absl::Status KvSimulation::Run(std::int64_t operations) {
  for (std::int64_t i = 0; i < operations; ++i) {
    now_ += absl::Milliseconds(Pick(1000));
    absl::Status status = Operation();
    if (status.ok() && tier_ != nullptr) status = WorkTier();
    if (status.ok() && options_.pins) status = CheckGuarantees();
    if (status.ok() && i % options_.check_every == 0) status = cache_->CheckInvariants();
    // Now and then, so that events are also made of what several operations did to a block.
    if (status.ok() && i % 8 == 7) status = CheckEvents();
    if (!status.ok()) {
      return absl::InternalError(
          absl::StrCat("seed ", options_.seed, ", operation ", i, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status KvSimulation::Quiesce() {
  while (!turns_.empty()) PINTLE_RETURN_IF_ERROR(Abort(TakeTurn(turns_.size() - 1)));
  PINTLE_RETURN_IF_ERROR(QuiesceTier());
  PINTLE_RETURN_IF_ERROR(cache_->CheckInvariants());
  PINTLE_RETURN_IF_ERROR(CheckEvents());
  const KvStats stats = cache_->Stats();
  PINTLE_SIM_EXPECT(stats.Blocks(BlockState::kInUse) == 0, "in use");
  PINTLE_SIM_EXPECT(stats.blocks_reserved == 0, "reserved");
  PINTLE_SIM_EXPECT(
      stats.Blocks(BlockState::kFree) + stats.Blocks(BlockState::kEvictable) +
              stats.Blocks(BlockState::kPinned) ==
          options_.blocks,
      "free + evictable + pinned");
  return absl::OkStatus();
}

}  // namespace pintle::kv

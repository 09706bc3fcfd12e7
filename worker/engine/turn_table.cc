// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/turn_table.h"

#include <algorithm>
#include <utility>

#include "contract/check.h"
#include "contract/errors.h"
#include "contract/status_macros.h"

namespace pintle {
namespace {

// Waiting turns whose expectations are looked at anew before each step: only the first few can be
// admitted, and each look hashes a prompt.
constexpr std::size_t kFreshFront = 4;

// Blocks kept out of every turn's reach: a copied tail and the first of growth.
constexpr std::int32_t kSlackBlocks = 2;

}  // namespace

TurnTable::TurnTable(kv::KvCache& cache, TurnMailbox& mailbox, const Scheduler& scheduler,
                     std::int32_t blocks, std::int32_t block_tokens, Position context_tokens)
    : cache_(cache),
      mailbox_(mailbox),
      scheduler_(scheduler),
      blocks_(blocks),
      block_tokens_(block_tokens),
      context_tokens_(context_tokens) {}

std::int32_t TurnTable::BlocksFor(std::int64_t tokens) const {
  return static_cast<std::int32_t>((tokens + block_tokens_ - 1) / block_tokens_);
}

std::int32_t TurnTable::BlocksAvailable() const {
  return static_cast<std::int32_t>(cache_.Room(TenantId()));
}

std::int32_t TurnTable::BlocksAvailable(const TenantId& tenant) const {
  return static_cast<std::int32_t>(cache_.Room(tenant));
}

std::int32_t TurnTable::Clip(Position prompt_tokens, std::int32_t n,
                             std::int32_t max_tokens) const {
  // Full blocks of the prompt are shared, all others belong to one choice each.
  const std::int32_t shared = prompt_tokens / block_tokens_;
  const std::int32_t own = (blocks_ - kSlackBlocks - shared) / n;
  const std::int64_t pool =
      static_cast<std::int64_t>(own) * block_tokens_ - prompt_tokens % block_tokens_;
  const std::int64_t room = std::min<std::int64_t>(pool, context_tokens_ - prompt_tokens);
  return static_cast<std::int32_t>(std::min<std::int64_t>(room, max_tokens));
}

Position TurnTable::PromptLimit(std::int32_t n) const {
  // Each choice needs a block of its own, which may also hold the prompt's tail.
  const std::int32_t blocks = std::max(0, blocks_ - kSlackBlocks - n + 1);
  const std::int64_t pool = static_cast<std::int64_t>(blocks) * block_tokens_ - 1;
  return static_cast<Position>(
      std::min<std::int64_t>(std::max<std::int64_t>(pool, 0), context_tokens_ - 1));
}

ActiveTurn& TurnTable::Add(TurnId id, EngineTurn request, absl::Duration submitted) {
  const auto prompt_tokens = static_cast<Position>(request.prompt.size());
  const std::int32_t max_tokens = Clip(prompt_tokens, request.n, request.stopping.max_tokens);
  auto turn = std::make_unique<ActiveTurn>(id, std::move(request), submitted, max_tokens);
  Enqueue(*turn);
  return *(turns_[id] = std::move(turn));
}

ActiveTurn* TurnTable::Find(TurnId id) {
  const auto found = turns_.find(id);
  return found == turns_.end() ? nullptr : found->second.get();
}

ActiveTurn* TurnTable::FindSession(const SessionKey& key) {
  if (key.session.empty()) return nullptr;
  for (const auto& [id, turn] : turns_) {
    if (turn->request().key == key) return turn.get();
  }
  return nullptr;
}

std::vector<ActiveTurn*> TurnTable::All() const {
  std::vector<ActiveTurn*> all;
  all.reserve(turns_.size());
  for (const auto& [id, turn] : turns_) all.push_back(turn.get());
  std::sort(all.begin(), all.end(),
            [](const ActiveTurn* a, const ActiveTurn* b) { return a->id() < b->id(); });
  return all;
}

void TurnTable::Enqueue(ActiveTurn& turn) {
  turn.phase = ActiveTurn::Phase::kWaiting;
  Estimate(turn);
  const auto place = std::upper_bound(waiting_.begin(), waiting_.end(), &turn,
                                      [this](const ActiveTurn* a, const ActiveTurn* b) {
                                        return scheduler_.Before(a->standing(), b->standing());
                                      });
  waiting_.insert(place, &turn);
}

void TurnTable::Estimate(ActiveTurn& turn) const {
  const absl::Span<const TokenId> tokens = turn.AdmissionTokens();
  const std::int32_t forks = turn.Places() - 1;
  if (turn.NeedsScores()) {
    turn.expected_cached = 0;
    turn.blocks_needed = BlocksFor(static_cast<std::int64_t>(tokens.size())) + 1 + forks;
    turn.funded = cache_.Match(turn.request().key, {}, turn.Size()).funded;
    return;
  }
  const kv::KvMatch match = cache_.Match(turn.request().key, tokens, turn.Size());
  turn.funded = match.funded;
  turn.expected_cached = match.Total();
  turn.blocks_needed = match.blocks_needed + forks;
  // The blocks matched may be among those that look available; then the turn has to wait although
  // the sum would do.
  if (!match.fits && !match.funded) {
    turn.blocks_needed = std::max(turn.blocks_needed, BlocksAvailable() + 1);
  }
}

absl::Status TurnTable::Pin(const ActiveTurn& turn, absl::Duration now) {
  const EngineTurn& request = turn.request();
  if (request.key.session.empty() || !request.pin) return absl::OkStatus();
  return cache_.SetPin(request.key, *request.pin, request.lease, now).why;
}

absl::Status TurnTable::Prepare(ActiveTurn& turn, absl::Duration now) {
  PINTLE_RETURN_IF_ERROR(Pin(turn, now));
  Estimate(turn);
  if (turn.funded) return absl::OkStatus();
  return cache_.CheckQuota(turn.request().key.tenant,
                           BlocksFor(std::int64_t{turn.prompt_tokens()} + 1));
}

absl::Status TurnTable::WhyWaited(const ActiveTurn& turn) const {
  const absl::Span<const TokenId> tokens = turn.AdmissionTokens();
  // Scores are computed from the first token on: nothing cached helps.
  const std::int32_t prompt =
      turn.NeedsScores() ? BlocksFor(static_cast<std::int64_t>(tokens.size())) + 1
                         : cache_.Match(turn.request().key, tokens, turn.Size()).blocks_needed;
  if (!turn.funded) {
    PINTLE_RETURN_IF_ERROR(
        cache_.CheckQuotaRoom(turn.request().key.tenant, prompt + turn.Places() - 1));
  }
  return MakeError(Reason::kPoolFull, "no KV blocks became free within the queue time");
}

void TurnTable::RefreshFront() {
  for (std::size_t i = 0; i < std::min(kFreshFront, waiting_.size()); ++i) Estimate(*waiting_[i]);
}

absl::Status TurnTable::Admit(ActiveTurn& turn, absl::Duration now) {
  absl::Status status = Seat(turn, now);
  if (status.ok()) Announce(turn);
  return status;
}

absl::Status TurnTable::Seat(ActiveTurn& turn, absl::Duration now) {
  PINTLE_RETURN_IF_ERROR(Pin(turn, now));
  Estimate(turn);
  const bool reuse = !turn.NeedsScores();
  // The session is back: what was said of its return has come true. News of a running turn stay.
  if (!turn.started) {
    cache_.SetOutlook(turn.request().key, SessionOutlook::kOpen, absl::InfiniteDuration(), now);
  }
  absl::StatusOr<kv::KvSequence> sequence = cache_.Begin(
      turn.request().key, reuse ? turn.AdmissionTokens() : absl::Span<const TokenId>(), now,
      turn.Size());
  if (!sequence.ok()) return sequence.status();
  if (absl::Status status = cache_.Reserve(*sequence, turn.blocks_needed); !status.ok()) {
    cache_.Rollback(*std::move(sequence), now);
    return status;
  }
  waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &turn));
  running_.push_back(&turn);
  turn.phase = ActiveTurn::Phase::kRunning;
  turn.set_forked(false);
  turn.choice(0).kv = *std::move(sequence);
  turn.promoted = 0;
  if (turn.started) return absl::OkStatus();
  turn.started = true;
  turn.queue = now - turn.standing().submitted;
  mailbox_.LeaveQueue(turn.id());
  return absl::OkStatus();
}

void TurnTable::Announce(ActiveTurn& turn) {
  if (turn.announced) return;
  turn.announced = true;
  EngineStarted started;
  started.prompt_tokens = turn.prompt_tokens();
  started.cached.session = turn.choice(0).kv.cached_session();
  started.cached.prefix = turn.choice(0).kv.cached_prefix();
  (lower_tier_ == kv::KvTier::kHost ? started.cached.host : started.cached.disk) = turn.promoted;
  started.queue = turn.queue;
  turn.request().sink->Push(started);
}

void TurnTable::LeavePhase(ActiveTurn& turn) {
  std::vector<ActiveTurn*>& list = turn.phase == ActiveTurn::Phase::kWaiting ? waiting_ : running_;
  list.erase(std::remove(list.begin(), list.end(), &turn), list.end());
}

void TurnTable::ReleaseForks(ActiveTurn& turn, absl::Duration now) {
  for (std::int32_t i = 1; i < turn.choices(); ++i) {
    if (turn.choice(i).kv.valid()) cache_.Rollback(std::move(turn.choice(i).kv), now);
  }
}

void TurnTable::Preempt(ActiveTurn& turn, absl::Duration now) {
  PINTLE_CHECK(turn.phase == ActiveTurn::Phase::kRunning, "only a running turn is preempted");
  ++preemptions_;
  LeavePhase(turn);
  turn.promoting = false;
  ReleaseForks(turn, now);
  cache_.Preempt(std::move(turn.choice(0).kv), now);
  for (std::int32_t i = 0; i < turn.choices(); ++i) turn.choice(i).refusals = 0;
  turn.set_forked(false);
  if (turn.Settled()) {
    turn.phase = ActiveTurn::Phase::kParked;
  } else {
    Enqueue(turn);
  }
}

absl::Status TurnTable::Fork(ActiveTurn& turn, absl::Duration now) {
  kv::KvSequence& source = turn.choice(0).kv;
  const std::int32_t forks = turn.Places() - 1;
  // Admission reserved a block for each choice to come; a promise that cannot be moved now is
  // made up for by preemption when the fork grows.
  const bool promised = source.reserved_blocks() > forks;
  if (promised) {
    if (auto status = cache_.Reserve(source, source.reserved_blocks() - forks); !status.ok()) {
      return status;
    }
  }
  for (std::int32_t i = 1; i < turn.choices(); ++i) {
    if (turn.choice(i).ended) continue;
    absl::StatusOr<kv::KvSequence> fork = cache_.Fork(source, now);
    if (!fork.ok()) return fork.status();
    if (promised) cache_.Reserve(*fork, 1).IgnoreError();
    turn.choice(i).kv = *std::move(fork);
  }
  turn.set_forked(true);
  return absl::OkStatus();
}

void TurnTable::EndChoice(ActiveTurn& turn, std::int32_t index, absl::Duration now) {
  ActiveChoice& choice = turn.choice(index);
  choice.ended = true;
  if (index != 0 && choice.kv.valid()) cache_.Rollback(std::move(choice.kv), now);
  if (!turn.Settled()) return;
  turn.settled_since = now;
  if (turn.phase == ActiveTurn::Phase::kWaiting) {
    LeavePhase(turn);
    turn.phase = ActiveTurn::Phase::kParked;
  }
}

void TurnTable::Commit(ActiveTurn& turn, const EngineCommit& commit, absl::Duration now) {
  ReleaseForks(turn, now);
  if (turn.choice(0).kv.valid()) {
    const absl::Span<const TokenId> output = turn.Output(0);
    const auto [ours, theirs] =
        std::mismatch(output.begin(), output.end(), commit.output.begin(), commit.output.end());
    const Position kept = turn.prompt_tokens() + static_cast<Position>(ours - output.begin());
    cache_.CommitTurn(std::move(turn.choice(0).kv), kept, now);
  }
  Finish(turn, absl::OkStatus());
}

void TurnTable::Cancel(ActiveTurn& turn, absl::Status why, absl::Duration now) {
  ReleaseForks(turn, now);
  if (turn.choice(0).kv.valid()) cache_.Rollback(std::move(turn.choice(0).kv), now);
  Finish(turn, std::move(why));
}

void TurnTable::Finish(ActiveTurn& turn, absl::Status status) {
  LeavePhase(turn);
  EngineEnded ended;
  ended.status = std::move(status);
  ended.held_tokens = cache_.HeldTokens(turn.request().key);
  const auto found = turns_.find(turn.id());
  const std::unique_ptr<ActiveTurn> last = std::move(found->second);
  turns_.erase(found);
  mailbox_.Retire(last->id());
  last->request().sink->Push(std::move(ended));
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/engine.h"

#include <pthread.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/check.h"
#include "contract/errors.h"
#include "contract/status_macros.h"

namespace pintle {
namespace {

// Fewer blocks could not hold one turn beside the two kept for a copied tail and growth.
constexpr std::int32_t kBlocksMin = 4;
// Watchers hear of a long answer's tokens this often; an event for each token would be too many.
constexpr absl::Duration kFlushInterval = absl::Milliseconds(100);

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> Engine::Create(const EngineOptions& options,
                                                       std::unique_ptr<Decoder> decoder,
                                                       const Clock& clock, EngineTier tier) {
  PINTLE_RETURN_IF_ERROR(options.scheduler.Validate());
  PINTLE_RETURN_IF_ERROR(options.speculation.Validate());
  const KvLayout layout = decoder->Layout();
  if (decoder->KvBlocks() < kBlocksMin) {
    return InvalidField("kv_bytes", absl::StrCat("makes ", decoder->KvBlocks(),
                                                 " blocks, needs at least ", kBlocksMin));
  }
  EngineOptions complete = options;
  complete.kv.blocks = decoder->KvBlocks();
  complete.kv.block_tokens = layout.block_tokens;
  complete.kv.bytes_per_token = static_cast<std::int64_t>(layout.bytes_per_token);
  if (complete.kv.sequence_blocks_max == 0) {
    // No table is longer than the context, and guarantees leave room for one that long.
    const std::int64_t width = layout.block_tokens;
    const std::int64_t longest = (decoder->Limits().context_tokens + width - 1) / width;
    complete.kv.sequence_blocks_max =
        static_cast<std::int32_t>(std::min<std::int64_t>(longest, complete.kv.blocks));
  }
  PINTLE_ASSIGN_OR_RETURN(std::unique_ptr<kv::KvCache> cache, kv::KvCache::Create(complete.kv));
  if (tier.store != nullptr && tier.store->block_bytes() != layout.block_bytes) {
    return InvalidField("tier", absl::StrCat("has blocks of ", tier.store->block_bytes(),
                                             " bytes, the model's have ", layout.block_bytes));
  }
  return std::unique_ptr<Engine>(
      new Engine(complete, std::move(decoder), std::move(cache), clock, std::move(tier)));
}

Engine::Engine(const EngineOptions& options, std::unique_ptr<Decoder> decoder,
               std::unique_ptr<kv::KvCache> cache, const Clock& clock, EngineTier tier)
    : clock_(clock),
      decoder_(std::move(decoder)),
      limits_(decoder_->Limits()),
      scheduler_(options.scheduler),
      cache_(std::move(cache)),
      watch_(options.kv, *cache_),
      feed_(options.event_epoch, options.events_kept),
      mailbox_(options.mailbox_messages, options.queue_requests),
      table_(*cache_, mailbox_, scheduler_, options.kv.blocks, options.kv.block_tokens,
             limits_.context_tokens),
      tier_(tier.store == nullptr
                ? nullptr
                : std::make_unique<TierLink>(std::move(tier), options.kv.hash_key, *cache_,
                                             *decoder_, clock_, [this] { mailbox_.Wake(); })),
      loop_(options, scheduler_, *cache_, *decoder_, mailbox_, table_, tier_.get(), clock_),
      delivered_(options.delivered) {
  if (options.cache_observer != nullptr) watch_.Add(options.cache_observer);
  if (tier_ != nullptr) table_.set_lower_tier(tier_->Stats().tier);
  Publish(/*flush=*/true);
}

Engine::~Engine() { Stop(); }

void Engine::Start() {
  PINTLE_CHECK(!thread_.joinable() && !stopped_, "an engine is started once");
  thread_ = std::thread([this] { Run(); });
}

void Engine::Run() {
  pthread_setname_np(pthread_self(), "engine");  // for whoever asks where the time goes
  while (!mailbox_.closed()) {
    if (RunOnce()) continue;
    mailbox_.Sleep(loop_.NextTimer() - clock_.Monotonic());
  }
}

bool Engine::RunOnce() {
  const bool progress = loop_.RunOnce();
  if (delivered_) delivered_();
  Publish(!progress || clock_.Monotonic() - flushed_at_ >= kFlushInterval);
  return progress;
}

void Engine::Publish(bool flush) {
  if (flush) {
    watch_.events().Flush();
    flushed_at_ = clock_.Monotonic();
  }
  EngineSnapshot figures = loop_.Figures();
  figures.insight = watch_.Insight();
  feed_.Publish(watch_.events(), figures, flush);
  absl::MutexLock lock(&snapshot_mutex_);
  snapshot_ = std::move(figures);
}

void Engine::Drain(absl::Duration grace) { mailbox_.Drain({clock_.Monotonic() + grace}); }

bool Engine::AwaitIdle(absl::Duration timeout) { return mailbox_.AwaitNoTurns(timeout); }

void Engine::Stop() {
  if (std::exchange(stopped_, true)) return;
  mailbox_.Close();
  if (thread_.joinable()) thread_.join();
  loop_.Finish(MakeError(Reason::kDraining, "this worker is shutting down"));
  if (delivered_) delivered_();
  Publish(/*flush=*/true);
  feed_.Close();
}

void Engine::SaveTier(
    absl::Duration timeout,
    absl::FunctionRef<void(std::int64_t written, std::int64_t total)> progress) {
  PINTLE_CHECK(stopped_, "a tier is saved when nothing runs any more");
  if (tier_ == nullptr) return;
  tier_->Save(clock_.Monotonic() + timeout, progress);
  Publish(/*flush=*/true);
}

absl::Status Engine::Check(const EngineTurn& turn) const {
  PINTLE_CHECK(turn.sink != nullptr, "a turn has a sink");
  if (turn.prompt.empty()) return InvalidField("input", "has no tokens");
  if (turn.n < 1 || turn.n > limits::kChoices) {
    return InvalidField("n", absl::StrCat("is ", turn.n, ", limit ", limits::kChoices));
  }
  if (turn.stopping.max_tokens < 1) {
    return InvalidField("stopping.max_tokens", "must be at least 1");
  }
  for (TokenId token : turn.prompt) {
    if (token < 0 || token >= limits_.vocabulary) {
      return InvalidField("input", absl::StrCat("has token id ", token, ", the vocabulary has ",
                                                limits_.vocabulary));
    }
  }
  // Beyond 32 bits nothing fits anyway, and the sums below must not overflow.
  const auto tokens = static_cast<Position>(
      std::min<std::size_t>(turn.prompt.size(), std::numeric_limits<Position>::max() / 2));
  if (table_.Clip(tokens, turn.n, turn.stopping.max_tokens) < 1) {
    return MakeError(
        Reason::kPromptTooLong,
        absl::StrCat("the prompt has ", tokens, " tokens, limit ", table_.PromptLimit(turn.n)));
  }
  return absl::OkStatus();
}

absl::StatusOr<TurnId> Engine::Submit(EngineTurn turn) {
  PINTLE_RETURN_IF_ERROR(Check(turn));
  return mailbox_.Submit(std::move(turn), clock_.Monotonic());
}

void Engine::StopChoice(TurnId turn, std::int32_t choice) { mailbox_.StopChoice(turn, choice); }

void Engine::Commit(TurnId turn, EngineCommit commit) { mailbox_.Commit(turn, std::move(commit)); }

void Engine::Cancel(TurnId turn, absl::Status why) {
  PINTLE_CHECK(!why.ok(), "a cancelled turn needs an error");
  mailbox_.Cancel(turn, std::move(why));
}

void Engine::Wake() { mailbox_.Wake(); }

void Engine::DropSession(const SessionKey& key) { mailbox_.Drop(key); }

EngineSnapshot Engine::Snapshot() const {
  absl::MutexLock lock(&snapshot_mutex_);
  return snapshot_;
}

absl::Status Engine::QuerySessions(std::vector<SessionKey> keys,
                                   absl::AnyInvocable<void(std::vector<kv::KvSessionStats>)> done) {
  return mailbox_.Query({std::move(keys), std::move(done)});
}

absl::Status Engine::QueryTenants(absl::AnyInvocable<void(std::vector<kv::KvTenantStats>)> done) {
  return mailbox_.Ask(TenantsMessage{std::move(done)});
}

absl::Status Engine::ExplainEviction(std::int64_t tokens,
                                     absl::AnyInvocable<void(EvictionExplanation)> done) {
  const kv::KvStats stats = Snapshot().kv;
  const std::int64_t most = stats.blocks_total * stats.block_tokens;
  if (tokens < 1 || tokens > most) {
    return InvalidField("tokens_needed", absl::StrCat("is ", tokens, ", limit 1 to ", most));
  }
  return mailbox_.Ask(ExplainMessage{tokens, std::move(done)});
}

absl::Status Engine::SetPolicy(std::string name,
                               absl::AnyInvocable<void(absl::StatusOr<std::string>)> done) {
  return mailbox_.Ask(PolicyMessage{std::move(name), std::move(done)});
}

void Engine::ForkSession(const SessionKey& from, const SessionKey& to, Position tokens,
                         EngineKv::Done done) {
  mailbox_.Task({[from, to, tokens, done = std::move(done)](const absl::Status& refused,
                                                            KvTaskRoom* room) mutable {
    if (room == nullptr) return done(refused);
    done(room->cache.ForkSession(from, to, tokens, room->now).status());
  }});
}

void Engine::TruncateSession(const SessionKey& key, Position tokens, EngineKv::Done done) {
  mailbox_.Task({[key, tokens, done = std::move(done)](const absl::Status& refused,
                                                       KvTaskRoom* room) mutable {
    if (room == nullptr) return done(refused);
    done(room->cache.TruncateSession(key, tokens, room->now));
  }});
}

void Engine::OpenReading(const SessionKey& key, Position tokens_max, ReadingDone done) {
  mailbox_.Task({[key, tokens_max, done = std::move(done)](const absl::Status& refused,
                                                           KvTaskRoom* room) mutable {
    if (room == nullptr) return done(refused);
    room->transfers.Open(key, tokens_max, room->now, std::move(done));
  }});
}

void Engine::ReadPositions(std::uint64_t reading, Position first, std::int32_t count,
                           BytesDone done) {
  mailbox_.Task({[reading, first, count, done = std::move(done)](const absl::Status& refused,
                                                                 KvTaskRoom* room) mutable {
    if (room == nullptr) return done(refused);
    done(room->transfers.Read(reading, first, count, room->now));
  }});
}

void Engine::CloseReading(std::uint64_t reading) {
  mailbox_.Task({[reading](const absl::Status&, KvTaskRoom* room) {
    // A closed engine has given everything back.
    if (room != nullptr) room->transfers.Close(reading, room->now);
  }});
}

void Engine::Import(EngineImport import, TokensDone done) {
  mailbox_.Task({[import = std::move(import), done = std::move(done)](
                     const absl::Status& refused, KvTaskRoom* room) mutable {
    if (room == nullptr) return done(refused);
    room->transfers.Import(std::move(import), std::move(done), room->now);
  }});
}

absl::Status Engine::SetPin(SessionKey key, std::optional<Pin> pin, absl::Duration lease,
                            absl::AnyInvocable<void(PinAnswer)> done) {
  return mailbox_.SetPin({std::move(key), std::move(pin), lease, {}, {}, std::move(done)});
}

void Engine::UpdateSession(const SessionKey& key, SessionTerms terms, VerdictDone done) {
  std::optional<absl::Duration> expected;
  if (terms.hints.expected_return) expected = clock_.Monotonic() + *terms.hints.expected_return;
  // Shared, because a refused message must still be answered.
  auto answer = std::make_shared<VerdictDone>(std::move(done));
  const absl::Status posted =
      mailbox_.SetPin({key, std::move(terms.pin), terms.lease, terms.hints.outlook, expected,
                       [answer](PinAnswer taken) {
                         const bool rejected = taken.verdict == PinVerdict::kRejected;
                         if (rejected) return (*answer)(std::move(taken.why));
                         (*answer)(taken.verdict);
                       }});
  if (!posted.ok()) (*answer)(posted);
}

}  // namespace pintle

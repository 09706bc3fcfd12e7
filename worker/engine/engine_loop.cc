// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/engine_loop.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "contract/errors.h"
#include "worker/engine/explain_plan.h"

namespace pintle {
namespace {

// Rows of one step of a prompt that is scored: each needs a row of logits over the vocabulary.
constexpr std::int32_t kScoredRows = 64;

absl::Status Draining() { return MakeError(Reason::kDraining, "this worker is shutting down"); }

absl::Status Expired() {
  return absl::DeadlineExceededError("the deadline passed before the turn was finished");
}

}  // namespace

EngineLoop::EngineLoop(const EngineOptions& options, const Scheduler& scheduler, kv::KvCache& cache,
                       Decoder& decoder, TurnMailbox& mailbox, TurnTable& table, TierLink* tier,
                       const Clock& clock)
    : options_(options),
      scheduler_(scheduler),
      cache_(cache),
      decoder_(decoder),
      mailbox_(mailbox),
      table_(table),
      tier_(tier),
      clock_(clock),
      transfers_(cache, decoder, tier),
      now_(clock.Monotonic()),
      speculator_(options.speculation) {}

bool EngineLoop::RunOnce() {
  now_ = clock_.Monotonic();
  cache_.Expire(now_);
  mailbox_.Take(messages_);
  bool progress = !messages_.empty();
  HandleMessages();
  progress |= RunTimers();
  if (tier_ != nullptr) {
    tier_->set_prefill_rate(prefill_rate_.tokens_per_second());
    progress |= tier_->Advance(table_, now_);
  }
  progress |= transfers_.Step(now_);
  table_.RefreshFront();
  FillInput();
  speculator_.Propose(table_, step_cost_, input_);
  const StepPlan plan = scheduler_.Step(input_);
  builder_.Clear();
  progress |= Carry(plan);
  if (!builder_.slices().empty()) {
    Compute();
    progress = true;
  }
  return progress || BreakDeadlock(plan);
}

// --- Messages ---

void EngineLoop::HandleMessages() {
  for (EngineMessage& message : messages_) {
    std::visit([this](auto& content) { Handle(content); }, message);
  }
  messages_.clear();
}

void EngineLoop::Finish(const absl::Status& why) {
  now_ = clock_.Monotonic();
  mailbox_.Take(messages_);
  HandleMessages();
  transfers_.EndAll(why, now_);
  EndAll(why);
}

void EngineLoop::Handle(SubmitMessage& message) {
  const TurnId id = message.turn;
  ActiveTurn& turn = table_.Add(id, std::move(message.request), message.submitted);
  const absl::Status ready = draining_ ? Draining() : table_.Prepare(turn, now_);
  if (!ready.ok()) table_.Cancel(turn, ready, now_);
}

void EngineLoop::Handle(StopChoiceMessage& message) {
  ActiveTurn* turn = table_.Find(message.turn);
  if (turn == nullptr || message.choice >= turn->choices()) return;
  if (!turn->choice(message.choice).ended) table_.EndChoice(*turn, message.choice, now_);
}

void EngineLoop::Handle(CommitMessage& message) {
  if (ActiveTurn* turn = table_.Find(message.turn)) table_.Commit(*turn, message.commit, now_);
}

void EngineLoop::Handle(CancelMessage& message) {
  if (ActiveTurn* turn = table_.Find(message.turn)) {
    table_.Cancel(*turn, std::move(message.why), now_);
  }
}

void EngineLoop::Handle(DropMessage& message) {
  if (ActiveTurn* turn = table_.FindSession(message.key)) {
    table_.Cancel(*turn, MakeError(Reason::kSessionDeleted, "the session was deleted"), now_);
  }
  // Busy is impossible: its turn has just ended.
  cache_.DropSession(message.key, kv::KvReason::kSessionDeleted, now_).IgnoreError();
}

void EngineLoop::Handle(PinMessage& message) {
  PinAnswer answer = message.pin
                         ? cache_.SetPin(message.key, *message.pin, message.lease, now_)
                         : cache_.RenewPin(message.key, now_);
  if (answer.verdict != PinVerdict::kRejected) {
    cache_.SetOutlook(message.key, message.outlook, message.expected_return, now_);
    ActiveTurn* const turn = table_.FindSession(message.key);
    // Its own pin is older than this one.
    if (turn != nullptr && message.pin) turn->Repin(std::move(*message.pin), message.lease);
  }
  message.done(std::move(answer));
}

void EngineLoop::Handle(QueryMessage& message) {
  std::vector<kv::KvSessionStats> found;
  for (const SessionKey& key : message.keys) {
    if (auto stats = cache_.SessionStats(key)) found.push_back(*std::move(stats));
  }
  message.done(std::move(found));
}

void EngineLoop::Handle(TenantsMessage& message) { message.done(cache_.TenantStats()); }

void EngineLoop::Handle(ExplainMessage& message) {
  message.done(ExplainPlan(cache_, message.tokens, now_));
}

void EngineLoop::Handle(PolicyMessage& message) {
  const std::string previous(cache_.Stats().policy);
  const absl::Status changed = cache_.SetPolicy(message.name, now_);
  message.done(changed.ok() ? absl::StatusOr<std::string>(previous) : changed);
}

void EngineLoop::Handle(KvTaskMessage& message) {
  KvTaskRoom room{cache_, transfers_, now_};
  message.run(absl::OkStatus(), &room);
}

void EngineLoop::Handle(DrainMessage& message) {
  draining_ = true;
  drain_deadline_ = std::min(drain_deadline_, message.deadline);
  for (ActiveTurn* turn : table_.All()) {
    if (!turn->started) table_.Cancel(*turn, Draining(), now_);
  }
}

// --- Timers ---

absl::Duration EngineLoop::TimerOf(const ActiveTurn& turn) const {
  absl::Duration timer = turn.request().deadline;
  if (turn.settled_since) return std::min(timer, *turn.settled_since + options_.commit_time);
  if (turn.paused_since) timer = std::min(timer, *turn.paused_since + options_.slow_reader_time);
  if (!turn.started) {
    timer = std::min(timer, turn.standing().submitted + options_.scheduler.queue_time);
  }
  return timer;
}

absl::Duration EngineLoop::NextTimer() const {
  absl::Duration next =
      std::min({drain_deadline_, transfers_.NextTimer(), cache_.NextExpiry()});
  if (tier_ != nullptr) next = std::min(next, tier_->NextTimer());
  for (const ActiveTurn* turn : table_.All()) next = std::min(next, TimerOf(*turn));
  return next;
}

bool EngineLoop::RunTimers() {
  const bool given_up = transfers_.RunTimers(now_);
  if (now_ >= drain_deadline_) {
    drain_deadline_ = absl::InfiniteDuration();
    EndAll(Draining());
    return true;
  }
  bool ended = given_up;
  for (ActiveTurn* turn : table_.All()) {
    if (!turn->request().sink->Paused()) {
      turn->paused_since.reset();
    } else if (!turn->paused_since) {
      turn->paused_since = now_;
    }
    // The scheduler rejects those that never started: it alone knows the queue time.
    if (!turn->started || now_ < TimerOf(*turn)) continue;
    const bool expired = now_ >= turn->request().deadline;
    table_.Cancel(
        *turn,
        expired ? Expired()
                : MakeError(Reason::kSlowReader, "the stream's reader fell behind for too long"),
        now_);
    ended = true;
  }
  return ended;
}

void EngineLoop::EndAll(const absl::Status& why) {
  for (ActiveTurn* turn : table_.All()) table_.Cancel(*turn, why, now_);
}

// --- The step ---

void EngineLoop::FillInput() {
  input_.Clear();
  groups_.clear();
  tenants_.clear();
  input_.now = now_;
  input_.block_tokens = cache_.Stats().block_tokens;
  input_.blocks_available = table_.BlocksAvailable();
  for (const ActiveTurn* turn : table_.waiting()) {
    WaitingTurn waiting;
    waiting.turn = turn->id();
    waiting.standing = turn->standing();
    waiting.deadline = turn->request().deadline;
    waiting.tokens_left = std::max(
        1, static_cast<std::int32_t>(turn->AdmissionTokens().size()) - turn->expected_cached);
    if (turn->NeedsScores()) waiting.tokens_left = std::min(waiting.tokens_left, kScoredRows);
    waiting.blocks_needed = turn->blocks_needed;
    waiting.sequences = turn->Places();
    waiting.preempted = turn->started;
    waiting.funded = turn->funded;
    waiting.group = GroupOf(*turn);
    waiting.tenant = TenantOf(*turn);
    waiting.paused = turn->paused_since.has_value();
    input_.waiting.push_back(waiting);
  }
  for (const ActiveTurn* turn : table_.running()) {
    RunningTurn running;
    running.turn = turn->id();
    running.standing = turn->standing();
    running.sequences = turn->Places();
    running.paused = turn->paused_since.has_value();
    running.funded = turn->funded;
    running.group = GroupOf(*turn);
    running.tenant = TenantOf(*turn);
    for (std::int32_t i = 0; i < turn->choices(); ++i) {
      const ActiveChoice& choice = turn->choice(i);
      if (!choice.kv.valid()) continue;
      const auto blocks =
          static_cast<std::int32_t>(choice.kv.block_table().size()) + choice.kv.reserved_blocks();
      running.blocks_held += blocks;
      if (turn->promoting) continue;  // nothing to compute before its content is there
      RunningSequence sequence;
      sequence.sequence = turn->SequenceOf(i);
      sequence.turn = input_.running.size();
      sequence.tokens_left = turn->TokensLeft(i);
      if (turn->NeedsScores()) sequence.tokens_left = std::min(sequence.tokens_left, kScoredRows);
      sequence.room = blocks * input_.block_tokens - choice.kv.tokens();
      // A refusal means that a copied tail or others' reservations were in the way: ask for more.
      if (choice.refusals > 0) sequence.room = -(choice.refusals - 1) * input_.block_tokens;
      input_.sequences.push_back(sequence);
    }
    input_.running.push_back(running);
  }
  input_.prompt_rows_max = PromptRowsMax();
}

std::int32_t EngineLoop::PromptRowsMax() const {
  std::int32_t decoding = 0;
  std::int32_t prompts = 0;
  for (const RunningSequence& sequence : input_.sequences) {
    if (sequence.tokens_left == 0 || input_.running[sequence.turn].paused) continue;
    ++(sequence.tokens_left == 1 ? decoding : prompts);
  }
  // Those that wait for blocks are not helped by slower streams.
  std::int32_t blocks = input_.blocks_available;
  for (const WaitingTurn& turn : input_.waiting) {
    if (turn.paused || (!turn.funded && turn.blocks_needed > blocks)) continue;
    if (!turn.funded) blocks -= turn.blocks_needed;
    ++prompts;
  }
  return step_cost_.PromptRowsWithin(decoding, prompts, options_.scheduler.inter_token_target);
}

std::int32_t EngineLoop::TenantOf(const ActiveTurn& turn) {
  const auto number = static_cast<std::int32_t>(tenants_.size());
  return tenants_.try_emplace(turn.request().key.tenant, number).first->second;
}

std::int32_t EngineLoop::GroupOf(const ActiveTurn& turn) {
  const TenantId& tenant = turn.request().key.tenant;
  if (turn.funded || !cache_.HasQuota(tenant)) return -1;
  const auto [found, fresh] =
      groups_.try_emplace(tenant, static_cast<std::int32_t>(input_.group_rooms.size()));
  if (fresh) input_.group_rooms.push_back(table_.BlocksAvailable(tenant));
  return found->second;
}

bool EngineLoop::Carry(const StepPlan& plan) {
  bool changed = !plan.expired.empty() || !plan.pool_full.empty() || !plan.preempted.empty();
  for (TurnId id : plan.expired) table_.Cancel(*table_.Find(id), Expired(), now_);
  for (TurnId id : plan.pool_full) {
    ActiveTurn& turn = *table_.Find(id);
    table_.Cancel(turn, table_.WhyWaited(turn), now_);
  }
  for (TurnId id : plan.preempted) table_.Preempt(*table_.Find(id), now_);
  for (const PlannedRun& run : plan.runs) {
    ActiveTurn* turn = table_.Find(ActiveTurn::TurnOf(run.sequence));
    AddRun(*turn, ActiveTurn::ChoiceOf(run.sequence), run.rows);
    changed = true;
  }
  for (const PlannedAdmission& admission : plan.admitted) {
    ActiveTurn& turn = *table_.Find(admission.turn);
    const absl::Status status = table_.Seat(turn, now_);
    if (!status.ok()) {
      if (HasReason(status, Reason::kPoolFull)) break;  // as the scheduler: nobody overtakes it
      table_.Cancel(turn, status, now_);
    } else if (tier_ == nullptr || !tier_->Begin(turn, now_)) {
      table_.Announce(turn);
      AddRun(turn, 0, std::min(admission.rows, turn.TokensLeft(0)));
    }
    changed = true;
  }
  return changed;
}

void EngineLoop::AddRun(ActiveTurn& turn, std::int32_t index, std::int32_t rows) {
  ActiveChoice& choice = turn.choice(index);
  const std::int32_t drafts = std::max(0, rows - turn.TokensLeft(index));
  absl::Status status = absl::OkStatus();
  if (drafts > 0) {
    status = builder_.Add(turn, index, rows - drafts, cache_, now_,
                          choice.drafter->drafts().first(static_cast<std::size_t>(drafts)));
  }
  // Blocks that cannot be had are not asked for on behalf of drafts.
  if (drafts == 0 || !status.ok()) {
    status = builder_.Add(turn, index, rows - drafts, cache_, now_);
  }
  choice.refusals = status.ok() ? 0 : choice.refusals + 1;
}

bool EngineLoop::BreakDeadlock(const StepPlan& plan) {
  const auto& running = table_.running();
  const auto may_move = [](const ActiveTurn* turn) {
    return turn->paused_since.has_value() || turn->Settled() || turn->promoting;
  };
  if (std::any_of(running.begin(), running.end(), may_move)) return false;
  ActiveTurn* stuck = nullptr;
  if (plan.stalled && !running.empty()) {
    // A turn with blocks of its own is in nobody's way.
    for (ActiveTurn* turn : running) {
      if (turn->funded) continue;
      if (stuck == nullptr || scheduler_.Before(stuck->standing(), turn->standing())) stuck = turn;
    }
  } else if (running.empty()) {
    const auto& waiting = table_.waiting();
    const auto next = std::find_if(waiting.begin(), waiting.end(), [](const ActiveTurn* turn) {
      return !turn->paused_since.has_value();
    });
    if (next != waiting.end()) stuck = *next;
  }
  if (stuck == nullptr) return false;
  if (transfers_.Yield(now_)) return true;
  table_.Cancel(
      *stuck, MakeError(Reason::kPoolFull, "the turn needs more KV blocks than can be had"), now_);
  return true;
}

void EngineLoop::Compute() {
  const absl::Duration start = clock_.Monotonic();
  absl::Status status = decoder_.Launch(builder_.batch());
  absl::StatusOr<const StepResult*> result =
      status.ok() ? decoder_.Collect() : absl::StatusOr<const StepResult*>(status);
  now_ = clock_.Monotonic();
  ++steps_;
  if (!result.ok()) {
    FailStep(result.status());
    return;
  }
  Publish(**result);
  Measure(now_ - start);
}

void EngineLoop::Measure(absl::Duration time) {
  std::int32_t prompt_rows = 0;
  std::int32_t rows = 0;
  std::int32_t decode_rows = 0;
  for (const StepBuilder::SliceOrigin& slice : builder_.slices()) {
    prompt_rows += slice.prompt_rows;
    rows += slice.rows;
    // What a preempted turn computes again costs what a prompt does.
    if (slice.rows == slice.drafts + 1) decode_rows += slice.rows;
  }
  prompt_tokens_computed_ += prompt_rows;
  prefill_rate_.Add(prompt_rows, time);
  decode_rate_.Add(rows - prompt_rows - speculator_.wasted_rows(), time);
  step_cost_.Observe(decode_rows, rows - decode_rows, time);
}

void EngineLoop::FailStep(const absl::Status& status) {
  const absl::Status why =
      DetailOf(status).has_value()
          ? status
          : MakeError(Reason::kModelFailed, "the model failed to compute a step");
  for (const StepBuilder::SliceOrigin& slice : builder_.slices()) {
    if (ActiveTurn* turn = table_.Find(slice.turn)) table_.Cancel(*turn, why, now_);
  }
}

void EngineLoop::Publish(const StepResult& result) {
  // All writes first: the first tokens of a turn's other choices need its prompt to be kept.
  const absl::Span<const std::int32_t> counted = speculator_.Judge(builder_, result, table_);
  for (std::size_t slice = 0; slice < counted.size(); ++slice) Keep(slice, counted[slice]);
  for (std::size_t i = 0; i < builder_.samples().size(); ++i) {
    const StepBuilder::SampleOrigin& sample = builder_.samples()[i];
    ActiveTurn* turn = table_.Find(builder_.slices()[sample.slice].turn);
    if (turn == nullptr) continue;
    // What follows a draft that was wrong is about a text that there is not.
    const bool drafted = builder_.slices()[sample.slice].drafts > 0;
    if (drafted && sample.ahead >= counted[sample.slice]) continue;
    const SampledRow& row = result.rows[i];
    if (!row.status.ok()) {
      table_.Cancel(*turn, row.status, now_);
    } else if (sample.scores < 0) {
      PublishToken(*turn, sample.choice, row);
    } else if (sample.scores == turn->scored) {
      PublishScores(*turn, i, result);
    }
  }
}

void EngineLoop::Keep(std::size_t slice, std::int32_t counted) {
  const StepBuilder::SliceOrigin& origin = builder_.slices()[slice];
  // The row before each token that counts; the last token's own comes with the next step.
  const std::int32_t rows = origin.drafts > 0 ? counted : origin.rows;
  ActiveTurn* turn = table_.Find(origin.turn);
  if (turn == nullptr) return;
  ActiveChoice& choice = turn->choice(origin.choice);
  cache_.Append(choice.kv, builder_.RowsOf(slice).first(static_cast<std::size_t>(rows)), now_);
  if (!turn->AwaitsFork() || choice.kv.tokens() != turn->prompt_tokens()) return;
  if (absl::Status status = table_.Fork(*turn, now_); !status.ok()) {
    table_.Cancel(*turn, status, now_);
  }
}

void EngineLoop::PublishScores(ActiveTurn& turn, std::size_t sample, const StepResult& result) {
  EnginePromptScores event;
  event.first_position = turn.scored;
  for (; sample < builder_.samples().size(); ++sample) {
    const StepBuilder::SampleOrigin& origin = builder_.samples()[sample];
    const SampledRow& row = result.rows[sample];
    const bool ours = builder_.slices()[origin.slice].turn == turn.id();
    if (!ours || origin.scores != turn.scored || !row.status.ok()) break;
    event.scores.push_back({builder_.batch().samples[sample].target, row.logprob, row.top});
    ++turn.scored;
  }
  turn.request().sink->Push(std::move(event));
}

void EngineLoop::PublishToken(ActiveTurn& turn, std::int32_t index, const SampledRow& row) {
  EngineToken event;
  event.choice = index;
  event.index = static_cast<std::int32_t>(turn.Output(index).size());
  event.token = row.token;
  if (turn.request().logprobs) event.logprob = TokenLogprob{row.token, row.logprob, row.top};
  ++output_tokens_;
  const std::optional<FinishReason> reason = turn.Accept(index, row.token);
  TurnSink& sink = *turn.request().sink;
  sink.Push(std::move(event));
  if (!reason) return;
  table_.EndChoice(turn, index, now_);
  sink.Push(EngineChoiceEnded{index, *reason});
}

EngineSnapshot EngineLoop::Figures() const {
  EngineSnapshot figures;
  figures.turns_waiting = static_cast<std::int64_t>(table_.waiting().size());
  figures.turns_running = static_cast<std::int64_t>(table_.running().size());
  for (const ActiveTurn* turn : table_.waiting()) {
    figures.queued_uncached_tokens +=
        static_cast<std::int64_t>(turn->AdmissionTokens().size()) - turn->expected_cached;
  }
  for (const ActiveTurn* turn : table_.running()) {
    for (std::int32_t i = 0; i < turn->choices(); ++i) {
      if (!turn->choice(i).kv.valid()) continue;
      ++figures.sequences_running;
      if (turn->paused_since) ++figures.sequences_paused;
      const std::int32_t left = turn->TokensLeft(i);
      if (left > 1 || turn->AwaitsFork()) figures.queued_uncached_tokens += left;
    }
  }
  figures.preemptions = table_.preemptions();
  figures.steps = steps_;
  figures.prompt_tokens_computed = prompt_tokens_computed_;
  figures.output_tokens = output_tokens_;
  figures.drafted_tokens = speculator_.drafted();
  figures.accepted_tokens = speculator_.accepted();
  figures.prefill_tokens_per_second = prefill_rate_.tokens_per_second();
  figures.decode_tokens_per_second = decode_rate_.tokens_per_second();
  figures.kv = cache_.Stats();
  if (tier_ != nullptr) figures.tiers.push_back(tier_->Stats());
  return figures;
}

}  // namespace pintle

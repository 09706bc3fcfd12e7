// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_ENGINE_LOOP_H_
#define PINTLE_WORKER_ENGINE_ENGINE_LOOP_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "contract/clock.h"
#include "worker/engine/engine_options.h"
#include "worker/engine/engine_snapshot.h"
#include "worker/engine/kv_transfers.h"
#include "worker/engine/rate_meter.h"
#include "worker/engine/speculator.h"
#include "worker/engine/step_builder.h"
#include "worker/engine/tier_link.h"
#include "worker/engine/turn_mailbox.h"
#include "worker/engine/turn_table.h"
#include "worker/kv/kv_cache.h"
#include "worker/model/seam/decoder.h"
#include "worker/scheduler/scheduler.h"
#include "worker/scheduler/step_cost.h"

namespace pintle {

// One round of the engine: messages, timers, one scheduled step, its results. Everything the
// engine thread does, without the thread, so that tests take rounds one by one.
// Thread: confined to whoever runs the engine. Borrows all it is made of.
// Fails: it does not; a failed row ends its turn, a failed step the turns that were in it.
class EngineLoop {
 public:
  EngineLoop(const EngineOptions& options, const Scheduler& scheduler, kv::KvCache& cache,
             Decoder& decoder, TurnMailbox& mailbox, TurnTable& table, TierLink* tier,
             const Clock& clock);

  // One round. False when there was nothing to do: then nothing will be until a message, a Wake,
  // or NextTimer.
  bool RunOnce();
  // When the first timer of a live turn, a lease or a TTL runs out, on Clock::Monotonic().
  absl::Duration NextTimer() const;
  // Carries out the messages that are left and ends every live turn with `why`. The mailbox must
  // be closed.
  void Finish(const absl::Status& why);
  EngineSnapshot Figures() const;

 private:
  void Handle(SubmitMessage& message);
  void Handle(StopChoiceMessage& message);
  void Handle(CommitMessage& message);
  void Handle(CancelMessage& message);
  void Handle(DropMessage& message);
  void Handle(QueryMessage& message);
  void Handle(TenantsMessage& message);
  void Handle(ExplainMessage& message);
  void Handle(PolicyMessage& message);
  void Handle(KvTaskMessage& message);
  void Handle(PinMessage& message);
  void Handle(DrainMessage& message);

  void HandleMessages();
  void EndAll(const absl::Status& why);
  // Ends turns whose time is over; notes who is paused.
  bool RunTimers();
  absl::Duration TimerOf(const ActiveTurn& turn) const;
  void FillInput();
  // Prompt rows that the step may take beside the sequences of the input that decode.
  std::int32_t PromptRowsMax() const;
  // A number of the turn's tenant in this round.
  std::int32_t TenantOf(const ActiveTurn& turn);
  // The scheduler's number of the turn's tenant in this round, -1 when no quota binds it.
  std::int32_t GroupOf(const ActiveTurn& turn);
  // Rejects, preempts, admits, and puts the runs into the builder. True if anything changed.
  bool Carry(const StepPlan& plan);
  void AddRun(ActiveTurn& turn, std::int32_t choice, std::int32_t rows);
  // A pool that can give nobody anything would stall for ever: ends the turn in the way.
  bool BreakDeadlock(const StepPlan& plan);
  void Compute();
  void FailStep(const absl::Status& status);
  void Publish(const StepResult& result);
  // Keeps what a slice has written, without the drafts that do not count; forks the turn when that
  // was the end of its prompt.
  void Keep(std::size_t slice, std::int32_t counted);
  // Teaches the meters what the step has cost.
  void Measure(absl::Duration time);
  void PublishScores(ActiveTurn& turn, std::size_t sample, const StepResult& result);
  void PublishToken(ActiveTurn& turn, std::int32_t choice, const SampledRow& row);

  const EngineOptions options_;
  const Scheduler& scheduler_;
  kv::KvCache& cache_;
  Decoder& decoder_;
  TurnMailbox& mailbox_;
  TurnTable& table_;
  TierLink* const tier_;  // null without a tier below the device
  const Clock& clock_;
  KvTransfers transfers_;

  absl::Duration now_;  // of this round
  absl::Duration drain_deadline_ = absl::InfiniteDuration();
  bool draining_ = false;
  std::vector<EngineMessage> messages_;
  StepInput input_;
  absl::flat_hash_map<TenantId, std::int32_t> groups_;
  absl::flat_hash_map<TenantId, std::int32_t> tenants_;
  StepBuilder builder_;
  RateMeter prefill_rate_;
  RateMeter decode_rate_;
  StepCost step_cost_;
  Speculator speculator_;
  std::int64_t steps_ = 0;
  std::int64_t prompt_tokens_computed_ = 0;
  std::int64_t output_tokens_ = 0;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_ENGINE_LOOP_H_

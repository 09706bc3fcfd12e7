// SPDX-License-Identifier: Apache-2.0
#include "worker/scheduler/scheduler.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "contract/check.h"
#include "contract/errors.h"

namespace pintle {
namespace {

// The state of one decision; lives for one Step.
class Decision {
 public:
  Decision(const Scheduler& scheduler, const StepInput& input)
      : scheduler_(scheduler),
        options_(scheduler.options()),
        input_(input),
        available_(input.blocks_available),
        rooms_(input.group_rooms),
        lost_(input.running.size(), false) {}

  StepPlan Make() {
    RejectWaiting();
    OrderSequences();
    RunDecodes();
    AdmitWaiting();
    SharePrefill();
    AddDrafts();
    return std::move(plan_);
  }

 private:
  // A prompt that shares this step's rows: a running sequence or a turn just admitted.
  struct Prefill {
    Standing standing;
    std::int32_t tenant = 0;
    std::int32_t tokens_left = 0;
    std::int32_t rows = 0;
    const RunningSequence* sequence = nullptr;  // null for an admission
    std::uint64_t turn = 0;
  };

  bool Before(const Standing& a, const Standing& b) const { return scheduler_.Before(a, b); }

  const RunningTurn& TurnOf(const RunningSequence& sequence) const {
    return input_.running[sequence.turn];
  }

  void RejectWaiting() {
    for (const WaitingTurn& turn : input_.waiting) {
      if (turn.deadline <= input_.now) {
        plan_.expired.push_back(turn.turn);
      } else if (!turn.preempted && input_.now - turn.standing.submitted >= options_.queue_time) {
        plan_.pool_full.push_back(turn.turn);
      } else if (!turn.paused) {
        waiting_.push_back(&turn);
      }
    }
    std::sort(waiting_.begin(), waiting_.end(), [this](const WaitingTurn* a, const WaitingTurn* b) {
      return Before(a->standing, b->standing);
    });
  }

  // Splits the runnable sequences, in rank order, into those that need one row and prompts.
  void OrderSequences() {
    std::vector<const RunningSequence*> ordered;
    for (const RunningSequence& sequence : input_.sequences) {
      if (sequence.tokens_left > 0 && !TurnOf(sequence).paused) ordered.push_back(&sequence);
    }
    std::stable_sort(
        ordered.begin(), ordered.end(), [this](const RunningSequence* a, const RunningSequence* b) {
          return a->turn != b->turn && Before(TurnOf(*a).standing, TurnOf(*b).standing);
        });
    for (const RunningSequence* sequence : ordered) {
      if (sequence->tokens_left == 1) {
        decodes_.push_back(sequence);
      } else {
        const RunningTurn& turn = TurnOf(*sequence);
        prefills_.push_back({turn.standing, turn.tenant, sequence->tokens_left, 0, sequence, 0});
      }
    }
  }

  void RunDecodes() {
    for (const RunningSequence* sequence : decodes_) {
      if (lost_[sequence->turn]) continue;
      if (Secure(*sequence, 1)) {
        plan_.runs.push_back({sequence->sequence, 1});
      } else {
        plan_.stalled = true;
      }
    }
  }

  std::int32_t PrefillBudget() const {
    const std::int32_t rest = options_.step_tokens - static_cast<std::int32_t>(plan_.runs.size());
    return std::max(options_.prefill_chunk_min, std::min(rest, input_.prompt_rows_max));
  }

  void AdmitWaiting() {
    // A running sequence without a block comes before anybody new, whatever the ranks: admitting
    // now would only be preempted in the next step.
    // A turn with blocks of its own delays nobody: it passes those that wait for theirs.
    bool only_funded = plan_.stalled || !plan_.preempted.empty();
    std::int32_t sequences = 0;
    for (const RunningTurn& turn : input_.running) sequences += turn.sequences;
    const std::size_t prefills_max =
        static_cast<std::size_t>(std::max(1, PrefillBudget() / options_.prefill_chunk_min));
    std::int32_t promised = 0;  // blocks that prompts already running will take in this step
    for (const Prefill& prefill : prefills_) {
      if (TurnOf(*prefill.sequence).funded) continue;
      promised += BlocksBeyondRoom(*prefill.sequence,
                                   std::min(prefill.tokens_left, options_.prefill_chunk_max));
    }
    for (const WaitingTurn* turn : waiting_) {
      if (prefills_.size() >= prefills_max) return;
      if (sequences + turn->sequences > options_.sequences_max) return;
      if (!turn->funded) {
        if (only_funded) continue;
        // What stands in the way is the group's own: others may pass.
        if (RoomOf(turn->group) < turn->blocks_needed) continue;
        if (!TakeFromPaused(turn->blocks_needed + promised)) {
          only_funded = true;
          continue;
        }
        Take(turn->group, turn->blocks_needed);
      }
      sequences += turn->sequences;
      prefills_.push_back(
          {turn->standing, turn->tenant, turn->tokens_left, 0, nullptr, turn->turn});
    }
  }

  // Makes `blocks` available by preempting paused turns; takes nothing if that does not suffice.
  bool TakeFromPaused(std::int32_t blocks) {
    std::int32_t reachable = available_;
    for (std::size_t i = 0; i < input_.running.size(); ++i) {
      const RunningTurn& turn = input_.running[i];
      if (turn.paused && turn.preemptable && !turn.funded && !lost_[i]) {
        reachable += turn.blocks_held;
      }
    }
    if (reachable < blocks) return false;
    while (available_ < blocks) PreemptLast([](const RunningTurn& turn) { return turn.paused; });
    return true;
  }

  void SharePrefill() {
    std::stable_sort(
        prefills_.begin(), prefills_.end(),
        [this](const Prefill& a, const Prefill& b) { return Before(a.standing, b.standing); });
    std::int32_t budget = PrefillBudget();
    // What each tenant has had; as many as tenants have prompts here, so a list is enough.
    std::vector<std::pair<std::int32_t, std::int32_t>> taken;
    for (const Prefill& prefill : prefills_) {
      if (std::none_of(taken.begin(), taken.end(),
                       [&](const auto& one) { return one.first == prefill.tenant; })) {
        taken.emplace_back(prefill.tenant, 0);
      }
    }
    const std::int32_t fair =
        std::max(options_.prefill_chunk_min,
                 budget / std::max(1, static_cast<std::int32_t>(taken.size())));
    for (Prefill& prefill : prefills_) {
      auto& had = std::find_if(taken.begin(), taken.end(), [&](const auto& one) {
                    return one.first == prefill.tenant;
                  })->second;
      const std::int32_t rows = Extend(prefill, std::min(fair - had, budget));
      had += rows;
      budget -= rows;
    }
    // What one tenant left over goes to the first in rank.
    for (Prefill& prefill : prefills_) {
      budget -= Extend(prefill, budget);
    }
    for (const Prefill& prefill : prefills_) {
      if (prefill.sequence == nullptr) {
        plan_.admitted.push_back({prefill.turn, prefill.rows});
      } else if (prefill.rows > 0 && !lost_[prefill.sequence->turn]) {
        plan_.runs.push_back({prefill.sequence->sequence, prefill.rows});
      }
    }
    std::erase_if(plan_.admitted, [](const PlannedAdmission& turn) { return turn.rows == 0; });
  }

  // Rows and blocks that this step has left, for drafts of the sequences that decode.
  void AddDrafts() {
    const bool scarce = plan_.stalled || !plan_.preempted.empty();
    if (scarce || !prefills_.empty()) return;
    std::int32_t rows = options_.step_tokens - static_cast<std::int32_t>(plan_.runs.size());
    for (std::size_t i = 0; i < decodes_.size() && rows > 0; ++i) {
      const RunningSequence& sequence = *decodes_[i];
      const RunningTurn& turn = TurnOf(sequence);
      std::int32_t drafts = std::min(sequence.drafts, rows);
      if (drafts <= 0) continue;
      // The row that runs anyway may have taken a block already.
      const std::int32_t room = sequence.room > 0 ? sequence.room : input_.block_tokens;
      std::int32_t blocks = (std::max(0, 1 + drafts - room) + input_.block_tokens - 1) /
                            input_.block_tokens;
      if (turn.funded || blocks > std::min(available_, RoomOf(turn.group))) {
        drafts = std::min(drafts, room - 1);
        blocks = 0;
      }
      if (drafts <= 0) continue;
      Take(turn.group, blocks);
      // Nothing was preempted, so the runs are those of decodes_, in order.
      plan_.runs[i].rows += drafts;
      rows -= drafts;
    }
  }

  // Gives a prompt up to `rows` more rows; returns how many.
  std::int32_t Extend(Prefill& prefill, std::int32_t rows) {
    rows = std::min(
        {rows, prefill.tokens_left - prefill.rows, options_.prefill_chunk_max - prefill.rows});
    if (rows <= 0) return 0;
    if (prefill.sequence != nullptr) {
      if (lost_[prefill.sequence->turn]) return 0;
      // The second pass must not pay again for blocks the first has secured.
      const std::int32_t before = BlocksBeyondRoom(*prefill.sequence, prefill.rows);
      if (!SecureBlocks(*prefill.sequence,
                        BlocksBeyondRoom(*prefill.sequence, prefill.rows + rows) - before)) {
        plan_.stalled = true;
        return 0;
      }
    }
    prefill.rows += rows;
    return rows;
  }

  std::int32_t BlocksBeyondRoom(const RunningSequence& sequence, std::int32_t rows) const {
    const std::int32_t beyond = std::max(0, rows - sequence.room);
    return (beyond + input_.block_tokens - 1) / input_.block_tokens;
  }

  bool Secure(const RunningSequence& sequence, std::int32_t rows) {
    return SecureBlocks(sequence, BlocksBeyondRoom(sequence, rows));
  }

  std::int32_t RoomOf(std::int32_t group) const {
    return group == -1 ? std::numeric_limits<std::int32_t>::max()
                       : rooms_[static_cast<std::size_t>(group)];
  }

  void Take(std::int32_t group, std::int32_t blocks) {
    available_ -= blocks;
    if (group != -1) rooms_[static_cast<std::size_t>(group)] -= blocks;
  }

  // Takes blocks for a running sequence, preempting others if it must; false when it has to wait.
  bool SecureBlocks(const RunningSequence& sequence, std::int32_t blocks) {
    const RunningTurn& needy = TurnOf(sequence);
    if (needy.funded) return true;
    while (RoomOf(needy.group) < blocks) {
      // Blocks of others would not help: the quota is the group's own.
      const auto paused = [&](const RunningTurn& turn) {
        return &turn != &needy && turn.group == needy.group && turn.paused;
      };
      const auto behind = [&](const RunningTurn& turn) {
        return turn.group == needy.group && Before(needy.standing, turn.standing);
      };
      if (!PreemptLast(paused) && !PreemptLast(behind)) return false;
    }
    while (available_ < blocks) {
      const auto paused = [&](const RunningTurn& turn) { return &turn != &needy && turn.paused; };
      const auto behind = [&](const RunningTurn& turn) {
        return Before(needy.standing, turn.standing);
      };
      if (!PreemptLast(paused) && !PreemptLast(behind)) return false;
    }
    Take(needy.group, blocks);
    return true;
  }

  // Preempts the last in rank of the eligible turns that hold blocks; false when there is none.
  template <typename Eligible>
  bool PreemptLast(Eligible eligible) {
    std::size_t victim = input_.running.size();
    for (std::size_t i = 0; i < input_.running.size(); ++i) {
      const RunningTurn& turn = input_.running[i];
      if (lost_[i] || !turn.preemptable || turn.funded || turn.blocks_held <= 0 ||
          !eligible(turn)) {
        continue;
      }
      if (victim == input_.running.size() ||
          Before(input_.running[victim].standing, turn.standing)) {
        victim = i;
      }
    }
    if (victim == input_.running.size()) return false;
    lost_[victim] = true;
    Take(input_.running[victim].group, -input_.running[victim].blocks_held);
    plan_.preempted.push_back(input_.running[victim].turn);
    // A prompt ahead in rank may take the blocks of a sequence that was to decode in this step.
    for (const RunningSequence& sequence : input_.sequences) {
      if (sequence.turn != victim) continue;
      std::erase_if(plan_.runs,
                    [&](const PlannedRun& run) { return run.sequence == sequence.sequence; });
    }
    return true;
  }

  const Scheduler& scheduler_;
  const SchedulerOptions& options_;
  const StepInput& input_;
  std::int32_t available_;
  std::vector<std::int32_t> rooms_;
  std::vector<bool> lost_;  // parallel to input_.running: preempted by this plan
  std::vector<const WaitingTurn*> waiting_;
  std::vector<const RunningSequence*> decodes_;
  std::vector<Prefill> prefills_;
  StepPlan plan_;
};

absl::Status AtLeastOne(absl::string_view name, std::int32_t value) {
  if (value >= 1) return absl::OkStatus();
  return InvalidField(name, absl::StrCat("is ", value, ", must be at least 1"));
}

}  // namespace

absl::Status SchedulerOptions::Validate() const {
  for (const auto& [name, value] :
       {std::pair("step_tokens", step_tokens), std::pair("sequences_max", sequences_max),
        std::pair("prefill_chunk_min", prefill_chunk_min)}) {
    if (absl::Status status = AtLeastOne(name, value); !status.ok()) return status;
  }
  if (prefill_chunk_max < prefill_chunk_min) {
    return InvalidField(
        "prefill_chunk_max",
        absl::StrCat("is ", prefill_chunk_max, ", below prefill_chunk_min ", prefill_chunk_min));
  }
  if (inter_token_target < absl::ZeroDuration()) {
    return InvalidField("inter_token_target", "must not be negative");
  }
  if (queue_time <= absl::ZeroDuration()) return InvalidField("queue_time", "must be positive");
  if (priority_worth < absl::ZeroDuration()) {
    return InvalidField("priority_worth", "must not be negative");
  }
  return absl::OkStatus();
}

Scheduler::Scheduler(SchedulerOptions options) : options_(options) {
  PINTLE_CHECK(options.Validate().ok(), "scheduler options must be valid");
}

StepPlan Scheduler::Step(const StepInput& input) const { return Decision(*this, input).Make(); }

bool Scheduler::Before(const Standing& a, const Standing& b) const {
  const absl::Duration rank_a = a.submitted - a.priority * options_.priority_worth;
  const absl::Duration rank_b = b.submitted - b.priority * options_.priority_worth;
  return rank_a != rank_b ? rank_a < rank_b : a.order < b.order;
}

}  // namespace pintle

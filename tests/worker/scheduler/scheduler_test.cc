// SPDX-License-Identifier: Apache-2.0
#include "worker/scheduler/scheduler.h"

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kNow = absl::Seconds(1000);

SchedulerOptions SmallOptions() {
  SchedulerOptions options;
  options.step_tokens = 64;
  options.sequences_max = 8;
  options.prefill_chunk_min = 8;
  options.prefill_chunk_max = 48;
  options.queue_time = absl::Seconds(60);
  options.priority_worth = absl::Seconds(1);
  return options;
}

StepPlan Step(const StepInput& input) { return Scheduler(SmallOptions()).Step(input); }

// A turn that arrived `order` seconds after the first.
Standing At(int order, int priority = 50) {
  return {priority, kNow - absl::Seconds(30) + absl::Seconds(order),
          static_cast<std::uint64_t>(order)};
}

StepInput Empty(int blocks_available) {
  StepInput input;
  input.now = kNow;
  input.block_tokens = 16;
  input.blocks_available = blocks_available;
  return input;
}

void AddRunning(StepInput& input, std::uint64_t turn, Standing standing, int blocks_held,
                int tokens_left, int room) {
  input.running.push_back({turn, standing, blocks_held, 1, false, true});
  input.sequences.push_back({turn * 10, input.running.size() - 1, tokens_left, room});
}

WaitingTurn Waiting(std::uint64_t turn, Standing standing, int tokens_left, int blocks_needed) {
  WaitingTurn waiting;
  waiting.turn = turn;
  waiting.standing = standing;
  waiting.tokens_left = tokens_left;
  waiting.blocks_needed = blocks_needed;
  return waiting;
}

TEST(SchedulerTest, NothingToDoGivesAnEmptyPlan) { EXPECT_EQ(Step(Empty(10)), StepPlan()); }

TEST(SchedulerTest, DecodesRunBesideALongPromptThatGetsTheRest) {
  StepInput input = Empty(100);
  AddRunning(input, 1, At(1), 10, 1000, 1008);
  AddRunning(input, 2, At(2), 2, 1, 5);
  AddRunning(input, 3, At(3), 2, 1, 5);
  EXPECT_THAT(Step(input).runs,
              ElementsAre(PlannedRun{20, 1}, PlannedRun{30, 1}, PlannedRun{10, 48}));
}

TEST(SchedulerTest, TenantsShareTheBudgetEquallyInRankOrder) {
  StepInput input = Empty(100);
  AddRunning(input, 2, At(2), 10, 500, 512);
  AddRunning(input, 1, At(1), 10, 500, 512);
  input.running[0].tenant = 7;
  EXPECT_THAT(Step(input).runs, ElementsAre(PlannedRun{10, 32}, PlannedRun{20, 32}));
}

TEST(SchedulerTest, OfOneTenantsBurstTheFirstPromptIsServedFirst) {
  StepInput input = Empty(100);
  AddRunning(input, 2, At(2), 10, 500, 512);
  AddRunning(input, 1, At(1), 10, 500, 512);
  AddRunning(input, 3, At(3), 10, 500, 512);
  EXPECT_THAT(Step(input).runs, ElementsAre(PlannedRun{10, 48}, PlannedRun{20, 16}));
}

TEST(SchedulerTest, PromptsTakeNoMoreThanKeepsTheDecodingOnesInTime) {
  StepInput input = Empty(100);
  AddRunning(input, 1, At(1), 10, 1000, 1008);
  AddRunning(input, 2, At(2), 2, 1, 5);
  input.prompt_rows_max = 20;
  EXPECT_THAT(Step(input).runs, ElementsAre(PlannedRun{20, 1}, PlannedRun{10, 20}));
  // Never so few that the prompt would stand still.
  input.prompt_rows_max = 0;
  EXPECT_THAT(Step(input).runs, ElementsAre(PlannedRun{20, 1}, PlannedRun{10, 8}));
}

TEST(SchedulerTest, WhatAShortPromptLeavesGoesToTheOthers) {
  StepInput input = Empty(100);
  AddRunning(input, 1, At(1), 10, 500, 512);
  AddRunning(input, 2, At(2), 1, 4, 16);
  EXPECT_THAT(Step(input).runs, ElementsAre(PlannedRun{10, 48}, PlannedRun{20, 4}));
}

TEST(SchedulerTest, ManyPromptsGetAtLeastTheSmallestChunkAndTheRestWaits) {
  StepInput input = Empty(100);
  for (int i = 1; i <= 10; ++i) {
    AddRunning(input, static_cast<std::uint64_t>(i), At(i), 5, 70, 80);
    input.running.back().tenant = i;
  }
  const StepPlan plan = Step(input);
  ASSERT_EQ(plan.runs.size(), 8U);
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    EXPECT_EQ(plan.runs[i], (PlannedRun{(i + 1) * 10, 8}));
  }
}

TEST(SchedulerTest, PromptsAdvanceEvenWhenDecodesFillTheStep) {
  SchedulerOptions options = SmallOptions();
  options.step_tokens = 2;
  StepInput input = Empty(100);
  for (int i = 1; i <= 4; ++i) AddRunning(input, static_cast<std::uint64_t>(i), At(i), 5, 1, 3);
  AddRunning(input, 5, At(5), 5, 70, 80);
  EXPECT_THAT(Scheduler(options).Step(input).runs,
              ElementsAre(PlannedRun{10, 1}, PlannedRun{20, 1}, PlannedRun{30, 1},
                          PlannedRun{40, 1}, PlannedRun{50, 8}));
}

TEST(SchedulerTest, AdmittedTurnRunsItsFirstChunkInTheSameStep) {
  StepInput input = Empty(10);
  input.waiting.push_back(Waiting(7, At(1), 20, 3));
  EXPECT_THAT(Step(input).admitted, ElementsAre(PlannedAdmission{7, 20}));
}

TEST(SchedulerTest, AdmissionTakesThePromptsBlocksAndTheFirstThatDoesNotFitHoldsBackTheRest) {
  StepInput input = Empty(10);
  input.waiting.push_back(Waiting(1, At(1), 60, 5));
  input.waiting.push_back(Waiting(2, At(2), 90, 7));
  input.waiting.push_back(Waiting(3, At(3), 4, 1));
  EXPECT_THAT(Step(input).admitted, ElementsAre(PlannedAdmission{1, 48}));
}

TEST(SchedulerTest, DraftsTakeRowsAndBlocksThatAreLeft) {
  StepInput input = Empty(1);
  AddRunning(input, 1, At(1), 4, 1, 3);
  AddRunning(input, 2, At(2), 4, 1, 2);
  AddRunning(input, 3, At(3), 4, 1, 1);
  for (RunningSequence& sequence : input.sequences) sequence.drafts = 5;
  // The first takes the only block, the others fill those they have.
  EXPECT_THAT(Step(input).runs,
              ElementsAre(PlannedRun{10, 6}, PlannedRun{20, 2}, PlannedRun{30, 1}));
  input.blocks_available = 0;
  EXPECT_THAT(Step(input).runs,
              ElementsAre(PlannedRun{10, 3}, PlannedRun{20, 2}, PlannedRun{30, 1}));
}

TEST(SchedulerTest, ADraftsRowMayLieInTheBlockThatItsSequenceTakesAnyway) {
  StepInput input = Empty(1);
  AddRunning(input, 1, At(1), 4, 1, 0);
  input.sequences.back().drafts = 30;
  EXPECT_THAT(Step(input).runs, ElementsAre(PlannedRun{10, 16}));
}

TEST(SchedulerTest, FundedDraftsStayInTheirBudgetAndGroupsInTheirRoom) {
  StepInput input = Empty(50);
  AddRunning(input, 1, At(1), 4, 1, 3);
  input.running.back().funded = true;
  AddRunning(input, 2, At(2), 4, 1, 4);
  input.running.back().group = 0;
  input.group_rooms = {0};
  for (RunningSequence& sequence : input.sequences) sequence.drafts = 8;
  EXPECT_THAT(Step(input).runs, ElementsAre(PlannedRun{10, 3}, PlannedRun{20, 4}));
}

TEST(SchedulerTest, NobodyDraftsBesideAPromptOrWhereBlocksAreMissing) {
  StepInput input = Empty(50);
  AddRunning(input, 1, At(1), 4, 1, 9);
  input.sequences.back().drafts = 4;
  AddRunning(input, 2, At(2), 4, 20, 64);
  EXPECT_THAT(Step(input).runs, ElementsAre(PlannedRun{10, 1}, PlannedRun{20, 20}));
  input = Empty(0);
  AddRunning(input, 1, At(1), 4, 1, 9);
  input.sequences.back().drafts = 4;
  AddRunning(input, 2, At(2), 4, 1, 0);
  AddRunning(input, 3, At(3), 4, 1, 5);
  EXPECT_THAT(Step(input).runs, ElementsAre(PlannedRun{10, 1}, PlannedRun{20, 1}));
}

TEST(SchedulerTest, DraftsStayWithinTheRowsOfAStep) {
  StepInput input = Empty(50);
  for (std::uint64_t turn = 1; turn <= 8; ++turn) {
    AddRunning(input, turn, At(static_cast<int>(turn)), 4, 1, 64);
    input.sequences.back().drafts = 16;
  }
  std::int32_t rows = 0;
  for (const PlannedRun& run : Step(input).runs) rows += run.rows;
  EXPECT_EQ(rows, SmallOptions().step_tokens);
}

TEST(SchedulerTest, LargerPriorityIsAdmittedFirst) {
  StepInput input = Empty(5);
  input.waiting.push_back(Waiting(1, At(1, 50), 60, 5));
  input.waiting.push_back(Waiting(2, At(2, 60), 60, 5));
  EXPECT_THAT(Step(input).admitted, ElementsAre(PlannedAdmission{2, 48}));
}

TEST(SchedulerTest, WaitingLongerThanThePriorityIsWorthGoesFirst) {
  StepInput input = Empty(5);
  input.waiting.push_back(Waiting(1, At(0, 50), 60, 5));
  input.waiting.push_back(Waiting(2, At(11, 60), 60, 5));
  EXPECT_THAT(Step(input).admitted, ElementsAre(PlannedAdmission{1, 48}));
}

TEST(SchedulerTest, PlacesForAllChoicesOfATurnAreCounted) {
  StepInput input = Empty(50);
  input.running.push_back({1, At(1), 4, 6, false, true});  // n = 6, not forked yet
  input.sequences.push_back({10, 0, 40, 64});
  input.waiting.push_back(Waiting(2, At(2), 4, 1));
  input.waiting.back().sequences = 3;
  EXPECT_THAT(Step(input).admitted, IsEmpty());
  input.waiting.back().sequences = 2;
  EXPECT_THAT(Step(input).admitted, ElementsAre(PlannedAdmission{2, 4}));
}

TEST(SchedulerTest, ExpiredWorkNeverStarts) {
  StepInput input = Empty(50);
  input.waiting.push_back(Waiting(1, At(1), 4, 1));
  input.waiting.back().deadline = kNow;
  const StepPlan plan = Step(input);
  EXPECT_THAT(plan.expired, ElementsAre(1));
  EXPECT_THAT(plan.admitted, IsEmpty());
}

TEST(SchedulerTest, QueueTimeEndsInPoolFullButNotForAPreemptedTurn) {
  StepInput input = Empty(0);
  Standing old = At(1);
  old.submitted = kNow - absl::Seconds(60);
  input.waiting.push_back(Waiting(1, old, 4, 1));
  input.waiting.push_back(Waiting(2, old, 4, 1));
  input.waiting.back().preempted = true;
  const StepPlan plan = Step(input);
  EXPECT_THAT(plan.pool_full, ElementsAre(1));
  EXPECT_THAT(plan.admitted, IsEmpty());
}

TEST(SchedulerTest, PausedTurnGetsNoRowsAndPausedWaitingTurnNoBlocks) {
  StepInput input = Empty(50);
  AddRunning(input, 1, At(1), 4, 1, 5);
  input.running.back().paused = true;
  input.waiting.push_back(Waiting(2, At(2), 4, 1));
  input.waiting.back().paused = true;
  EXPECT_EQ(Step(input), StepPlan());
}

TEST(SchedulerTest, OutOfBlocksTheLastInRankIsPreemptedAndNotRun) {
  StepInput input = Empty(0);
  AddRunning(input, 1, At(1), 4, 1, 0);
  AddRunning(input, 2, At(2), 3, 1, 5);
  AddRunning(input, 3, At(3), 2, 1, 5);
  const StepPlan plan = Step(input);
  EXPECT_THAT(plan.preempted, ElementsAre(3));
  EXPECT_THAT(plan.runs, ElementsAre(PlannedRun{10, 1}, PlannedRun{20, 1}));
}

TEST(SchedulerTest, LowestPriorityIsPreemptedBeforeTheNewest) {
  StepInput input = Empty(0);
  AddRunning(input, 1, At(1), 4, 1, 0);
  AddRunning(input, 2, At(2, 10), 3, 1, 5);
  AddRunning(input, 3, At(3), 2, 1, 5);
  EXPECT_THAT(Step(input).preempted, ElementsAre(2));
}

TEST(SchedulerTest, PausedTurnIsPreemptedFirstEvenByOneBehindIt) {
  StepInput input = Empty(0);
  AddRunning(input, 1, At(1), 4, 1, 3);
  input.running.back().paused = true;
  AddRunning(input, 2, At(2), 3, 1, 0);
  AddRunning(input, 3, At(3), 2, 1, 5);
  const StepPlan plan = Step(input);
  EXPECT_THAT(plan.preempted, ElementsAre(1));
  EXPECT_THAT(plan.runs, ElementsAre(PlannedRun{20, 1}, PlannedRun{30, 1}));
}

TEST(SchedulerTest, LastInRankWaitsInsteadOfPreemptingOneAhead) {
  StepInput input = Empty(0);
  AddRunning(input, 1, At(1), 4, 1, 3);
  AddRunning(input, 2, At(2), 3, 1, 0);
  const StepPlan plan = Step(input);
  EXPECT_THAT(plan.preempted, IsEmpty());
  EXPECT_TRUE(plan.stalled);
  EXPECT_THAT(plan.runs, ElementsAre(PlannedRun{10, 1}));
}

TEST(SchedulerTest, NotPreemptableTurnKeepsItsBlocks) {
  StepInput input = Empty(0);
  AddRunning(input, 1, At(1), 4, 1, 0);
  AddRunning(input, 2, At(2), 3, 1, 5);
  AddRunning(input, 3, At(3), 2, 1, 5);
  input.running.back().preemptable = false;
  EXPECT_THAT(Step(input).preempted, ElementsAre(2));
}

TEST(SchedulerTest, PromptAheadInRankTakesTheBlocksOfADecodeBehindIt) {
  StepInput input = Empty(0);
  AddRunning(input, 1, At(1), 4, 20, 0);
  AddRunning(input, 2, At(2), 3, 1, 5);
  const StepPlan plan = Step(input);
  EXPECT_THAT(plan.preempted, ElementsAre(2));
  EXPECT_THAT(plan.runs, ElementsAre(PlannedRun{10, 20}));
}

TEST(SchedulerTest, NobodyIsAdmittedInAStepThatPreemptsOrStalls) {
  StepInput input = Empty(0);
  AddRunning(input, 1, At(1), 4, 1, 0);
  AddRunning(input, 2, At(2), 30, 1, 5);
  input.waiting.push_back(Waiting(3, At(3), 4, 1));
  EXPECT_THAT(Step(input).admitted, IsEmpty());
}

TEST(SchedulerTest, AdmissionTakesBlocksFromPausedTurnsOnlyIfTheySuffice) {
  StepInput input = Empty(1);
  AddRunning(input, 1, At(1), 4, 1, 5);
  input.running.back().paused = true;
  input.waiting.push_back(Waiting(2, At(2), 60, 6));
  EXPECT_EQ(Step(input), StepPlan());
  input.waiting.back().blocks_needed = 5;
  const StepPlan plan = Step(input);
  EXPECT_THAT(plan.preempted, ElementsAre(1));
  EXPECT_THAT(plan.admitted, ElementsAre(PlannedAdmission{2, 48}));
}

TEST(SchedulerTest, BlocksARunningPromptNeedsAreNotGivenToNewcomers) {
  StepInput input = Empty(4);
  AddRunning(input, 1, At(1), 4, 40, 0);
  input.waiting.push_back(Waiting(2, At(2), 20, 2));
  const StepPlan plan = Step(input);
  EXPECT_THAT(plan.admitted, IsEmpty());
  EXPECT_THAT(plan.runs, ElementsAre(PlannedRun{10, 40}));
}

TEST(SchedulerTest, EndedSequenceHoldsItsBlocksAndGetsNoRows) {
  StepInput input = Empty(4);
  AddRunning(input, 1, At(1), 4, 0, 3);
  EXPECT_EQ(Step(input), StepPlan());
}

TEST(SchedulerOptionsTest, NamesTheFieldThatIsWrong) {
  SchedulerOptions options;
  EXPECT_TRUE(options.Validate().ok());
  options.prefill_chunk_max = options.prefill_chunk_min - 1;
  const absl::Status status = options.Validate();
  ASSERT_TRUE(HasReason(status, Reason::kInvalidField));
  EXPECT_EQ(DetailOf(status)->fields.front().field, "prefill_chunk_max");
  options = SchedulerOptions();
  options.step_tokens = 0;
  EXPECT_EQ(DetailOf(options.Validate())->fields.front().field, "step_tokens");
}

}  // namespace
}  // namespace pintle

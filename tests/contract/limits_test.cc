// SPDX-License-Identifier: Apache-2.0
#include "contract/limits.h"

#include <limits>

#include "contract/generation.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(LimitsTest, ALargestRequestFitsOneMessage) {
  // Prompt, tools and arguments with room for the framing of thousands of messages; token ids take
  // at most five bytes each.
  EXPECT_LT(limits::kPromptBytes + limits::kToolsBytes + limits::kTemplateArgumentsBytes +
                limits::kMessages * 4 * limits::kNameBytes,
            static_cast<std::size_t>(limits::kReceiveBytes));
  EXPECT_LT(limits::kPromptBytes * 5, static_cast<std::size_t>(limits::kReceiveBytes));
}

TEST(LimitsTest, TheDesignsNumbersHold) {
  EXPECT_EQ(limits::kReceiveBytes, 16 * 1024 * 1024);
  EXPECT_EQ(limits::kPromptBytes, 1024u * 1024u);
  EXPECT_EQ(limits::kChoices, 8);
  EXPECT_EQ(limits::kStopStrings, 16u);
  EXPECT_EQ(limits::kStopStringBytes, 64u);
  EXPECT_EQ(limits::kTopLogprobs, 20);
  EXPECT_EQ(limits::kMetadataBytes, 8 * 1024);
  EXPECT_EQ(limits::kToolsBytes, 64u * 1024u);
  EXPECT_EQ(limits::kMaxTokensDefault, 1024);
  EXPECT_EQ(limits::kPriorityMax, 100);
  EXPECT_EQ(limits::kLeaseDefault, absl::Minutes(10));
  EXPECT_EQ(limits::kLeaseMax, absl::Hours(24));
  EXPECT_EQ(limits::kSessionTtlDefault, absl::Hours(24));
  EXPECT_EQ(limits::kSessionsMaxDefault, 100000u);
  EXPECT_EQ(limits::kWorkerTimeoutDefault, absl::Seconds(3));
}

TEST(LimitsTest, DefaultsAreWithinTheirLimits) {
  EXPECT_GE(limits::kPriorityDefault, 0);
  EXPECT_LE(limits::kPriorityDefault, limits::kPriorityMax);
  EXPECT_EQ(GenerationRequest().priority, limits::kPriorityDefault);
  EXPECT_EQ(ResolvedStopping().max_tokens, limits::kMaxTokensDefault);
  EXPECT_LE(limits::kLeaseDefault, limits::kLeaseMax);
}

TEST(LimitsTest, EveryQueueCanHoldSomething) {
  EXPECT_GT(limits::kOutboxEvents, 0u);
  EXPECT_GT(limits::kTextJobs, 0u);
  EXPECT_GT(limits::kRunningSequences, 0u);
  EXPECT_GT(limits::kBatchInFlight, 0u);
}

TEST(LimitsTest, OneRequestsChoicesFitOneStep) {
  EXPECT_LE(static_cast<std::size_t>(limits::kChoices), limits::kRunningSequences);
}

TEST(LimitsTest, TheMailboxTakesAllThatMayWaitAndRun) {
  // A message to start and one to cancel for each, so that admission, not the mailbox, refuses.
  EXPECT_GE(limits::kMailboxMessages, 2 * (limits::kQueueRequests + limits::kRunningSequences));
}

TEST(LimitsTest, AWorkerReportsSeveralTimesBeforeItCountsAsSilent) {
  EXPECT_GE(limits::kWorkerTimeoutDefault, 3 * limits::kReportInterval);
}

TEST(LimitsTest, EveryTimeIsFiniteAndPositive) {
  for (const absl::Duration time : {limits::kQueueTime, limits::kSlowReaderTime,
                                    limits::kReportInterval, limits::kWorkerTimeoutDefault}) {
    EXPECT_GT(time, absl::ZeroDuration());
    EXPECT_LT(time, absl::InfiniteDuration());
  }
}

}  // namespace
}  // namespace pintle

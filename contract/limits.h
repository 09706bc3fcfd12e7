// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_LIMITS_H_
#define PINTLE_CONTRACT_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

// Every bound of the system with its reason. A request beyond one is refused with the field's
// name, its value and the limit, before anything is allocated for it.
namespace pintle::limits {

// gRPC refuses larger messages itself: a 1 MiB prompt with tools and history fits many times.
inline constexpr int kReceiveBytes = 16 << 20;
// Longer than any context we serve; tokenizing it takes well under a second.
inline constexpr std::size_t kPromptBytes = 1 << 20;
// Forks share the prompt's blocks but each needs its own tail and row in every step.
inline constexpr int kChoices = 8;
inline constexpr std::size_t kStopStrings = 16;
inline constexpr std::size_t kStopStringBytes = 64;
inline constexpr std::size_t kStopTokenIds = 64;
inline constexpr int kTopLogprobs = 20;
inline constexpr std::size_t kLogitBias = 1024;
inline constexpr int kMetadataBytes = 8 << 10;
inline constexpr std::size_t kToolsBytes = 64 << 10;
inline constexpr std::size_t kTemplateArgumentsBytes = 16 << 10;
inline constexpr std::size_t kMessages = 4096;
inline constexpr std::size_t kNameBytes = 64;        // session and request ids, roles, names
inline constexpr std::size_t kModelNameBytes = 128;  // an organisation's name, "/" and a model's
inline constexpr std::size_t kToolCallsPerMessage = 64;
inline constexpr std::int32_t kMaxTokensDefault = 1024;
inline constexpr std::int32_t kPriorityDefault = 50;
inline constexpr std::int32_t kPriorityMax = 100;
inline constexpr float kTemperatureMax = 100.0F;  // beyond it every distribution is uniform
inline constexpr float kPenaltyMax = 100.0F;      // repetition: divides any logit away
inline constexpr float kOutputPenaltyMax = 2.0F;  // presence and frequency, as OpenAI's API
inline constexpr float kLogitBiasMax = 100.0F;    // as OpenAI's API

// Waiting requests of one worker: at 100 ms a turn a longer queue outlives every deadline.
inline constexpr std::size_t kQueueRequests = 1024;
inline constexpr absl::Duration kQueueTime = absl::Seconds(60);
// Sequences one step may carry; rows beyond it wait their turn.
inline constexpr std::size_t kRunningSequences = 512;
// Drafts that one sequence may try in a step: wider steps are bound by arithmetic on every
// processor measured.
inline constexpr std::int32_t kDraftTokens = 16;
// Tokens of one sequence that drafts are looked up in, at 40 bytes each: below 1 % of the KV that
// even a small model holds for them.
inline constexpr std::size_t kDraftIndexTokens = 32768;
// Events an outbox holds before its sequence is paused: enough to hide a round trip.
inline constexpr std::size_t kOutboxEvents = 64;
inline constexpr absl::Duration kSlowReaderTime = absl::Seconds(30);
// Messages the engine's mailbox takes before callers are refused with QUEUE_FULL.
inline constexpr std::size_t kMailboxMessages = 16384;
// Jobs waiting for the text pool.
inline constexpr std::size_t kTextJobs = 4096;

inline constexpr std::size_t kSessionsMaxDefault = 100000;
inline constexpr absl::Duration kSessionTtlDefault = absl::Hours(24);
inline constexpr absl::Duration kLeaseDefault = absl::Minutes(10);
inline constexpr absl::Duration kLeaseMax = absl::Hours(24);
// Ranges of one retained pin: a system prompt, tools, a document, the latest turns. Each costs
// every worker a mark per session and a walk along its chain per turn.
inline constexpr std::size_t kPinRanges = 4;
// A hint for later than sessions are commonly kept tells no policy anything.
inline constexpr absl::Duration kExpectedReturnMax = absl::Hours(24 * 30);
// Tenants with a quota or floor of their own on one worker: each floor is looked at per eviction.
inline constexpr std::size_t kLimitedTenants = 1024;
inline constexpr std::size_t kSessionsPageMax = 1000;
inline constexpr std::size_t kSessionsPageDefault = 100;
// Labels of a session: names for people, not a place to store data.
inline constexpr std::size_t kLabels = 16;
inline constexpr std::size_t kLabelBytes = 64;
// Turns running at once in one GenerateBatch call.
inline constexpr std::size_t kBatchInFlight = 256;

// Cache events a worker keeps for watchers: a few seconds of a busy one, 8 MiB.
inline constexpr std::size_t kCacheEventsKept = 16384;
// Watchers of one worker's cache; each costs a stream and a message of events.
inline constexpr std::size_t kCacheWatchers = 64;
// Events of one message: about 50 KiB.
inline constexpr std::size_t kCacheEventsPerMessage = 256;
// Victims that ExplainEviction lists; their sums count all.
inline constexpr std::size_t kExplainedVictims = 1000;

// --- Sessions that travel ---
// Bytes of K and V in one message: below the 4 MiB that most clients receive, and copied by the
// engine thread in about a millisecond between two steps.
inline constexpr std::int64_t kPortionBytes = 1 << 20;
// Exports that hold blocks in place, and imports under way, of one worker.
inline constexpr std::size_t kTransfers = 16;
// A transfer nobody goes on with is given up, so that its blocks are not held for ever.
inline constexpr absl::Duration kTransferIdle = absl::Seconds(30);
// Imported KV waiting for its stream's end, of one worker. What is beyond it is checked and
// forgotten: the next turn computes it again.
inline constexpr std::int64_t kStagedBytes = std::int64_t{1} << 30;
// A turn of an archive is a message of its own; more of them than this would be an attack.
inline constexpr std::int32_t kArchiveTurns = 1 << 20;
// Messages of an archive: as text many times what any context holds.
inline constexpr std::size_t kArchiveTextBytes = 64 << 20;

// Workers one coordinator tracks; each costs one stream and a few KiB.
inline constexpr std::size_t kWorkers = 1024;
inline constexpr absl::Duration kReportInterval = absl::Milliseconds(500);
inline constexpr absl::Duration kWorkerTimeoutDefault = absl::Seconds(3);

// safetensors: larger headers only serve attacks (field/reliability.md T1).
inline constexpr std::size_t kTensorHeaderBytes = 16 << 20;
inline constexpr std::size_t kTensors = 65536;

}  // namespace pintle::limits

#endif  // PINTLE_CONTRACT_LIMITS_H_

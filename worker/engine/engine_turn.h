// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_ENGINE_TURN_H_
#define PINTLE_WORKER_ENGINE_ENGINE_TURN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "contract/generation.h"
#include "contract/ids.h"
#include "contract/limits.h"
#include "contract/pin.h"

namespace pintle {

// The engine's number of one turn; never reused within a process.
using TurnId = std::uint64_t;

// The turn left the queue: its prompt's first chunk is in the step being built.
struct EngineStarted {
  std::int32_t prompt_tokens = 0;
  CachedTokens cached;
  absl::Duration queue = absl::ZeroDuration();
};

// Log-probabilities of a run of prompt tokens (prompt_logprobs), in position order.
struct EnginePromptScores {
  Position first_position = 0;
  std::vector<TokenLogprob> scores;
};

// One output token of one choice; indices of a choice are gap-free from 0.
struct EngineToken {
  std::int32_t choice = 0;
  std::int32_t index = 0;
  TokenId token = 0;
  std::optional<TokenLogprob> logprob;
};

// The choice makes no further tokens: EOS or a stop id (which is its last token), or its length.
struct EngineChoiceEnded {
  std::int32_t choice = 0;
  FinishReason reason = FinishReason::kLength;
};

// Nothing follows. Not OK: the turn was rolled back and this is why. OK: Commit was carried out.
struct EngineEnded {
  absl::Status status;
  // On OK, tokens of the session whose KV is held now; on error what it holds after the rollback.
  Position held_tokens = 0;
};

using EngineEvent =
    std::variant<EngineStarted, EnginePromptScores, EngineToken, EngineChoiceEnded, EngineEnded>;

// Where a turn's events go. All calls of Push come from the engine thread; implementations never
// block and never call back into the engine from Push.
class TurnSink {
 public:
  virtual ~TurnSink() = default;
  // Takes one event. Accepted always: the bound is kept by Paused(), which the engine asks before
  // it schedules a sequence, so at most one step's events arrive beyond the bound.
  virtual void Push(EngineEvent event) = 0;
  // Whether the reader is so far behind that the turn must not be scheduled. Any thread. When it
  // turns false again the owner calls Engine::Wake().
  virtual bool Paused() const = 0;
};

// One turn as the engine takes it: token ids only.
struct EngineTurn {
  // Sharing never crosses `key.tenant`. An empty session is a one-shot: nothing is held after it.
  SessionKey key;
  // The whole context, history first. KV is reused for the longest part that matches token by
  // token.
  std::vector<TokenId> prompt;
  ResolvedSampling sampling;
  ResolvedStopping stopping;
  bool logprobs = false;
  std::int32_t top_logprobs = 0;
  bool prompt_logprobs = false;
  // What the session's KV is promised from now on; unset: as it was. A guarantee that cannot be
  // had ends the turn with PIN_BUDGET or TENANT_QUOTA.
  std::optional<Pin> pin;
  absl::Duration lease = limits::kLeaseDefault;
  std::int32_t n = 1;
  std::int32_t priority = 50;
  // On Clock::Monotonic(); the turn ends DEADLINE_EXCEEDED when it passes.
  absl::Duration deadline = absl::InfiniteDuration();
  RequestId request_id;
  std::shared_ptr<TurnSink> sink;
};

// How a turn becomes part of its session.
struct EngineCommit {
  // What the transcript holds after the prompt: choice 0's delivered ids, or with its tail replaced
  // where a stop string cut a token. The engine keeps KV for the part that equals what it ran.
  std::vector<TokenId> output;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_ENGINE_TURN_H_

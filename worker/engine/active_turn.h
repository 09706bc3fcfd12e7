// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_ACTIVE_TURN_H_
#define PINTLE_WORKER_ENGINE_ACTIVE_TURN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/generation.h"
#include "contract/ids.h"
#include "contract/limits.h"
#include "worker/engine/engine_turn.h"
#include "worker/kv/kv_cache.h"
#include "worker/kv/kv_sequence.h"
#include "worker/scheduler/step_input.h"
#include "worker/speculation/sequence_drafter.h"

namespace pintle {

// One of a turn's n continuations.
struct ActiveChoice {
  // The context as known: prompt, then output. KV exists for the first kv.tokens() of it.
  std::vector<TokenId> tokens;
  bool ended = false;
  // Invalid while the turn has no blocks, and for choices that are not forked (yet, or any more).
  kv::KvSequence kv;
  // How often in a row the pool refused this sequence's growth: what it says it needs grows with
  // it.
  std::int32_t refusals = 0;
  // Made when drafts are first looked for.
  std::unique_ptr<SequenceDrafter> drafter;
};

// A turn from Submit to its end: what is known of it, and what it needs next.
// All choices share the prompt's KV: choice 0 computes it, then the others fork. A turn that was
// preempted starts over with the tokens it knows; nothing it has emitted is emitted again.
// Thread: confined to the engine thread. Fails: nothing here does.
class ActiveTurn {
 public:
  // kWaiting: no blocks, wants some. kRunning: has blocks. kParked: lost its blocks after all its
  // choices had ended; it only waits for its Commit.
  enum class Phase { kWaiting, kRunning, kParked };

  // `max_tokens` is the request's, clipped to what context and pool can hold.
  ActiveTurn(TurnId id, EngineTurn request, absl::Duration submitted, std::int32_t max_tokens);

  TurnId id() const { return id_; }
  const EngineTurn& request() const { return request_; }
  const Standing& standing() const { return standing_; }
  absl::Span<const TokenId> prompt() const { return request_.prompt; }
  Position prompt_tokens() const { return static_cast<Position>(request_.prompt.size()); }
  std::int32_t choices() const { return static_cast<std::int32_t>(choices_.size()); }
  ActiveChoice& choice(std::int32_t index) { return choices_[static_cast<std::size_t>(index)]; }
  const ActiveChoice& choice(std::int32_t index) const {
    return choices_[static_cast<std::size_t>(index)];
  }
  SequenceId SequenceOf(std::int32_t choice) const {
    return id_ * limits::kChoices + static_cast<SequenceId>(choice);
  }
  static TurnId TurnOf(SequenceId sequence) { return sequence / limits::kChoices; }
  static std::int32_t ChoiceOf(SequenceId sequence) {
    return static_cast<std::int32_t>(sequence % limits::kChoices);
  }

  // Tokens a choice may come to, and how many choices there are: what a guarantee must cover.
  kv::KvTurnSize Size() const { return {prompt_tokens() + max_tokens_, choices()}; }
  // All choices have ended; the turn only waits for its Commit.
  bool Settled() const;
  // Choices other than 0 have no sequences of their own yet.
  bool AwaitsFork() const { return choices() > 1 && !forked_; }
  // Choices that will take a place in the steps: those not ended, and choice 0.
  std::int32_t Places() const;
  // Prompt positions are still to be scored, so cached KV is of no use: all of it is computed.
  bool NeedsScores() const { return request_.prompt_logprobs && scored < prompt_tokens(); }
  // Tokens choice 0 computes after an admission: with choices to fork the prompt, else all known.
  absl::Span<const TokenId> AdmissionTokens() const;
  // Known tokens of the choice without KV, if it has a sequence and may go on.
  std::int32_t TokensLeft(std::int32_t choice) const;
  // Output tokens of the choice so far.
  absl::Span<const TokenId> Output(std::int32_t choice) const;
  // Output tokens the choice may still make.
  std::int32_t OutputLeft(std::int32_t choice) const;
  // Ids the choice must not sample after `ahead` tokens more: EOS and stop ids until min_tokens.
  absl::Span<const TokenId> Masked(std::int32_t choice, std::int32_t ahead = 0) const;
  // The reason if `token`, after `ahead` tokens more, is the choice's last.
  std::optional<FinishReason> Ending(std::int32_t choice, TokenId token, std::int32_t ahead) const;
  // Appends a sampled token; the reason if it is the choice's last.
  std::optional<FinishReason> Accept(std::int32_t choice, TokenId token);

  Phase phase = Phase::kWaiting;
  bool started = false;  // it has left the queue
  bool announced = false;  // EngineStarted was pushed
  // It has blocks, but waits for content of a lower tier before it computes.
  bool promoting = false;
  std::int32_t promoted = 0;  // tokens of this admission read back from a lower tier
  absl::Duration queue = absl::ZeroDuration();  // how long it was in the queue
  Position scored = 1;   // the first prompt position not scored yet (position 0 never is)
  std::optional<absl::Duration> paused_since;
  std::optional<absl::Duration> settled_since;
  // What admission is expected to find and take; refreshed while the turn is near the front.
  std::int32_t expected_cached = 0;
  std::int32_t blocks_needed = 1;
  // It draws, or would draw, on its session's guarantee.
  bool funded = false;

  void set_forked(bool forked) { forked_ = forked; }
  // The session was pinned like that meanwhile: what the turn asked for no longer counts.
  void Repin(Pin pin, absl::Duration lease);

 private:
  const TurnId id_;
  EngineTurn request_;
  const Standing standing_;
  const std::int32_t max_tokens_;
  std::vector<TokenId> masked_;
  std::vector<ActiveChoice> choices_;
  bool forked_ = false;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_ACTIVE_TURN_H_

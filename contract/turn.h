// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_TURN_H_
#define PINTLE_CONTRACT_TURN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/generation.h"
#include "contract/ids.h"
#include "contract/limits.h"
#include "contract/pin.h"

namespace pintle {

// One committed turn of a transcript: the truth from which KV can always be rebuilt.
struct TranscriptTurn {
  // The turn's new messages and the assistant's answer, in order; empty for a raw prompt turn.
  std::vector<Message> messages;
  // Its token ids: prompt part and output part, as the model's context holds them.
  std::vector<TokenId> tokens;
  // How many of `tokens`, at their end, the model generated.
  std::int32_t output_tokens = 0;
  // Whether the template's closing tokens of the answer are in `tokens` (EOS was generated). If
  // not, the next APPEND inserts them first.
  bool closed = false;
  // Tools and template arguments the ids were rendered with: changed ones rewrite history.
  std::string tools_json = {};
  std::string template_arguments_json = {};

  friend bool operator==(const TranscriptTurn&, const TranscriptTurn&) = default;
};

// What a worker gets to run one turn. The session store's owner is the truth; a worker's copy of
// the transcript is a cache that must equal the first `base_turns` turns with `base_position`
// tokens hashing to `base_digest`, else it answers POSITION_MISMATCH and is sent the whole.
struct TurnRequest {
  TenantId tenant;
  GenerationRequest request;
  // Binding fence; 0 / 0 for one-shots.
  Incarnation incarnation = 0;
  Epoch epoch = 0;
  // The template's clock, frozen at CreateSession (design section 5).
  absl::Time template_clock = absl::UnixEpoch();
  std::int32_t base_turns = 0;
  Position base_position = 0;
  std::uint64_t base_digest = 0;
  // Turns after the first base_turns, which the worker lacks.
  std::vector<TranscriptTurn> missing_turns;
  // What the session's KV is promised from now on; unset: as it was.
  std::optional<Pin> pin = std::nullopt;
  absl::Duration lease = limits::kLeaseDefault;
  // Absolute on the receiver's monotonic clock.
  absl::Duration deadline = absl::InfiniteDuration();
};

// How the new context relates to the old transcript.
enum class HistoryOutcome { kNew, kAppended, kReplaced, kRewritten };

// First event of a turn: the transcript it would commit. The first kept_turns turns of the old
// transcript stay as they are, the others go (REPLACE, REWRITTEN), and one new turn follows whose
// prompt part is `appended`. See CommitToTranscript.
struct TurnPrepared {
  // Tokens of the kept turns.
  Position truncated_to = 0;
  std::vector<TokenId> appended;
  std::int32_t kept_turns = 0;
  // Messages of the turn being made, without the answer.
  std::vector<Message> messages;
  HistoryOutcome history = HistoryOutcome::kNew;
  std::int32_t dropped_tokens = 0;
  // What to store with the turn (see TranscriptTurn).
  std::string tools_json = {};
  std::string template_arguments_json = {};
};

struct TurnStarted {
  WorkerId worker;
  Incarnation incarnation = 0;
  std::uint64_t seed = 0;
  HistoryOutcome history = HistoryOutcome::kNew;
  std::int32_t dropped_tokens = 0;
  std::int32_t prompt_tokens = 0;
  CachedTokens cached;
  absl::Duration queue = absl::ZeroDuration();
};

// The prompt as the options asked for it: echo (text, ids) and prompt_logprobs.
struct TurnPromptChunk {
  Position first_position = 0;
  std::vector<TokenId> tokens;
  std::string text;
  std::vector<TokenLogprob> logprobs;
};

// New output of one choice. Text is valid UTF-8; tokens whose text is held back are held back too.
struct TurnChunk {
  std::int32_t choice = 0;
  std::int32_t first_index = 0;
  std::vector<TokenId> tokens;
  std::string text;
  std::vector<TokenLogprob> logprobs;
};

struct TurnChoiceFinished {
  std::int32_t choice = 0;
  FinishReason reason = FinishReason::kLength;
  // The stop string that ended it, if one did.
  std::string stop;
};

// Last event of a good turn; the worker has committed its KV.
struct TurnFinished {
  Usage usage;
  Timings timings;
  // What the transcript holds after the prompt part: choice 0's ids, its tail replaced where a stop
  // string cut a token.
  std::vector<TokenId> output;
  // The assistant's answer as a message (chat turns); role empty for raw prompts.
  Message answer;
  bool closed = false;
};

// Last event of a turn that did not commit; the session is as before it.
struct TurnFailed {
  absl::Status status;
};

// Appends `next` to `chunk` if it goes on where that ends; false, and nothing changes, otherwise.
bool MergeChunk(TurnChunk& chunk, TurnChunk&& next);

using TurnEvent = std::variant<TurnPrepared, TurnStarted, TurnPromptChunk, TurnChunk,
                               TurnChoiceFinished, TurnFinished, TurnFailed>;

// Whether an event is the last of its turn.
inline bool IsLast(const TurnEvent& event) {
  return std::holds_alternative<TurnFinished>(event) || std::holds_alternative<TurnFailed>(event);
}

enum class CancelMode { kRollback, kCommitPartial };

// One running turn as its consumer sees it; a hop's flow control is that it is pulled.
// Thread: Next is called by one consumer at a time; Cancel and the callback come from any thread.
// Destroying the stream before its last event cancels the turn (rollback).
class TurnStream {
 public:
  virtual ~TurnStream() = default;
  // Sets the one callback, called when Next may answer after it answered nullopt (spurious calls
  // are allowed). Never called under a lock that Next takes, nor from within SetReadyCallback's
  // caller's Next. Called at once if events are waiting. Never called after the stream's
  // destruction.
  virtual void SetReadyCallback(absl::AnyInvocable<void()> callback) = 0;
  // The next event, or nullopt while there is none. After the last event always nullopt.
  virtual std::optional<TurnEvent> Next() = 0;
  // Asks the turn to end early. Rollback ends in TurnFailed{why}; COMMIT_PARTIAL in
  // TurnChoiceFinished{kCancelled} and TurnFinished. Ignored after the end.
  virtual void Cancel(CancelMode mode, absl::Status why) = 0;
};

// Runs turns: a worker's own engine, or a coordinator's remote workers.
// Thread: safe from any thread; returns without waiting for the model.
class TurnBackend {
 public:
  virtual ~TurnBackend() = default;
  // Errors that are known at once may be returned here or come as TurnFailed.
  virtual absl::StatusOr<std::unique_ptr<TurnStream>> Start(TurnRequest turn) = 0;
  // Forgets a session's KV and transcript copy wherever it lives. Never waits, never fails.
  virtual void DropSession(const SessionKey& key) = 0;
};

// Digest of a transcript's token ids, chained so that a prefix's digest extends: TurnRequest's
// base_digest. Not a secret and not a security boundary; it only finds stale copies.
std::uint64_t TranscriptDigest(const std::vector<TranscriptTurn>& turns, std::size_t count);
// The digest of no tokens, and the digest of what `digest` stood for followed by `tokens`.
inline constexpr std::uint64_t kEmptyTranscriptDigest = 0xcbf29ce484222325ULL;
std::uint64_t ExtendTranscriptDigest(std::uint64_t digest, absl::Span<const TokenId> tokens);

// The new turn a commit adds to the transcript.
TranscriptTurn CommittedTurn(const TurnPrepared& prepared, const TurnFinished& finished);
// The transcript after a turn: what a session store and a worker's copy both do at a commit, so
// that they stay equal. Requires: prepared.kept_turns <= turns.size().
std::vector<TranscriptTurn> CommitToTranscript(const std::vector<TranscriptTurn>& turns,
                                               const TurnPrepared& prepared,
                                               const TurnFinished& finished);

}  // namespace pintle

#endif  // PINTLE_CONTRACT_TURN_H_

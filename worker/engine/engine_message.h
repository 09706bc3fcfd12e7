// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_ENGINE_MESSAGE_H_
#define PINTLE_WORKER_ENGINE_ENGINE_MESSAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "contract/eviction_explanation.h"
#include "contract/ids.h"
#include "contract/pin.h"
#include "worker/engine/engine_turn.h"
#include "worker/engine/kv_transfers.h"
#include "worker/kv/kv_cache.h"
#include "worker/kv/kv_stats.h"

namespace pintle {

// What callers leave in the mailbox for the engine thread; one struct for each call of EngineApi.
struct SubmitMessage {
  TurnId turn = 0;
  EngineTurn request;
  absl::Duration submitted;
};

struct StopChoiceMessage {
  TurnId turn = 0;
  std::int32_t choice = 0;
};

struct CommitMessage {
  TurnId turn = 0;
  EngineCommit commit;
};

struct CancelMessage {
  TurnId turn = 0;
  absl::Status why;
};

struct DropMessage {
  SessionKey key;
};

struct QueryMessage {
  std::vector<SessionKey> keys;
  absl::AnyInvocable<void(std::vector<kv::KvSessionStats>)> done;
};

struct TenantsMessage {
  absl::AnyInvocable<void(std::vector<kv::KvTenantStats>)> done;
};

struct ExplainMessage {
  std::int64_t tokens = 0;
  absl::AnyInvocable<void(EvictionExplanation)> done;
};

struct PolicyMessage {
  std::string name;
  absl::AnyInvocable<void(absl::StatusOr<std::string>)> done;
};

// What a task of EngineKv works on.
struct KvTaskRoom {
  kv::KvCache& cache;
  KvTransfers& transfers;
  absl::Duration now;
};

// Done between two steps, in the order of the messages, or refused: then there is no room.
struct KvTaskMessage {
  absl::AnyInvocable<void(const absl::Status& refused, KvTaskRoom* room)> run;
};

// No pin: the one there is is renewed. News of the session's return go with it.
struct PinMessage {
  SessionKey key;
  std::optional<Pin> pin;
  absl::Duration lease;
  std::optional<SessionOutlook> outlook;
  std::optional<absl::Duration> expected_return;  // on the engine's clock
  absl::AnyInvocable<void(PinAnswer)> done;
};

// Turns that never started end now, all others at `deadline`.
struct DrainMessage {
  absl::Duration deadline;
};

using EngineMessage =
    std::variant<SubmitMessage, StopChoiceMessage, CommitMessage, CancelMessage, DropMessage,
                 QueryMessage, TenantsMessage, ExplainMessage, PolicyMessage, KvTaskMessage,
                 PinMessage, DrainMessage>;

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_ENGINE_MESSAGE_H_

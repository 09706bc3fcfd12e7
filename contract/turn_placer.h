// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_TURN_PLACER_H_
#define PINTLE_CONTRACT_TURN_PLACER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "contract/ids.h"
#include "contract/turn.h"

namespace pintle {

// What is known of a turn before it is tokenized, for choosing its worker.
struct PlacementQuery {
  SessionKey session;  // empty session id for a one-shot
  // Empty while exactly one model is served.
  std::string model;
  // The session's binding; incarnation 0 for none.
  WorkerId bound_worker;
  Incarnation bound_incarnation = 0;
  // Tokens of the transcript: what another worker would have to prefill again.
  std::int64_t transcript_tokens = 0;
  // The turn's own input: text yet to be tokenized, and ids given as such.
  std::int64_t new_bytes = 0;
  std::int64_t new_tokens = 0;
  // Output the turn may make; a guess when the request leaves it open.
  std::int64_t output_tokens = 0;
};

// Where a turn runs. `backend` stands for this one turn and keeps its place booked while it lives.
struct Placement {
  WorkerId worker;
  Incarnation incarnation = 0;
  // The model's name, filled in when the query left it empty.
  std::string model;
  std::shared_ptr<TurnBackend> backend;
};

// Chooses the worker of a turn: a coordinator over its fleet, or the one worker over itself.
// Thread: safe from any thread. Never waits.
class TurnPlacer {
 public:
  virtual ~TurnPlacer() = default;
  // MODEL_NOT_FOUND, NO_WORKER, DRAINING, LOADING; INVALID_FIELD for an empty model among several.
  virtual absl::StatusOr<Placement> Place(const PlacementQuery& query) = 0;
  // The served name of a model (empty = the only one), with the errors of Place except DRAINING.
  virtual absl::StatusOr<std::string> ResolveModel(const std::string& model) = 0;
  // The worker process a binding names, to drop a session there; nullptr when it is gone.
  virtual std::shared_ptr<TurnBackend> BackendOf(const WorkerId& worker,
                                                 Incarnation incarnation) = 0;
  // Tokens of the session whose KV that worker holds; nullopt when unknown, 0 when it is gone.
  virtual std::optional<std::int64_t> HeldTokens(const SessionKey& key, const WorkerId& worker,
                                                 Incarnation incarnation) = 0;
};

}  // namespace pintle

#endif  // PINTLE_CONTRACT_TURN_PLACER_H_

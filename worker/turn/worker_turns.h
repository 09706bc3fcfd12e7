// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TURN_WORKER_TURNS_H_
#define PINTLE_WORKER_TURN_WORKER_TURNS_H_

#include <memory>
#include <vector>

#include "contract/model_info.h"
#include "contract/turn.h"
#include "worker/turn/turn_environment.h"

namespace pintle {

// A worker's own turns: text room and engine behind the interfaces that services speak.
// Thread: safe from any thread. Borrows the environment, which outlives it and all its streams.
class WorkerTurns final : public TurnBackend, public TextBackend {
 public:
  explicit WorkerTurns(TurnEnvironment& environment) : environment_(environment) {}

  // QUEUE_FULL when the text pool has no room. Everything else comes as TurnFailed: see
  // Execution.RunTurn.
  absl::StatusOr<std::unique_ptr<TurnStream>> Start(TurnRequest turn) override;
  void DropSession(const SessionKey& key) override;

  // MODEL_NOT_FOUND, QUEUE_FULL and the text room's errors.
  void Tokenize(TokenizeRequest request, TokenizeCallback done) override;
  std::vector<ModelInfo> ListModels() const override { return {environment_.model}; }

 private:
  TurnEnvironment& environment_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_TURN_WORKER_TURNS_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TURN_WORKER_TURNS_H_
#define PINTLE_WORKER_TURN_WORKER_TURNS_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "contract/model_info.h"
#include "contract/turn.h"
#include "worker/turn/turn_environment.h"

namespace pintle {

class TurnTask;

// A worker's own turns: text room and engine behind the interfaces that services speak.
// A session runs one turn at a time; one that follows a turn still rolling back waits for its end,
// so that a caller who cancels and goes on is never told SESSION_BUSY by its own past. Thread: safe
// from any thread. Borrows the environment, which outlives it and all its streams.
class WorkerTurns final : public TurnBackend, public TextBackend {
 public:
  explicit WorkerTurns(TurnEnvironment& environment) : environment_(environment) {}

  // QUEUE_FULL when the text pool has no room; SESSION_BUSY while the session's turn goes on under
  // the same binding (a newer one ends it). Everything else comes as TurnFailed: see
  // Execution.RunTurn.
  absl::StatusOr<std::unique_ptr<TurnStream>> Start(TurnRequest turn) override;
  void DropSession(const SessionKey& key) override;

  // MODEL_NOT_FOUND, QUEUE_FULL and the text room's errors.
  void Tokenize(TokenizeRequest request, TokenizeCallback done) override;
  std::vector<ModelInfo> ListModels() const override { return {environment_.model}; }

 private:
  // Turns of one session that may wait for a rollback; each is a caller that cancelled.
  static constexpr std::size_t kWaitingTurns = 8;
  struct Live {
    std::shared_ptr<TurnTask> running;
    std::deque<std::shared_ptr<TurnTask>> waiting;
  };

  absl::Status Enter(const std::shared_ptr<TurnTask>& task);
  void Leave(TurnTask* task);

  TurnEnvironment& environment_;
  // Guards the table; a task's own lock may be taken under it, never the other way round.
  absl::Mutex mutex_;
  absl::flat_hash_map<SessionKey, Live> live_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pintle

#endif  // PINTLE_WORKER_TURN_WORKER_TURNS_H_

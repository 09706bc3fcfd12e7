// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_INFERENCE_GENERATE_CALL_H_
#define PINTLE_SERVICES_INFERENCE_GENERATE_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "pintle/v1/inference.pb.h"
#include "services/inference/turn_starter.h"
#include "services/turns/turn_pump.h"

namespace pintle {

// One Generate call:
//
//   begin --refused--------------------------------------------> finishing --OnDone--> (deleted)
//     | turn started                                                 ^
//     v            event                      last event             |
//   pulling ----------------> writing      (Finished: with it;       |
//     ^                          |          Failed: its status) -----+
//     +------- OnWriteDone ------+
//   OnCancel (peer gone, deadline): the turn is asked to roll back; its events are dropped until the
//   last one, then finishing.
//
// One write is in flight at a time; the turn's outbox, not this, holds what a slow reader leaves.
// Thread: gRPC's threads and the turn's; none is ever made to wait. Owns itself until OnDone.
class GenerateCall final : public grpc::ServerWriteReactor<v1::GenerateResponse> {
 public:
  GenerateCall(const TurnStarter& starter, grpc::CallbackServerContext& context)
      : starter_(starter), context_(context), recorder_(starter.NewRecorder("Generate")) {}

  // Starts the turn, or finishes with the error. Requires: called once, before gRPC gets this.
  void Begin(const absl::StatusOr<TenantId>& tenant, const v1::GenerateRequest& request);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { delete this; }

 private:
  bool Take(TurnEvent event);
  void End(const absl::Status& status);
  std::shared_ptr<TurnPump> pump() ABSL_LOCKS_EXCLUDED(mutex_);

  const TurnStarter& starter_;
  grpc::CallbackServerContext& context_;
  // Touched by the pump's consumer alone.
  std::unique_ptr<RequestRecorder> recorder_;
  v1::GenerateResponse response_;  // of the write in flight
  bool broken_ = false;            // a write failed: nobody reads any more
  // Guards the pointer, which OnCancel may read while Begin still runs.
  absl::Mutex mutex_;
  std::shared_ptr<TurnPump> pump_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_INFERENCE_GENERATE_CALL_H_

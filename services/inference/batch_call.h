// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_INFERENCE_BATCH_CALL_H_
#define PINTLE_SERVICES_INFERENCE_BATCH_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "pintle/v1/inference.pb.h"
#include "services/inference/turn_starter.h"
#include "services/turns/turn_pump.h"

namespace pintle {

// One GenerateBatch call: many turns share one stream of responses.
//
//   reading: [read in flight] --item--> handled --room--> [read in flight] --end of items--> closed
//                                          +--no room--> paused --an answer was written--> reading
//   writing: [idle] --an answer waits--> [write in flight] --OnWriteDone--> its item's pump goes on
//   finishing: closed, no item runs, no answer waits, nothing in flight --> Finish OK (CANCELLED
//   when the call broke) --OnDone--> (deleted)
//
// Each item has at most one answer waiting, so a client that does not read holds back its items'
// pumps, and through them their turns.
// Thread: gRPC's threads and the turns'; none is ever made to wait. Owns itself until OnDone.
class BatchCall final
    : public grpc::ServerBidiReactor<v1::GenerateBatchRequest, v1::GenerateBatchResponse> {
 public:
  BatchCall(const TurnStarter& starter, grpc::CallbackServerContext& context)
      : starter_(starter), context_(context) {}

  // Reads the first item, or finishes with the error. Requires: called once, before gRPC gets this.
  void Begin(absl::StatusOr<TenantId> tenant);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { delete this; }

 private:
  struct Item {
    std::unique_ptr<RequestRecorder> recorder;
    std::shared_ptr<TurnPump> pump;
  };
  // One response on its way, and the item that goes on when it is gone; `last` ends the item.
  struct Answer {
    v1::GenerateBatchResponse response;
    bool last = true;
  };
  // What to do after the lock is released; gRPC is never called under it.
  struct Next {
    bool read = false;
    bool write = false;
    bool finish = false;
  };

  void HandleGenerate(const v1::GenerateRequest& request);
  void HandleCancel(const v1::CancelGenerateRequest& request);
  // A turn's next event: the pump's consumer.
  bool Take(const std::string& id, RequestRecorder& recorder, const TurnEvent& event);
  // Puts an answer into the queue.
  void Send(Answer answer);
  void SendError(const std::string& id, const absl::Status& status, bool ends_item);
  Next Decide() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Do(const Next& next);

  const TurnStarter& starter_;
  grpc::CallbackServerContext& context_;
  TenantId tenant_;
  v1::GenerateBatchRequest request_;  // of the read in flight

  // Guards the rest; never held while gRPC or a pump is called.
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Item> items_ ABSL_GUARDED_BY(mutex_);
  // References stay valid while it grows at the end, so the front may be in flight.
  std::deque<Answer> answers_ ABSL_GUARDED_BY(mutex_);
  bool reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool handling_ ABSL_GUARDED_BY(mutex_) = false;  // an item was read and is not yet taken up
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;    // no further item comes
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;  // a write failed or the call was cancelled
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_INFERENCE_BATCH_CALL_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_EXECUTION_REMOTE_SESSION_KV_H_
#define PINTLE_SERVICES_EXECUTION_REMOTE_SESSION_KV_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <vector>

#include "contract/session_kv.h"
#include "pintle/v1/execution.grpc.pb.h"

namespace pintle {

// A worker behind a channel, as any backend of sessions' KV. One portion a call: the caller's next
// question is the flow control.
// Thread: safe from any thread; nothing here waits for the network. Shares the channel.
// Fails: UNAVAILABLE / WORKER_LOST when the connection breaks, cannot be made or is silent; a
// worker's own errors keep their code and details.
class RemoteSessionKv final : public SessionKvBackend {
 public:
  RemoteSessionKv(std::string cluster_token, const std::shared_ptr<grpc::Channel>& channel);

  void Update(const SessionKey& key, Epoch epoch, SessionTerms terms, VerdictDone done) override;
  void Fork(const SessionKey& from, const SessionKey& to, Position position, Done done) override;
  void Truncate(const SessionKey& key, Position position, Done done) override;
  void QueryHeld(std::vector<SessionKey> keys, HeldDone done) override;
  void OpenRead(const SessionKey& key, Position tokens_max, ReadingDone done) override;
  void Read(KvTransferId transfer, PortionDone done) override;
  void OpenWrite(KvWriting writing, TransferDone done) override;
  void Write(KvTransferId transfer, KvPortion portion, Done done) override;
  void FinishWrite(KvTransferId transfer, TokensDone done) override;
  void Close(KvTransferId transfer) override;

 private:
  const std::string cluster_token_;
  const std::shared_ptr<v1::Execution::Stub> stub_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_EXECUTION_REMOTE_SESSION_KV_H_

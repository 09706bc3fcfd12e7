// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_E2E_STREAM_CLIENT_H_
#define PINTLE_TESTS_E2E_STREAM_CLIENT_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "pintle/v1/inference.grpc.pb.h"
#include "pintle/v1/sessions.grpc.pb.h"
#include "tests/fakes/fake_decoder.h"

namespace pintle {

// What many streams did together.
struct StreamTotals {
  std::atomic<std::int64_t> tokens{0};
  std::atomic<std::int64_t> turns{0};
  std::atomic<std::int64_t> wrong{0};  // turns with a token, an index or an end that is not right
};

// One session that runs turn after turn of `tokens` output tokens over gRPC and holds each against
// what a run without any cache would make.
// Thread: gRPC's, one turn at a time. Owns itself until the last turn's OnDone tells `done`.
class SessionStream {
 public:
  SessionStream(const std::shared_ptr<grpc::Channel>& channel, const FakeDecoder& oracle,
                std::string name, int tokens, StreamTotals& totals);
  ~SessionStream();

  // Runs turns until `stop` is set, at least one. Wait returns after the last.
  void Start(const std::atomic<bool>& stop);
  void Wait();

 private:
  class Turn;

  void Next();
  void TurnEnded(const std::vector<TokenId>& prompt, const std::vector<TokenId>& output, bool ok);
  void FreshSession();

  const std::unique_ptr<v1::Inference::Stub> inference_;
  const std::unique_ptr<v1::Sessions::Stub> sessions_;
  const FakeDecoder& oracle_;
  const std::string name_;
  const int tokens_;
  StreamTotals& totals_;
  const std::atomic<bool>* stop_ = nullptr;
  int generation_ = 0;
  int turn_ = 0;
  std::string session_;
  std::vector<TokenId> context_;
  std::unique_ptr<Turn> running_;
  // Guards the end.
  absl::Mutex mutex_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace pintle

#endif  // PINTLE_TESTS_E2E_STREAM_CLIENT_H_

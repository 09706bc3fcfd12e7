// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_BENCH_LOAD_TOKEN_STREAM_H_
#define PINTLE_BENCH_LOAD_TOKEN_STREAM_H_

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "pintle/v1/inference.grpc.pb.h"

namespace pintle {

// One Generate call on a completion queue, and when its tokens came.
// Thread: confined to whoever drains the queue. Is the tag of its own events, so it stays where it
// is until over().
class TokenStream {
 public:
  // A message with tokens: how many, and when in seconds of the monotonic clock.
  struct Arrival {
    double time = 0;
    std::int32_t tokens = 0;
  };

  TokenStream(v1::Inference::Stub& stub, grpc::CompletionQueue& queue,
              const v1::GenerateRequest& request);
  TokenStream(const TokenStream&) = delete;
  TokenStream& operator=(const TokenStream&) = delete;

  void Start();
  // The queue returned this stream as a tag.
  void Advance(bool ok);

  bool over() const { return state_ == State::kOver; }
  // The turn committed and no index was lost or repeated.
  bool good() const { return good_ && finished_ && status_.ok(); }
  const grpc::Status& status() const { return status_; }
  double began() const { return began_; }
  // Input tokens the server found cached.
  std::int32_t cached() const { return cached_; }
  std::int32_t tokens() const { return tokens_; }
  const std::vector<Arrival>& arrivals() const { return arrivals_; }

 private:
  enum class State { kCalling, kReading, kFinishing, kOver };

  v1::Inference::Stub& stub_;
  grpc::CompletionQueue& queue_;
  const v1::GenerateRequest request_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncReader<v1::GenerateResponse>> reader_;
  v1::GenerateResponse response_;
  grpc::Status status_;
  State state_ = State::kCalling;
  double began_ = 0;
  std::int32_t tokens_ = 0;
  std::int32_t cached_ = 0;
  bool good_ = true;
  bool finished_ = false;
  std::vector<Arrival> arrivals_;
};

// Seconds of the monotonic clock.
double MonotonicSeconds();

}  // namespace pintle

#endif  // PINTLE_BENCH_LOAD_TOKEN_STREAM_H_

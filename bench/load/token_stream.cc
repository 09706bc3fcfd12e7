// SPDX-License-Identifier: Apache-2.0
#include "bench/load/token_stream.h"

#include <chrono>

namespace pintle {

double MonotonicSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

TokenStream::TokenStream(v1::Inference::Stub& stub, grpc::CompletionQueue& queue,
                         const v1::GenerateRequest& request)
    : stub_(stub), queue_(queue), request_(request) {
  arrivals_.reserve(static_cast<std::size_t>(request.stopping().max_tokens()));
}

void TokenStream::Start() {
  began_ = MonotonicSeconds();
  reader_ = stub_.AsyncGenerate(&context_, request_, &queue_, this);
}

void TokenStream::Advance(bool ok) {
  if (state_ == State::kFinishing) {
    state_ = State::kOver;
    return;
  }
  if (!ok) {
    state_ = State::kFinishing;
    reader_->Finish(&status_, this);
    return;
  }
  if (state_ == State::kReading) {
    if (response_.has_chunk()) {
      const v1::Chunk& chunk = response_.chunk();
      good_ = good_ && chunk.first_index() == tokens_;
      tokens_ += chunk.token_ids_size();
      if (chunk.token_ids_size() > 0) {
        arrivals_.push_back({MonotonicSeconds(), chunk.token_ids_size()});
      }
    } else if (response_.has_started()) {
      cached_ = response_.started().cached_tokens().total();
    } else if (response_.has_finished()) {
      finished_ = true;
    }
  }
  state_ = State::kReading;
  reader_->Read(&response_, this);
}

}  // namespace pintle

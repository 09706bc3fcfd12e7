// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TURN_TURN_RECORD_H_
#define PINTLE_WORKER_TURN_TURN_RECORD_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "contract/generation.h"
#include "contract/ids.h"

namespace pintle {

// What is worth knowing of a finished turn for logs and metrics; never its text or ids.
struct TurnRecord {
  SessionKey key;
  RequestId request_id;
  absl::Status status;
  Usage usage;
  CachedTokens cached;
  Timings timings;
};

// Told of turns as they go. Thread: called from text threads; implementations never block.
class TurnObserver {
 public:
  virtual ~TurnObserver() = default;
  virtual void OnFirstToken(const CachedTokens& cached, std::int32_t prompt_tokens,
                            absl::Duration time_to_first_token) = 0;
  // Time between two deliveries of one choice, divided by the tokens of the second.
  virtual void OnInterToken(absl::Duration interval, std::int32_t tokens) = 0;
  virtual void OnFinished(const TurnRecord& record) = 0;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_TURN_TURN_RECORD_H_

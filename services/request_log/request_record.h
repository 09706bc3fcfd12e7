// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_REQUEST_LOG_REQUEST_RECORD_H_
#define PINTLE_SERVICES_REQUEST_LOG_REQUEST_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace pintle {

// What is known of a turn when it ends: the one log line and the metrics are made of it. Never
// text, never a token.
struct RequestRecord {
  std::string method;
  std::string request_id;
  std::string traceparent;
  std::string tenant;
  std::string session;
  std::string model;
  std::string worker;
  // Unset for a turn that ended before it started.
  std::optional<std::int64_t> prompt_tokens;
  std::optional<std::int64_t> cached_tokens;
  std::int64_t output_tokens = 0;
  std::optional<absl::Duration> queue;
  std::optional<absl::Duration> time_to_first_token;
  absl::Duration duration = absl::ZeroDuration();
  absl::Status status;
};

// Whoever wants to know how turns go.
// Thread: safe from any thread; must not wait.
class RequestObserver {
 public:
  virtual ~RequestObserver() = default;
  // `tokens` more were delivered `gap` after those before them.
  virtual void OnTokens(absl::Duration gap, std::int64_t tokens) = 0;
  virtual void OnEnd(const RequestRecord& record) = 0;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_REQUEST_LOG_REQUEST_RECORD_H_

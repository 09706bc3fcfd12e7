// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_COORDINATOR_MEMBERSHIP_WORKER_REPORT_H_
#define PINTLE_COORDINATOR_MEMBERSHIP_WORKER_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "contract/ids.h"
#include "contract/model_info.h"

namespace pintle {

inline constexpr std::int32_t kProtocolVersion = 1;

// What a worker says of itself when it joins.
struct WorkerHello {
  std::int32_t protocol_version = kProtocolVersion;
  WorkerId worker;
  Incarnation incarnation = 0;
  // HOST:PORT to dial; never shown to clients.
  std::string advertise;
  std::string version;
  ModelInfo model;
  std::int64_t kv_tokens_capacity = 0;
};

// What it reports then, again and again. Unset telemetry is unknown, never zero.
struct WorkerLoad {
  std::optional<std::int64_t> turns_running;
  std::optional<std::int64_t> turns_waiting;
  std::optional<std::int64_t> queued_uncached_tokens;
  std::optional<double> prefill_tokens_per_second;
  // Of all its streams together.
  std::optional<double> decode_tokens_per_second;
  std::optional<std::int64_t> kv_tokens_free;
  std::optional<std::int64_t> kv_tokens_evictable;
  std::optional<double> bytes_per_token;
  bool draining = false;
};

}  // namespace pintle

#endif  // PINTLE_COORDINATOR_MEMBERSHIP_WORKER_REPORT_H_

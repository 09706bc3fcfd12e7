// SPDX-License-Identifier: Apache-2.0
#include "coordinator/process/fleet_desk.h"

#include <map>

#include "services/wire/generation_conversion.h"
#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

WorkerHello HelloOf(const v1::WorkerHello& message) {
  WorkerHello hello;
  hello.protocol_version = message.protocol_version();
  hello.worker = WorkerId(message.worker());
  hello.incarnation = message.incarnation();
  hello.advertise = message.advertise();
  hello.version = message.version();
  hello.model = FromProto(message.model());
  hello.kv_tokens_capacity = message.kv_tokens_capacity();
  return hello;
}

WorkerLoad LoadOf(const v1::WorkerLoad& message) {
  WorkerLoad load;
  // Unset telemetry stays unknown.
  if (message.has_turns_running()) load.turns_running = message.turns_running();
  if (message.has_turns_waiting()) load.turns_waiting = message.turns_waiting();
  if (message.has_queued_uncached_tokens()) {
    load.queued_uncached_tokens = message.queued_uncached_tokens();
  }
  if (message.has_prefill_tokens_per_second()) {
    load.prefill_tokens_per_second = message.prefill_tokens_per_second();
  }
  if (message.has_decode_tokens_per_second()) {
    load.decode_tokens_per_second = message.decode_tokens_per_second();
  }
  if (message.has_kv_tokens_free()) load.kv_tokens_free = message.kv_tokens_free();
  if (message.has_kv_tokens_evictable()) load.kv_tokens_evictable = message.kv_tokens_evictable();
  if (message.has_bytes_per_token()) load.bytes_per_token = message.bytes_per_token();
  load.draining = message.draining();
  return load;
}

void Fill(const WorkerLoad& load, v1::Worker* out) {
  out->set_state(load.draining ? v1::DRAINING : v1::READY);
  if (load.turns_running) out->set_turns_running(*load.turns_running);
  if (load.turns_waiting) out->set_turns_waiting(*load.turns_waiting);
  if (load.queued_uncached_tokens) out->set_queued_uncached_tokens(*load.queued_uncached_tokens);
  if (load.prefill_tokens_per_second) {
    out->set_prefill_tokens_per_second(*load.prefill_tokens_per_second);
  }
  if (load.decode_tokens_per_second) {
    out->set_decode_tokens_per_second(*load.decode_tokens_per_second);
  }
  if (load.kv_tokens_free) out->set_kv_tokens_free(*load.kv_tokens_free);
  if (load.kv_tokens_evictable) out->set_kv_tokens_evictable(*load.kv_tokens_evictable);
}

}  // namespace

absl::StatusOr<std::uint64_t> FleetDesk::Join(const v1::WorkerHello& hello,
                                              std::uint64_t sequence) {
  return registry_.Join(HelloOf(hello), sequence, clock_.Monotonic());
}

absl::Status FleetDesk::Report(std::uint64_t registration, std::uint64_t sequence,
                               const v1::WorkerLoad& load) {
  return registry_.Report(registration, sequence, LoadOf(load), clock_.Monotonic());
}

void FleetDesk::ListWorkers(v1::ListWorkersResponse* out) const {
  const absl::Duration now = clock_.Monotonic();
  const std::map<Incarnation, std::int64_t> bound = sessions_.BoundCounts();
  for (const FleetWorker& worker : registry_.Snapshot().workers) {
    v1::Worker* row = out->add_workers();
    row->set_id(worker.hello.worker.value());
    row->set_incarnation(worker.hello.incarnation);
    row->set_model(worker.hello.model.name);
    row->set_version(worker.hello.version);
    row->set_kv_tokens_capacity(worker.hello.kv_tokens_capacity);
    Fill(worker.load, row);
    const auto sessions = bound.find(worker.hello.incarnation);
    row->set_sessions(sessions == bound.end() ? 0 : sessions->second);
    ToProto(now - worker.reported_at, row->mutable_since_report());
    ToProto(now - worker.joined_at, row->mutable_uptime());
  }
}

}  // namespace pintle

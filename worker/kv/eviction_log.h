// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_EVICTION_LOG_H_
#define PINTLE_WORKER_KV_EVICTION_LOG_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/kv/eviction_record.h"

namespace pintle::kv {

// The latest eviction records until somebody takes them: a ring whose overflow is counted. Records
// are written in place, so their strings keep their room and soon nothing is allocated.
// Thread: confined to the engine thread. Fails: does not; the oldest record is lost.
class EvictionLog {
 public:
  explicit EvictionLog(std::int32_t records_max);

  // The next record, numbered and otherwise to be filled in wholly by the caller.
  EvictionRecord& Add();
  // Appends all records, oldest first, and forgets them.
  void Take(std::vector<EvictionRecord>* records);

  std::int64_t lost() const { return lost_; }

 private:
  std::size_t records_max_;
  std::vector<EvictionRecord> ring_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
  std::uint64_t last_number_ = 0;
  std::int64_t lost_ = 0;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_EVICTION_LOG_H_

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/eviction_log.h"

namespace pintle::kv {

EvictionLog::EvictionLog(std::int32_t records_max)
    : records_max_(static_cast<std::size_t>(records_max)), ring_(records_max_) {}

EvictionRecord& EvictionLog::Add() {
  if (size_ == records_max_) {
    first_ = (first_ + 1) % records_max_;
    --size_;
    ++lost_;
  }
  EvictionRecord& record = ring_[(first_ + size_) % records_max_];
  ++size_;
  record.number = ++last_number_;
  return record;
}

void EvictionLog::Take(std::vector<EvictionRecord>* records) {
  for (; size_ > 0; --size_) {
    records->push_back(ring_[first_]);
    first_ = (first_ + 1) % records_max_;
  }
}

}  // namespace pintle::kv

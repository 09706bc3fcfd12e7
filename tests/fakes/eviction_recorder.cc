// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/eviction_recorder.h"

#include <utility>

namespace pintle::kv {

void EvictionRecorder::Evicted(const EvictionRecord& record) { records_.push_back(record); }

std::vector<EvictionRecord> EvictionRecorder::Take() { return std::exchange(records_, {}); }

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/eviction_tally.h"

#include <algorithm>

namespace pintle::kv {

void EvictionTally::Evicted(const EvictionRecord& record) {
  auto row = std::find_if(rows_.begin(), rows_.end(), [&record](const EvictionCount& count) {
    return count.policy == record.policy && count.reason == record.reason &&
           count.tier == record.tier;
  });
  if (row == rows_.end()) {
    row = rows_.insert(row, EvictionCount{record.policy, record.reason, record.tier, 0, 0, 0});
  }
  ++row->evictions;
  row->tokens += record.tokens;
  row->bytes += record.bytes;
}

}  // namespace pintle::kv

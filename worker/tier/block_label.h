// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TIER_BLOCK_LABEL_H_
#define PINTLE_WORKER_TIER_BLOCK_LABEL_H_

#include <cstdint>
#include <vector>

#include "contract/ids.h"
#include "worker/kv/block_hash.h"

namespace pintle::tier {

// What a slot of a lower tier says of its content: enough to find it again after a restart, and to
// tell it from everything else.
struct BlockLabel {
  kv::Hash128 hash;    // of the whole chain up to its last written position; keyed, all 128 bits
  kv::Hash128 parent;  // of the chain before it; the namespace's root for a first block
  TenantId tenant;
  Position first_position = 0;
  std::int64_t used_at = 0;     // wall time, seconds since 1970
  std::vector<TokenId> tokens;  // of the written positions

  friend bool operator==(const BlockLabel&, const BlockLabel&) = default;
};

}  // namespace pintle::tier

#endif  // PINTLE_WORKER_TIER_BLOCK_LABEL_H_

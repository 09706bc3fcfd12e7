// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_LABORATORY_REPLAY_H_
#define PINTLE_WORKER_LABORATORY_REPLAY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "worker/kv/eviction_policy.h"
#include "worker/laboratory/chain_sessions.h"
#include "worker/laboratory/replay_tree.h"
#include "worker/laboratory/trace.h"

namespace pintle::laboratory {

// What one replay counted.
struct ReplayResult {
  std::int64_t references = 0;
  std::int64_t hits = 0;
  double hit_ratio() const {
    return references == 0 ? 0.0 : static_cast<double>(hits) / static_cast<double>(references);
  }
};

// Makes a policy for `blocks` blocks of `tree`.
using PolicyMaker = std::function<absl::StatusOr<std::unique_ptr<kv::EvictionPolicy>>(
    std::int32_t blocks, const ReplayTree& tree)>;

// Replays `trace` against a cache of `capacity` blocks, as the worker would meet it: a request
// finds its prefix, all its blocks are inserted, it ends, and the cache is cut to `capacity` by
// the policy. A block is hit when it and all before it were there. The trace holds prompts only,
// so output tokens take no room. INTERNAL when the policy breaks its promise.
absl::StatusOr<ReplayResult> Replay(const Trace& trace, const std::vector<Turn>& turns,
                                    std::int32_t capacity, const PolicyMaker& make);

}  // namespace pintle::laboratory

#endif  // PINTLE_WORKER_LABORATORY_REPLAY_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_CACHE_VIEW_H_
#define PINTLE_CLI_CACHE_VIEW_H_

#include <string>

#include "pintle/v1/cache.pb.h"

// KV caches as people read them. Pure functions; everything a server said is made harmless.
namespace pintle {

// One worker: a bar of its blocks by state for each tier, tokens, where hits came from, what left
// and why. With `sessions` also who holds how much.
std::string CacheText(const v1::WorkerCache& cache, bool sessions);

// All workers, and the sum when there are several.
std::string CachesText(const v1::GetCacheStatsResponse& response, bool sessions);

// "[####PP====......]": in use, pinned, evictable and free blocks, each state that is not empty
// with at least one character. Empty for a tier without blocks.
std::string BlockBar(const v1::TierStats& tier, int width);

}  // namespace pintle

#endif  // PINTLE_CLI_CACHE_VIEW_H_

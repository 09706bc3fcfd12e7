// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_EVENT_VIEW_H_
#define PINTLE_CLI_EVENT_VIEW_H_

#include <string>
#include <vector>

#include "pintle/v1/cache.pb.h"

// What happens in a KV cache, as people read it. Pure functions; names are made harmless.
namespace pintle {

// "12:30:05.123 evicted 256 tokens of tea (acme) at 1,024 from device: capacity, for milk, ...".
std::string EventLine(const v1::CacheEvent& event);

// The lines of one message: the state it begins with, events, or what is missing.
std::vector<std::string> WatchLines(const v1::WatchCacheEventsResponse& response);

// "To make room for 2,048 tokens (128 blocks of 16), 12 blocks would go ..." and who they are, at
// most `rows` of them.
std::string ExplanationText(const v1::ExplainEvictionResponse& explanation, long long tokens,
                            int rows);

}  // namespace pintle

#endif  // PINTLE_CLI_EVENT_VIEW_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_WIRE_CACHE_EVENT_CONVERSION_H_
#define PINTLE_SERVICES_WIRE_CACHE_EVENT_CONVERSION_H_

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "contract/cache_event.h"
#include "contract/cache_sight.h"
#include "contract/eviction_explanation.h"
#include "pintle/v1/cache.pb.h"

// Cache events and explanations as messages. Names of sessions and tenants that the caller may not
// see are left out; figures are not.
// Thread: pure functions.
namespace pintle {

// `wall` turns an event's monotonic time into the wall clock's.
void ToProto(const CacheEvent& event, const CacheSight& sight,
             absl::FunctionRef<absl::Time(absl::Duration)> wall, v1::CacheEvent* out);
void ToProto(const EvictionExplanation& explanation, const CacheSight& sight,
             v1::ExplainEvictionResponse* out);
// Drops the tenants that the caller may not see.
void KeepSeen(const CacheSight& sight, v1::WorkerCache* cache);

}  // namespace pintle

#endif  // PINTLE_SERVICES_WIRE_CACHE_EVENT_CONVERSION_H_

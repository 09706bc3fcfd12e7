// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_WIRE_CACHE_CONVERSION_H_
#define PINTLE_SERVICES_WIRE_CACHE_CONVERSION_H_

#include "contract/cache_report.h"
#include "contract/ids.h"
#include "pintle/v1/cache.pb.h"

// Cache figures as messages and back. Unknown tiers and reasons of a newer peer are left out.
// Thread: pure functions.
namespace pintle {

v1::Tier ToProto(CacheTier tier);
v1::RemovalReason ToProto(CacheReason reason);
void ToProto(const TierReport& tier, v1::TierStats* out);
void ToProto(const CacheReport& report, v1::WorkerCache* out);
// Sessions come back under `tenant`, which the message does not carry.
CacheReport FromProto(const v1::WorkerCache& cache, const TenantId& tenant);

}  // namespace pintle

#endif  // PINTLE_SERVICES_WIRE_CACHE_CONVERSION_H_

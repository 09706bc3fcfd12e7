// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_CACHE_SIGHT_H_
#define PINTLE_CONTRACT_CACHE_SIGHT_H_

#include "contract/ids.h"

namespace pintle {

// Whose names a caller of CacheStats may see. Plain data.
struct CacheSight {
  bool all = false;  // the admin, or a coordinator that asks for its admin
  TenantId tenant;   // the caller's own; empty where `all` has none

  bool Sees(const TenantId& other) const { return all || other == tenant; }
};

}  // namespace pintle

#endif  // PINTLE_CONTRACT_CACHE_SIGHT_H_

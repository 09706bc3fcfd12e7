// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_POLICY_REGISTRY_H_
#define PINTLE_WORKER_KV_POLICY_REGISTRY_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "worker/kv/eviction_policy.h"

namespace pintle::kv {

// The policies one can choose, by name: flags, SetPolicy, the conformance suite and the policy
// laboratory all read this one list.
absl::Span<const absl::string_view> PolicyNames();

// A policy for blocks [0, blocks) of `tree`, which must outlive it. INVALID_FIELD when unknown.
absl::StatusOr<std::unique_ptr<EvictionPolicy>> MakePolicy(absl::string_view name,
                                                           std::int32_t blocks,
                                                           const BlockTree& tree);

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_POLICY_REGISTRY_H_

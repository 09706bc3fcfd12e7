// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/policy_registry.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "contract/errors.h"
#include "worker/kv/cost_aware_policy.h"
#include "worker/kv/fifo_policy.h"
#include "worker/kv/lfu_policy.h"
#include "worker/kv/lru_policy.h"
#include "worker/kv/priority_ttl_policy.h"
#include "worker/kv/s3fifo_policy.h"
#include "worker/kv/session_aware_policy.h"
#include "worker/kv/slru_policy.h"
#include "worker/kv/tinylfu_policy.h"

namespace pintle::kv {
namespace {

using Factory = std::unique_ptr<EvictionPolicy> (*)(std::int32_t blocks, const BlockTree& tree);

template <typename Policy>
std::unique_ptr<EvictionPolicy> Make(std::int32_t blocks, const BlockTree& tree) {
  return std::make_unique<Policy>(blocks, tree);
}

// Names and factories at equal places.
constexpr std::array<absl::string_view, 9> kNames = {
    "lru",     "lfu",          "fifo",       "slru",         "s3fifo",
    "tinylfu", "priority_ttl", "cost_aware", "session_aware"};
constexpr std::array<Factory, kNames.size()> kFactories = {
    Make<LruPolicy>,    Make<LfuPolicy>,     Make<FifoPolicy>,        Make<SlruPolicy>,
    Make<S3FifoPolicy>, Make<TinyLfuPolicy>, Make<PriorityTtlPolicy>, Make<CostAwarePolicy>,
    Make<SessionAwarePolicy>};

}  // namespace

absl::Span<const absl::string_view> PolicyNames() { return kNames; }

absl::StatusOr<std::unique_ptr<EvictionPolicy>> MakePolicy(absl::string_view name,
                                                           std::int32_t blocks,
                                                           const BlockTree& tree) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return kFactories[i](blocks, tree);
  }
  return InvalidField("policy",
                      absl::StrCat("is ", name, ", not one of: ", absl::StrJoin(kNames, ", ")));
}

}  // namespace pintle::kv

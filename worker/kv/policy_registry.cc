// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/policy_registry.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "contract/errors.h"
#include "worker/kv/lru_policy.h"

namespace pintle::kv {
namespace {

using Factory = std::unique_ptr<EvictionPolicy> (*)(std::int32_t blocks, const BlockTree& tree);

std::unique_ptr<EvictionPolicy> MakeLru(std::int32_t blocks, const BlockTree& tree) {
  return std::make_unique<LruPolicy>(blocks, tree);
}

// Names and factories at equal places.
constexpr std::array<absl::string_view, 1> kNames = {"lru"};
constexpr std::array<Factory, kNames.size()> kFactories = {MakeLru};

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

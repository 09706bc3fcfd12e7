// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/policy_registry.h"

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/kv/block_pool.h"

namespace pintle::kv {
namespace {

TEST(PolicyRegistryTest, EveryListedNameMakesAPolicyOfThatName) {
  const BlockPool pool(4, 16);
  for (const absl::string_view name : PolicyNames()) {
    const auto policy = MakePolicy(name, 4, pool);
    ASSERT_TRUE(policy.ok()) << policy.status();
    EXPECT_EQ((*policy)->name(), name);
  }
}

TEST(PolicyRegistryTest, AnUnknownNameIsRefusedAndTheKnownOnesAreNamed) {
  const BlockPool pool(4, 16);
  const auto policy = MakePolicy("mru", 4, pool);
  EXPECT_TRUE(HasReason(policy.status(), Reason::kInvalidField));
  EXPECT_THAT(std::string(policy.status().message()), testing::HasSubstr("lru"));
}

}  // namespace
}  // namespace pintle::kv

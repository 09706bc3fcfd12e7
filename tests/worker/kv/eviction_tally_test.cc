// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/eviction_tally.h"

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

TEST(EvictionTallyTest, CountsByPolicyReasonAndTier) {
  EvictionTally tally;
  EvictionRecord record;
  record.policy = "lru";
  record.tokens = 16;
  record.bytes = 160;
  tally.Evicted(record);
  record.tokens = 4;
  record.bytes = 40;
  tally.Evicted(record);
  record.reason = KvReason::kPreempted;
  tally.Evicted(record);
  record.policy = "fifo";
  tally.Evicted(record);
  record.tier = KvTier::kDisk;
  tally.Evicted(record);
  EXPECT_EQ(tally.rows(),
            (std::vector<EvictionCount>{{"lru", KvReason::kCapacity, KvTier::kDevice, 2, 20, 200},
                                        {"lru", KvReason::kPreempted, KvTier::kDevice, 1, 4, 40},
                                        {"fifo", KvReason::kPreempted, KvTier::kDevice, 1, 4, 40},
                                        {"fifo", KvReason::kPreempted, KvTier::kDisk, 1, 4, 40}}));
}

}  // namespace
}  // namespace pintle::kv

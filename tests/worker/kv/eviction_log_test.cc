// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/eviction_log.h"

#include <vector>

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

TEST(EvictionLogTest, RecordsComeOldestFirstAndOnce) {
  EvictionLog log(3);
  log.Add().tokens = 1;
  log.Add().tokens = 2;
  std::vector<EvictionRecord> records;
  log.Take(&records);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].number, 1U);
  EXPECT_EQ(records[1].tokens, 2);
  log.Take(&records);
  EXPECT_EQ(records.size(), 2U);
}

TEST(EvictionLogTest, OverflowLosesTheOldestAndCounts) {
  EvictionLog log(2);
  for (int i = 1; i <= 5; ++i) log.Add().tokens = i;
  EXPECT_EQ(log.lost(), 3);
  std::vector<EvictionRecord> records;
  log.Take(&records);
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].number, 4U);
  EXPECT_EQ(records[1].tokens, 5);
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/hash_slots.h"

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

TEST(HashSlotsTest, FindsWhatWasPutInAndNothingElse) {
  HashSlots slots(4);
  slots.Insert(2, Hash128{5, 1});
  EXPECT_EQ(slots.Find(Hash128{5, 1}), 2);
  EXPECT_EQ(slots.Find(Hash128{5, 2}), -1);
  EXPECT_EQ(slots.HashOf(2), (Hash128{5, 1}));
}

TEST(HashSlotsTest, EqualBucketsKeepTheirHashesApart) {
  HashSlots slots(4);
  slots.Insert(0, Hash128{8, 1});
  slots.Insert(1, Hash128{8, 2});
  slots.Insert(3, Hash128{8, 3});
  slots.Erase(1);
  EXPECT_EQ(slots.Find(Hash128{8, 1}), 0);
  EXPECT_EQ(slots.Find(Hash128{8, 2}), -1);
  EXPECT_EQ(slots.Find(Hash128{8, 3}), 3);
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/replay_tree.h"

#include "gtest/gtest.h"

namespace pintle::laboratory {
namespace {

class ReplayTreeTest : public testing::Test {
 protected:
  ReplayTreeTest() {
    trace_.Add(absl::Seconds(0), {1, 2}, "a");
    trace_.Add(absl::Seconds(1), {1, 3}, "b");
  }

  Trace trace_;
  std::vector<Turn> turns_{{0, 1}, {1, 4}};
};

TEST_F(ReplayTreeTest, BlocksKnowTheirPlace) {
  ReplayTree tree(trace_, turns_, 3);
  const BlockIndex first = tree.Take(0);
  const BlockIndex second = tree.Take(1);
  EXPECT_EQ(tree.Parent(first), kNoBlock);
  EXPECT_EQ(tree.Parent(second), first);
  EXPECT_EQ(tree.Children(first), 1);
  EXPECT_EQ(tree.Depth(second), 1);
  EXPECT_EQ(tree.Find(1), second);
  EXPECT_EQ(tree.NodeOf(second), 1);
  EXPECT_EQ(tree.resident(), 2);
  tree.Free(second);
  EXPECT_EQ(tree.Find(1), kNoBlock);
  EXPECT_EQ(tree.Children(first), 0);
  EXPECT_EQ(tree.resident(), 1);
}

TEST_F(ReplayTreeTest, ContentHasANameThatOutlivesItsEviction) {
  ReplayTree tree(trace_, turns_, 3);
  tree.Take(0);
  const BlockIndex second = tree.Take(1);
  const std::uint64_t name = tree.Content(second);
  EXPECT_NE(name, 0U);
  tree.Free(second);
  const BlockIndex other = tree.Take(2);
  EXPECT_NE(tree.Content(other), name);
  EXPECT_EQ(tree.Content(tree.Take(1)), name);
}

TEST_F(ReplayTreeTest, FactsAreThoseOfTheSessionWithMostTurns) {
  ReplayTree tree(trace_, turns_, 3);
  const BlockIndex block = tree.Take(0);
  EXPECT_EQ(tree.Facts(block).sessions, 0);
  tree.CountReuse(block);
  EXPECT_EQ(tree.Hold(turns_[0], block), kNoBlock);
  EXPECT_EQ(tree.Hold(turns_[1], block), kNoBlock);
  EXPECT_EQ(tree.Facts(block).sessions, 2);
  EXPECT_EQ(tree.Facts(block).turns, 4);
  EXPECT_EQ(tree.Facts(block).session, 2U);
  EXPECT_EQ(tree.Facts(block).reuse, 1);
}

TEST_F(ReplayTreeTest, AnEvictedBlocksSessionsEndInItsParent) {
  ReplayTree tree(trace_, turns_, 3);
  const BlockIndex first = tree.Take(0);
  const BlockIndex second = tree.Take(1);
  tree.Hold(turns_[0], second);
  tree.Recede(second);
  tree.Free(second);
  EXPECT_EQ(tree.Facts(first).session, 1U);
  EXPECT_EQ(tree.Hold(turns_[0], tree.Take(2)), first);
  EXPECT_EQ(tree.Facts(first).sessions, 0);
  tree.Hold(turns_[0], first);
  tree.Recede(tree.Find(2));
  tree.Free(tree.Find(2));
  tree.Recede(first);
  tree.Free(first);
  EXPECT_EQ(tree.resident(), 0);
}

}  // namespace
}  // namespace pintle::laboratory

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/stage_shares.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "worker/model/cpu/compute_pool.h"

namespace pintle::model::cpu {
namespace {

using Pieces = std::vector<std::pair<std::int32_t, std::int32_t>>;

Pieces PiecesOf(StageShares& shares, int thread, std::int32_t total) {
  Pieces pieces;
  shares.Run(thread, total,
             [&](std::int32_t begin, std::int32_t end) { pieces.emplace_back(begin, end); });
  return pieces;
}

std::int32_t ItemsOf(const Pieces& pieces) {
  std::int32_t items = 0;
  for (const auto& [begin, end] : pieces) items += end - begin;
  return items;
}

TEST(StageSharesTest, OneThreadTakesAllAtOnce) {
  StageShares shares(1);
  for (int stage = 0; stage < 3; ++stage) {
    EXPECT_EQ(PiecesOf(shares, 0, 100), (Pieces{{0, 100}}));
    EXPECT_EQ(PiecesOf(shares, 0, 0), Pieces{});
  }
}

TEST(StageSharesTest, AThreadBeginsWithHalfOfItsShareAndEndsWithWhatOthersHaveNotBegun) {
  StageShares shares(2);
  const Pieces first = PiecesOf(shares, 0, 10);
  EXPECT_EQ(first, (Pieces{{0, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}, {7, 8}, {8, 9},
                           {9, 10}}));
  EXPECT_EQ(PiecesOf(shares, 1, 10), Pieces{});
  // The next stage begins anew, whoever comes first.
  EXPECT_EQ(PiecesOf(shares, 1, 10).front(), (std::pair<std::int32_t, std::int32_t>{5, 7}));
  EXPECT_EQ(PiecesOf(shares, 0, 10), Pieces{});
}

TEST(StageSharesTest, LargeSharesGoInFewPieces) {
  StageShares shares(2);
  const Pieces pieces = PiecesOf(shares, 0, 9600);
  EXPECT_EQ(ItemsOf(pieces), 9600);
  EXPECT_EQ(pieces.front(), (std::pair<std::int32_t, std::int32_t>{0, 2400}));
  EXPECT_LE(pieces.size(), 40U);
}

TEST(StageSharesTest, SharesMayEndAnywhere) {
  StageShares shares(3);
  const std::vector<std::size_t> ends = {4, 4, 7};
  Pieces pieces;
  const auto add = [&](std::int32_t begin, std::int32_t end) { pieces.emplace_back(begin, end); };
  shares.Run(1, ends, add);
  EXPECT_EQ(pieces.front(), (std::pair<std::int32_t, std::int32_t>{4, 5}));
  EXPECT_EQ(ItemsOf(pieces), 7);
}

TEST(StageSharesTest, ManyThreadsAndStagesDoEveryItemOnce) {
  constexpr int kThreads = 4;
  constexpr int kStages = 2000;
  constexpr std::int32_t kMost = 61;
  ComputePool pool(kThreads);
  StageShares shares(kThreads);
  // Not atomic: an item that two threads do at once is a race for the sanitizer to find.
  std::vector<int> done(kMost, 0);
  std::atomic<int> wrong{0};
  pool.Run([&](int thread) {
    for (int stage = 0; stage < kStages; ++stage) {
      const std::int32_t total = stage % (kMost + 1);
      shares.Run(thread, total, [&](std::int32_t begin, std::int32_t end) {
        for (std::int32_t i = begin; i < end; ++i) ++done[static_cast<std::size_t>(i)];
      });
      pool.Wait();
      if (thread == 0) {
        for (std::int32_t i = 0; i < kMost; ++i) {
          int& times = done[static_cast<std::size_t>(i)];
          wrong += times != (i < total ? 1 : 0);
          times = 0;
        }
      }
      pool.Wait();
    }
  });
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace pintle::model::cpu

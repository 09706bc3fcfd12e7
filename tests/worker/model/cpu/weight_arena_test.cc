// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/weight_arena.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "contract/errors.h"

namespace pintle::model::cpu {
namespace {

TEST(WeightArenaTest, PiecesAreAlignedDisjointAndZero) {
  const auto arena = WeightArena::Reserve(4096);
  ASSERT_TRUE(arena.ok());
  std::byte* first = (*arena)->Take(100);
  std::byte* second = (*arena)->Take(1);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first) % 64, 0U);
  EXPECT_EQ(second - first, 128);
  EXPECT_EQ((*arena)->taken(), 192U);
  for (int i = 0; i < 192; ++i) EXPECT_EQ(first[i], std::byte{0});
}

TEST(WeightArenaTest, ReservingCostsNoMemory) {
  // A terabyte: nobody has it, and nobody needs to until it is written.
  const auto arena = WeightArena::Reserve(std::size_t{1} << 40);
  if (!arena.ok()) GTEST_SKIP() << "this system does not overcommit";
  (*arena)->Take(std::size_t{1} << 39)[12345] = std::byte{1};
}

TEST(WeightArenaTest, WhatTheSystemRefusesIsPoolFull) {
  const auto arena = WeightArena::Reserve(std::size_t{1} << 60);
  EXPECT_TRUE(HasReason(arena.status(), Reason::kPoolFull));
}

TEST(WeightArenaDeathTest, TakingMoreThanReservedStops) {
  const auto arena = WeightArena::Reserve(4096);
  ASSERT_TRUE(arena.ok());
  EXPECT_DEATH((*arena)->Take(4097), "reservation");
}

}  // namespace
}  // namespace pintle::model::cpu

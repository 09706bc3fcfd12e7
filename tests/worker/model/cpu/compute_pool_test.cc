// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/compute_pool.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "worker/model/cpu/core_pinning.h"

namespace pintle::model::cpu {
namespace {

TEST(ComputePoolTest, EveryThreadRunsTheWorkOnceAndTheCallerIsOneOfThem) {
  for (const int threads : {1, 2, 5}) {
    ComputePool pool(threads);
    std::vector<std::atomic<int>> calls(static_cast<std::size_t>(threads));
    std::thread::id zero;
    for (int round = 0; round < 100; ++round) {
      pool.Run([&](int thread) {
        if (thread == 0) zero = std::this_thread::get_id();
        ++calls[static_cast<std::size_t>(thread)];
      });
    }
    for (const auto& count : calls) EXPECT_EQ(count.load(), 100);
    EXPECT_EQ(zero, std::this_thread::get_id());
  }
}

TEST(ComputePoolTest, WhatIsWrittenBeforeTheBarrierIsSeenAfterIt) {
  constexpr int kThreads = 4;
  ComputePool pool(kThreads);
  std::array<int, kThreads> values{};
  std::atomic<int> wrong{0};
  pool.Run([&](int thread) {
    for (int round = 1; round <= 1000; ++round) {
      values[static_cast<std::size_t>(thread)] = round;
      pool.Wait();
      for (const int value : values) wrong += value != round;
      pool.Wait();
    }
  });
  EXPECT_EQ(wrong.load(), 0);
}

TEST(ComputePoolTest, ThreadsKeepToTheProcessorsGivenAndTheCallerOnceItAsksTo) {
  const std::vector<int> allowed = AllowedCores();
  ASSERT_FALSE(allowed.empty());
  std::array<std::vector<int>, 2> cores;
  const auto look = [&](int thread) { cores[static_cast<std::size_t>(thread)] = AllowedCores(); };
  std::thread caller([&] {  // a thread of the test's, because it stays pinned
    ComputePool pool(2, {allowed.front(), allowed.back()});
    pool.Run(look);
    EXPECT_EQ(cores[0], allowed);
    EXPECT_EQ(cores[1], std::vector<int>{allowed.back()});
    pool.PinCaller();
    pool.Run(look);
  });
  caller.join();
  EXPECT_EQ(cores[0], std::vector<int>{allowed.front()});
}

TEST(ComputePoolTest, AnUnusedPoolEnds) {
  for (int i = 0; i < 20; ++i) ComputePool pool(3);
}

}  // namespace
}  // namespace pintle::model::cpu

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/expiry_heap.h"

#include <map>
#include <random>

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

TEST(ExpiryHeapTest, AnswersTheEarliestTimeThroughEveryChange) {
  ExpiryHeap heap;
  std::map<std::int32_t, absl::Duration> model;
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    const auto number = static_cast<std::int32_t>(random() % 50);
    if (random() % 4 == 0) {
      heap.Remove(number);
      model.erase(number);
    } else {
      const absl::Duration time = absl::Seconds(random() % 1000);
      heap.Set(number, time);
      model[number] = time;
    }
    ASSERT_EQ(heap.size(), model.size());
    absl::Duration first = absl::InfiniteDuration();
    std::int32_t next = -1;
    for (const auto& [session, time] : model) {
      if (time < first) next = session;
      first = std::min(first, time);
    }
    ASSERT_EQ(heap.NextTime(), first);
    if (next != -1) {
      ASSERT_EQ(heap.Next(), next) << "ties go by number";
    }
    ASSERT_EQ(heap.TimeOf(number),
              model.contains(number) ? model[number] : absl::InfiniteDuration());
  }
}

TEST(ExpiryHeapTest, AnInfiniteTimeTakesTheNumberOut) {
  ExpiryHeap heap;
  heap.Set(3, absl::Seconds(1));
  heap.Set(3, absl::InfiniteDuration());
  EXPECT_EQ(heap.size(), 0U);
  EXPECT_EQ(heap.NextTime(), absl::InfiniteDuration());
}

}  // namespace
}  // namespace pintle::kv

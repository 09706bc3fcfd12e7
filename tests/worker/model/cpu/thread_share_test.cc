// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/thread_share.h"

#include <gtest/gtest.h>

namespace pintle::model::cpu {
namespace {

TEST(ThreadShareTest, SharesTouchCoverAllAndDifferByAtMostOne) {
  for (const std::int32_t total : {0, 1, 2, 7, 18, 1537}) {
    for (const int threads : {1, 2, 3, 16}) {
      std::int32_t next = 0;
      for (int t = 0; t < threads; ++t) {
        const ThreadShare share(total, threads, t);
        EXPECT_EQ(share.begin, next);
        EXPECT_GE(share.end - share.begin, total / threads);
        EXPECT_LE(share.end - share.begin, total / threads + 1);
        next = share.end;
      }
      EXPECT_EQ(next, total);
    }
  }
}

}  // namespace
}  // namespace pintle::model::cpu

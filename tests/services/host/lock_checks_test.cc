// SPDX-License-Identifier: Apache-2.0
#include "services/host/lock_checks.h"

#include "absl/synchronization/mutex.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(LockChecksTest, LocksStillExclude) {
  SkipLockChecks();
  absl::Mutex first;
  absl::Mutex second;
  {
    absl::MutexLock outer(&first);
    absl::MutexLock inner(&second);
    EXPECT_FALSE(first.TryLock());
  }
#ifdef NDEBUG
  // The other order would end the process, were cycles still looked for.
  absl::MutexLock outer(&second);
  absl::MutexLock inner(&first);
  EXPECT_FALSE(second.TryLock());
#endif
}

}  // namespace
}  // namespace pintle

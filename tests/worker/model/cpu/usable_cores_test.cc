// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/usable_cores.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "worker/model/cpu/core_pinning.h"

namespace pintle::model::cpu {
namespace {

using ::testing::Optional;

// A machine's /proc and /sys in a folder of its own.
class CpuQuotaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::path(::testing::TempDir()) /
            (std::string("usable_cores_") +
             ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(root_);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void Write(const std::string& file, const std::string& text) {
    const std::filesystem::path path = root_ / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

  std::filesystem::path root_;
};

TEST_F(CpuQuotaTest, AContainerOfCgroupV2SeesItsLimitAtTheMount) {
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/cpu.max", "250000 100000\n");
  EXPECT_THAT(CpuQuota(root_), Optional(2.5));
}

TEST_F(CpuQuotaTest, TheSmallestLimitOnTheWayUpCounts) {
  Write("proc/self/cgroup", "0::/pods/one/inner\n");
  Write("sys/fs/cgroup/pods/cpu.max", "400000 100000\n");
  Write("sys/fs/cgroup/pods/one/cpu.max", "150000 50000\n");
  Write("sys/fs/cgroup/pods/one/inner/cpu.max", "max 100000\n");
  EXPECT_THAT(CpuQuota(root_), Optional(3.0));
}

TEST_F(CpuQuotaTest, CgroupV1TellsQuotaAndPeriodInTwoFiles) {
  Write("proc/self/cgroup", "5:memory:/m\n4:cpu,cpuacct:/docker/abc\n");
  Write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "200000\n");
  Write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000\n");
  EXPECT_THAT(CpuQuota(root_), Optional(2.0));
}

// In a container /proc names the group as the host knows it, and the mount is the group itself.
TEST_F(CpuQuotaTest, AGroupThatTheContainerCannotSeeIsTheMount) {
  Write("proc/self/cgroup", "4:cpu:/docker/abc\n0::/docker/abc\n");
  Write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
  Write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_THAT(CpuQuota(root_), Optional(1.0));
}

TEST_F(CpuQuotaTest, NoLimitIsNoLimit) {
  EXPECT_EQ(CpuQuota(root_), std::nullopt);
  Write("proc/self/cgroup", "4:cpu:/\n0::/\nnonsense\n");
  EXPECT_EQ(CpuQuota(root_), std::nullopt);
  Write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  Write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  Write("sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(CpuQuota(root_), std::nullopt);
  for (const char* damaged : {"", "1", "a b", "100000 0", "-5 100000"}) {
    Write("sys/fs/cgroup/cpu.max", damaged);
    EXPECT_EQ(CpuQuota(root_), std::nullopt) << damaged;
  }
}

TEST(UsableCoresTest, AQuotaIsRoundedDownAndNeverBelowOne) {
  EXPECT_EQ(UsableCores(8, std::nullopt), 8);
  EXPECT_EQ(UsableCores(8, 2.5), 2);
  EXPECT_EQ(UsableCores(8, 2.0), 2);
  EXPECT_EQ(UsableCores(8, 0.5), 1);
  EXPECT_EQ(UsableCores(2, 8.0), 2);
  EXPECT_EQ(UsableCores(2, 1e300), 2);
  EXPECT_EQ(UsableCores(0, std::nullopt), 1);
}

TEST(UsableCoresTest, ThisProcessHasOneAtLeastAndNoMoreThanItMayUse) {
  EXPECT_GE(UsableCores(), 1);
  EXPECT_LE(UsableCores(), static_cast<int>(AllowedCores().size()));
}

}  // namespace
}  // namespace pintle::model::cpu

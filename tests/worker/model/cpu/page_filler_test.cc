// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/page_filler.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "worker/model/cpu/weight_arena.h"

namespace pintle::model::cpu {
namespace {

constexpr std::size_t kBytes = (std::size_t{9} << 20) + 12288;  // no whole number of huge pages

std::size_t PresentPages(const std::byte* base, std::size_t bytes) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> present((bytes + page - 1) / page);
  EXPECT_EQ(mincore(const_cast<std::byte*>(base), bytes, present.data()), 0);
  return static_cast<std::size_t>(
      std::count_if(present.begin(), present.end(), [](unsigned char one) { return one & 1U; }));
}

bool KernelCanBeAsked(std::byte* base) {
  return madvise(base, 4096, MADV_POPULATE_WRITE) == 0 || errno != EINVAL;
}

TEST(PageFillerTest, FillsTheWholeStretchAndChangesNoByte) {
  auto arena = WeightArena::Reserve(kBytes);
  ASSERT_TRUE(arena.ok());
  std::byte* const base = (*arena)->base();
  if (!KernelCanBeAsked(base)) GTEST_SKIP() << "the kernel is older than 5.14";
  base[kBytes - 1] = std::byte{7};
  const std::size_t before = PresentPages(base, kBytes);
  PageFiller filler(base, kBytes);
  filler.Finish();
  const std::size_t all = (kBytes + 4095) / 4096;
  EXPECT_LT(before, all);
  EXPECT_EQ(PresentPages(base, kBytes), all);
  EXPECT_EQ(base[0], std::byte{0});
  EXPECT_EQ(base[kBytes - 1], std::byte{7});
}

TEST(PageFillerTest, EndsInTheMiddleOfItsWork) {
  for (int i = 0; i < 20; ++i) {
    auto arena = WeightArena::Reserve(std::size_t{64} << 20);
    ASSERT_TRUE(arena.ok());
    PageFiller filler((*arena)->base(), std::size_t{64} << 20);
  }
}

TEST(PageFillerTest, WritingMeanwhileLosesNothing) {
  auto arena = WeightArena::Reserve(kBytes);
  ASSERT_TRUE(arena.ok());
  std::byte* const base = (*arena)->base();
  PageFiller filler(base, kBytes);
  for (std::size_t at = 0; at < kBytes; at += 512) base[at] = std::byte{1};
  filler.Finish();
  std::size_t kept = 0;
  for (std::size_t at = 0; at < kBytes; at += 512) kept += base[at] == std::byte{1} ? 1U : 0U;
  EXPECT_EQ(kept, (kBytes + 511) / 512);
}

}  // namespace
}  // namespace pintle::model::cpu

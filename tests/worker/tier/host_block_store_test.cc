// SPDX-License-Identifier: Apache-2.0
#include "worker/tier/host_block_store.h"

#include <memory>

#include "tests/conformance/block_store_conformance.h"
#include "tests/fakes/fake_block_store.h"

namespace pintle::tier {
namespace {

// Ordinary memory in the place of a device's pinned memory.
class PlainMemory final : public HostMemory {
 public:
  std::byte* Allocate(std::size_t bytes) override {
    if (refuse) return nullptr;
    held += bytes;
    return new std::byte[bytes];
  }
  void Free(std::byte* memory, std::size_t bytes) override {
    held -= bytes;
    delete[] memory;
  }
  bool refuse = false;
  std::size_t held = 0;
};

PlainMemory& SuiteMemory() {
  static PlainMemory memory;
  return memory;
}

INSTANTIATE_TEST_SUITE_P(
    HostAndFake, BlockStoreConformance,
    testing::Values(
        BlockStoreFactory{"host",
                          [](std::int32_t slots, std::size_t block_bytes, std::int32_t) {
                            return *HostBlockStore::Create(
                                SuiteMemory(), slots * static_cast<std::int64_t>(block_bytes),
                                block_bytes);
                          }},
        BlockStoreFactory{"fake",
                          [](std::int32_t slots, std::size_t block_bytes, std::int32_t) {
                            return std::make_unique<FakeBlockStore>(
                                std::make_shared<FakeMedium>(), slots, block_bytes);
                          }}));

TEST(HostBlockStoreTest, GivesItsMemoryBack) {
  PlainMemory memory;
  { const auto store = *HostBlockStore::Create(memory, 1000, 100); }
  EXPECT_EQ(memory.held, 0U);
}

TEST(HostBlockStoreTest, TakesNoMoreThanItMay) {
  PlainMemory memory;
  const auto store = *HostBlockStore::Create(memory, 1099, 100);
  EXPECT_EQ(store->slots(), 10);
  EXPECT_EQ(memory.held, 1000U);
}

TEST(HostBlockStoreTest, MemoryThatCannotBeHadIsSaid) {
  PlainMemory memory;
  EXPECT_TRUE(absl::IsInvalidArgument(HostBlockStore::Create(memory, 99, 100).status()));
  memory.refuse = true;
  EXPECT_TRUE(absl::IsResourceExhausted(HostBlockStore::Create(memory, 1000, 100).status()));
}

}  // namespace
}  // namespace pintle::tier

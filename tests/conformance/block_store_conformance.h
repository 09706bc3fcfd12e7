// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_CONFORMANCE_BLOCK_STORE_CONFORMANCE_H_
#define PINTLE_TESTS_CONFORMANCE_BLOCK_STORE_CONFORMANCE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "worker/tier/block_store.h"

namespace pintle::tier {

// How a store under test is made, with at least `slots` slots of kBlockBytes.
struct BlockStoreFactory {
  std::string name;
  std::function<std::unique_ptr<BlockStore>(std::int32_t slots, std::size_t block_bytes,
                                            std::int32_t block_tokens)>
      make;
};

// What every BlockStore keeps. An implementation's test adds block_store_conformance.cc to its
// sources and instantiates this suite.
class BlockStoreConformance : public testing::TestWithParam<BlockStoreFactory> {
 protected:
  static constexpr std::int32_t kSlots = 6;
  static constexpr std::int32_t kBlockTokens = 16;
  static constexpr std::size_t kBlockBytes = 5000;  // no multiple of anything

  BlockStoreConformance() : store_(GetParam().make(kSlots, kBlockBytes, kBlockTokens)) {}

  static BlockLabel Label(std::uint64_t seed);
  static std::vector<std::byte> Bytes(std::uint64_t seed);
  // Writes the block of this seed; the seed is all that is needed to know it again.
  absl::Status Write(std::int32_t slot, std::uint64_t seed);
  void ExpectHolds(std::int32_t slot, std::uint64_t seed);

  const std::unique_ptr<BlockStore> store_;
};

}  // namespace pintle::tier

#endif  // PINTLE_TESTS_CONFORMANCE_BLOCK_STORE_CONFORMANCE_H_

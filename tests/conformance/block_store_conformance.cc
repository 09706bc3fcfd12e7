// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/block_store_conformance.h"

#include <random>

namespace pintle::tier {

BlockLabel BlockStoreConformance::Label(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  BlockLabel label;
  label.hash = {random(), random()};
  label.parent = {random(), random()};
  label.tenant = TenantId(seed % 2 == 0 ? "acme" : "a-much-longer-name-of-a-tenant");
  label.first_position = static_cast<Position>(random() % 8192);
  label.used_at = static_cast<std::int64_t>(random() >> 8);
  label.tokens.resize(1 + random() % kBlockTokens);
  for (TokenId& token : label.tokens) token = static_cast<TokenId>(random() % 50000);
  return label;
}

std::vector<std::byte> BlockStoreConformance::Bytes(std::uint64_t seed) {
  std::mt19937_64 random(~seed);
  std::vector<std::byte> bytes(kBlockBytes);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

absl::Status BlockStoreConformance::Write(std::int32_t slot, std::uint64_t seed) {
  return store_->Write(slot, Label(seed), Bytes(seed));
}

void BlockStoreConformance::ExpectHolds(std::int32_t slot, std::uint64_t seed) {
  BlockLabel label;
  std::vector<std::byte> bytes(kBlockBytes);
  const absl::Status read = store_->Read(slot, &label, absl::MakeSpan(bytes));
  ASSERT_TRUE(read.ok()) << read;
  EXPECT_EQ(label, Label(seed));
  EXPECT_EQ(bytes, Bytes(seed));
}

TEST_P(BlockStoreConformance, HasTheRoomItWasMadeWith) {
  EXPECT_GE(store_->slots(), kSlots);
  EXPECT_EQ(store_->block_bytes(), kBlockBytes);
  EXPECT_GE(store_->slot_bytes(), kBlockBytes);
}

TEST_P(BlockStoreConformance, AnswersWhatWasWritten) {
  for (std::int32_t slot = 0; slot < kSlots; ++slot) {
    const auto seed = static_cast<std::uint64_t>(slot);
    ASSERT_TRUE(Write(slot, seed).ok());
  }
  for (std::int32_t slot = kSlots; slot-- > 0;) ExpectHolds(slot, static_cast<std::uint64_t>(slot));
}

TEST_P(BlockStoreConformance, ASlotHoldsTheLastBlockWrittenToIt) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) ASSERT_TRUE(Write(2, seed).ok());
  ExpectHolds(2, 4);
}

TEST_P(BlockStoreConformance, TheLabelCanBeReadAlone) {
  ASSERT_TRUE(Write(1, 7).ok());
  BlockLabel label;
  ASSERT_TRUE(store_->ReadLabel(1, &label).ok());
  EXPECT_EQ(label, Label(7));
}

TEST_P(BlockStoreConformance, ASlotNeverWrittenOrErasedIsNotFound) {
  BlockLabel label;
  std::vector<std::byte> bytes(kBlockBytes);
  EXPECT_TRUE(absl::IsNotFound(store_->Read(3, &label, absl::MakeSpan(bytes))));
  EXPECT_TRUE(absl::IsNotFound(store_->ReadLabel(3, &label)));
  ASSERT_TRUE(Write(3, 1).ok());
  ASSERT_TRUE(store_->Erase(3).ok());
  EXPECT_TRUE(absl::IsNotFound(store_->Read(3, &label, absl::MakeSpan(bytes))));
  EXPECT_TRUE(absl::IsNotFound(store_->ReadLabel(3, &label)));
}

TEST_P(BlockStoreConformance, ErasingOneSlotLeavesTheOthers) {
  for (std::int32_t slot = 0; slot < kSlots; ++slot) {
    ASSERT_TRUE(Write(slot, static_cast<std::uint64_t>(slot)).ok());
  }
  ASSERT_TRUE(store_->Erase(2).ok());
  ExpectHolds(1, 1);
  ExpectHolds(3, 3);
  ASSERT_TRUE(Write(2, 9).ok());
  ExpectHolds(2, 9);
}

}  // namespace pintle::tier

// SPDX-License-Identifier: Apache-2.0
#include "worker/tier/disk_block_store.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/conformance/block_store_conformance.h"

namespace pintle::tier {
namespace {

// A folder of its own for each test, gone afterwards.
class Folder {
 public:
  Folder() {
    std::string name = absl::StrCat(testing::TempDir(), "/pintle-tier-XXXXXX");
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::string file() const { return absl::StrCat(path_, "/blocks.kv"); }

 private:
  std::string path_;
};

constexpr std::int64_t kSlotBytes = 4096 + 8192;

DiskBlockStore::Options OptionsOf(const std::string& folder, std::int32_t slots,
                                  std::size_t block_bytes = 5000, std::int32_t block_tokens = 16) {
  return {folder, 4096 + slots * kSlotBytes, block_bytes, block_tokens, "model/bf16"};
}

Folder& SuiteFolder() {
  static Folder folder;
  return folder;
}

INSTANTIATE_TEST_SUITE_P(
    Disk, BlockStoreConformance,
    testing::Values(BlockStoreFactory{
        "disk",
        [](std::int32_t slots, std::size_t block_bytes, std::int32_t block_tokens) {
          std::filesystem::remove(SuiteFolder().file());
          return *DiskBlockStore::Open(
              OptionsOf(SuiteFolder().path(), slots, block_bytes, block_tokens));
        }}));

class DiskBlockStoreTest : public testing::Test {
 protected:
  static BlockLabel Label(TokenId first) {
    BlockLabel label;
    label.hash = {static_cast<std::uint64_t>(first), 2};
    label.tenant = TenantId("t");
    label.tokens = {first, first + 1, first + 2};
    return label;
  }
  std::unique_ptr<DiskBlockStore> Open(std::int32_t slots = 4) {
    auto store = DiskBlockStore::Open(OptionsOf(folder_.path(), slots));
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  absl::Status Read(DiskBlockStore& store, std::int32_t slot) {
    BlockLabel label;
    return store.Read(slot, &label, absl::MakeSpan(bytes_));
  }
  void Damage(std::int64_t offset) {
    std::fstream file(folder_.file(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset);
    const int byte = file.get();
    file.seekp(offset);
    file.put(static_cast<char>(byte ^ 1));
    ASSERT_TRUE(file.good());
  }

  Folder folder_;
  std::vector<std::byte> bytes_ = std::vector<std::byte>(5000, std::byte{7});
};

TEST_F(DiskBlockStoreTest, BlocksAreThereAfterAReopening) {
  ASSERT_TRUE(Open()->Write(1, Label(10), bytes_).ok());
  const auto again = Open();
  EXPECT_FALSE(again->was_foreign());
  BlockLabel label;
  ASSERT_TRUE(again->Read(1, &label, absl::MakeSpan(bytes_)).ok());
  EXPECT_EQ(label, Label(10));
}

TEST_F(DiskBlockStoreTest, OnlyItsOwnerMayReadTheFile) {
  Open();
  struct stat facts{};
  ASSERT_EQ(stat(folder_.file().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
}

TEST_F(DiskBlockStoreTest, AnyFlippedBitOfASlotIsFound) {
  const auto store = Open();
  ASSERT_TRUE(store->Write(0, Label(10), bytes_).ok());
  // In the label's head, its checksum, its tokens; in the content's first and last byte.
  for (const std::int64_t at : {0, 9, 30, 280, 4096, 4096 + 4999}) {
    Damage(4096 + at);
    EXPECT_TRUE(absl::IsDataLoss(Read(*store, 0))) << at;
    Damage(4096 + at);
    EXPECT_TRUE(Read(*store, 0).ok()) << at;
  }
}

TEST_F(DiskBlockStoreTest, AnotherModelsFileIsEmptied) {
  ASSERT_TRUE(Open()->Write(1, Label(10), bytes_).ok());
  DiskBlockStore::Options other = OptionsOf(folder_.path(), 4);
  other.identity = "another/bf16";
  const auto store = DiskBlockStore::Open(other);
  ASSERT_TRUE(store.ok());
  EXPECT_TRUE((*store)->was_foreign());
  EXPECT_TRUE(absl::IsNotFound(Read(**store, 1)));
}

TEST_F(DiskBlockStoreTest, TheSizeMayChangeFromStartToStart) {
  ASSERT_TRUE(Open(4)->Write(1, Label(10), bytes_).ok());
  ASSERT_TRUE(Read(*Open(9), 1).ok());
  const auto smaller = Open(2);
  EXPECT_EQ(smaller->slots(), 2);
  EXPECT_TRUE(Read(*smaller, 1).ok());
  EXPECT_LE(std::filesystem::file_size(folder_.file()), 4096U + 2 * kSlotBytes);
}

TEST_F(DiskBlockStoreTest, ATruncatedFileCostsOnlyWhatItLost) {
  const auto store = Open();
  ASSERT_TRUE(store->Write(0, Label(10), bytes_).ok());
  ASSERT_TRUE(store->Write(3, Label(20), bytes_).ok());
  std::filesystem::resize_file(folder_.file(), 4096 + 2 * kSlotBytes);
  EXPECT_TRUE(Read(*store, 0).ok());
  EXPECT_TRUE(absl::IsDataLoss(Read(*store, 3)));
}

TEST_F(DiskBlockStoreTest, OneFolderServesOneProcess) {
  const auto store = Open();
  const auto second = DiskBlockStore::Open(OptionsOf(folder_.path(), 4));
  EXPECT_TRUE(absl::IsFailedPrecondition(second.status())) << second.status();
}

TEST_F(DiskBlockStoreTest, ItTakesRoomOnlyAsItIsUsed) {
  const auto store = Open(1000);
  struct stat facts{};
  ASSERT_EQ(stat(folder_.file().c_str(), &facts), 0);
  EXPECT_LT(facts.st_blocks * 512, 10 * kSlotBytes);
  EXPECT_EQ(facts.st_size, 4096 + 1000 * kSlotBytes);
}

TEST_F(DiskBlockStoreTest, LessRoomThanABlockIsRefused) {
  DiskBlockStore::Options options = OptionsOf(folder_.path(), 1);
  options.bytes_max -= 1;
  EXPECT_TRUE(absl::IsInvalidArgument(DiskBlockStore::Open(options).status()));
}

TEST_F(DiskBlockStoreTest, ALabelTooLongForItsSlotIsRefused) {
  const auto store = Open();
  BlockLabel label = Label(10);
  label.tenant = TenantId(std::string(129, 'x'));
  EXPECT_TRUE(absl::IsInvalidArgument(store->Write(0, label, bytes_)));
}

}  // namespace
}  // namespace pintle::tier

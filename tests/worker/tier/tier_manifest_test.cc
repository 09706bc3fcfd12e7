// SPDX-License-Identifier: Apache-2.0
#include "worker/tier/tier_manifest.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace pintle::tier {
namespace {

TierManifest Example() {
  TierManifest manifest;
  manifest.hash_key = {0x0123456789abcdefU, 42};
  manifest.sessions.push_back({{TenantId("acme"), SessionId("chat-1")}, {1, ~0ULL}, 77});
  manifest.sessions.push_back({{TenantId(""), SessionId("b c\n")}, {3, 4}, 1});
  manifest.sessions.push_back({{TenantId("t"), SessionId("pinned")}, {5, 6}, 300});
  manifest.sessions.back().guarantee = {512, true, absl::FromUnixMillis(1760000000123)};
  manifest.sessions.push_back({{TenantId("t"), SessionId("movable")}, {7, 8}, 30});
  manifest.sessions.back().guarantee = {64, false, absl::FromUnixMillis(1760000000456)};
  return manifest;
}

TEST(TierManifestTest, IsReadAsItWasWritten) {
  const auto read = TierManifest::Parse(Example().Format());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->hash_key, Example().hash_key);
  EXPECT_EQ(read->sessions, Example().sessions);
}

TEST(TierManifestTest, AnyChangedByteIsFound) {
  const std::string text = Example().Format();
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(TierManifest::Parse(changed).ok()) << i;
    EXPECT_FALSE(TierManifest::Parse(text.substr(0, i)).ok()) << i;
  }
}

TEST(TierManifestTest, TheFileReplacesItsPredecessorAndIsPrivate) {
  std::string folder = absl::StrCat(testing::TempDir(), "/pintle-manifest-XXXXXX");
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  EXPECT_TRUE(absl::IsNotFound(LoadManifest(folder).status()));
  ASSERT_TRUE(SaveManifest(folder, TierManifest()).ok());
  ASSERT_TRUE(SaveManifest(folder, Example()).ok());
  const auto read = LoadManifest(folder);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->sessions, Example().sessions);
  struct stat facts{};
  ASSERT_EQ(stat(absl::StrCat(folder, "/manifest").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0600U);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace pintle::tier

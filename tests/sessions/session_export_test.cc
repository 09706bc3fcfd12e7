// SPDX-License-Identifier: Apache-2.0
#include "sessions/session_export.h"

#include "tests/sessions/archive_fixture.h"

namespace pintle {
namespace {

TEST(SessionExportTest, AnArchiveIsHeaderTurnsKvTrailer) {
  ArchiveFixture f;
  const auto parts = f.Export(f.MakeSession("a", 7));
  ASSERT_EQ(parts.size(), 6U);
  const auto& header = std::get<ArchiveHeader>(parts[0]);
  EXPECT_EQ(header.session, "a");
  EXPECT_EQ(header.pin.kind, PinKind::kBestEffort);
  EXPECT_EQ(header.shape, FakeSessionKv::Shape());
  EXPECT_EQ(header.position, 7);
  EXPECT_EQ(header.kv_tokens, 7);
  EXPECT_EQ(std::get<TranscriptTurn>(parts[1]).messages.size(), 1U);
  EXPECT_EQ(std::get<KvPortion>(parts[4]).first, 6);
  EXPECT_EQ(std::get<ArchiveTrailer>(parts[5]).kv_bytes, 28);
  EXPECT_EQ(f.kv.kv->open_transfers(), 0U);
}

TEST(SessionExportTest, WithoutKvItIsABackupOfTheTranscript) {
  ArchiveFixture f;
  const auto parts = f.Export(f.MakeSession("a", 7), /*include_kv=*/false);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(std::get<ArchiveHeader>(parts[0]).kv_tokens, 0);
  EXPECT_EQ(std::get<ArchiveHeader>(parts[0]).shape.fingerprint, "f");
}

TEST(SessionExportTest, KvOfOtherTokensIsLeftOut) {
  ArchiveFixture f;
  const SessionKey key = f.MakeSession("a", 7);
  f.kv.kv->Put(key, {1, 2, 9});
  EXPECT_EQ(std::get<ArchiveHeader>(f.Export(key)[0]).kv_tokens, 0);
  EXPECT_EQ(f.kv.kv->open_transfers(), 0U);
}

}  // namespace
}  // namespace pintle

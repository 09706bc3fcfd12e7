// SPDX-License-Identifier: Apache-2.0
#include "sessions/session_import.h"

#include "tests/sessions/archive_fixture.h"

namespace pintle {
namespace {

class SessionImportTest : public testing::Test {
 protected:
  void ExpectNothingLeft(const char* id) {
    EXPECT_TRUE(HasReason(f_.front.store.Get({f_.front.tenant, SessionId(id)}).status(),
                          Reason::kSessionNotFound));
    EXPECT_EQ(f_.kv.kv->open_transfers(), 0U);
    EXPECT_TRUE(f_.kv.kv->Held({f_.front.tenant, SessionId(id)}).empty());
  }

  ArchiveFixture f_;
  const SessionKey source_ = f_.MakeSession("a", 7);
};

TEST_F(SessionImportTest, WhatWasExportedIsThere) {
  const auto result = f_.Import(f_.Export(source_), "b");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->kv_tokens, 7);
  const auto stored = f_.front.store.Get(result->key);
  EXPECT_EQ(stored->transcript.digest(), f_.front.store.Get(source_)->transcript.digest());
  EXPECT_EQ(stored->template_clock, f_.front.store.Get(source_)->template_clock);
  EXPECT_EQ(stored->running, 0U);
  EXPECT_EQ(stored->binding.worker, WorkerId("w0"));
  EXPECT_EQ(f_.kv.kv->Held(result->key).size(), 7U);
}

TEST_F(SessionImportTest, AnEmptyIdLetsTheServerChoose) {
  const auto result = f_.Import(f_.Export(source_), "");
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->key.session.value().size(), 32U);
}

TEST_F(SessionImportTest, TheNameIsTakenFromTheHeaderOn) {
  EXPECT_TRUE(HasReason(f_.Import(f_.Export(source_), "a").status(), Reason::kSessionExists));
  EXPECT_TRUE(f_.front.store.Get(source_).ok());
  const auto import = f_.mover.Import(f_.front.tenant, SessionId("b"), false);
  import->Accept(f_.Export(source_)[0], [](const absl::Status& s) { EXPECT_TRUE(s.ok()); });
  EXPECT_TRUE(HasReason(
      f_.front.store.BeginTurn({f_.front.tenant, SessionId("b")}, std::nullopt).status(),
      Reason::kSessionBusy));
}

TEST_F(SessionImportTest, EveryTruncationIsRefusedAndLeavesNothing) {
  const auto whole = f_.Export(source_);
  for (std::size_t count = 0; count < whole.size(); ++count) {
    const std::vector<ArchivePart> parts(whole.begin(),
                                         whole.begin() + static_cast<std::ptrdiff_t>(count));
    EXPECT_TRUE(HasReason(f_.Import(parts, "b").status(), Reason::kInvalidField)) << count;
    ExpectNothingLeft("b");
  }
  for (std::size_t gone = 0; gone < whole.size(); ++gone) {
    auto parts = whole;
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(gone));
    EXPECT_TRUE(HasReason(f_.Import(parts, "b").status(), Reason::kInvalidField)) << gone;
    ExpectNothingLeft("b");
  }
}

TEST_F(SessionImportTest, DamageIsRefusedAndLeavesNothing) {
  auto parts = f_.Export(source_);
  std::get<KvPortion>(parts[3]).data[1] ^= 1;
  EXPECT_TRUE(HasReason(f_.Import(parts, "b").status(), Reason::kInvalidField));
  ExpectNothingLeft("b");
  parts = f_.Export(source_);
  std::get<TranscriptTurn>(parts[1]).tokens[2] = 500;
  EXPECT_TRUE(HasReason(f_.Import(parts, "b").status(), Reason::kInvalidField));
  ExpectNothingLeft("b");
  parts = f_.Export(source_);
  std::get<TranscriptTurn>(parts[1]).messages[0].text = std::string("other");
  EXPECT_TRUE(HasReason(f_.Import(parts, "b").status(), Reason::kInvalidField));
  ExpectNothingLeft("b");
}

TEST_F(SessionImportTest, CountsBeyondTheModelsAreRefusedBeforeTheNameIsTaken) {
  for (const auto change : {+[](ArchiveHeader& h) { h.position = 101; },
                            +[](ArchiveHeader& h) { h.kv_tokens = 8; },
                            +[](ArchiveHeader& h) { h.turns = 8; },
                            +[](ArchiveHeader& h) { h.version = 2; },
                            +[](ArchiveHeader& h) { h.lease = absl::Hours(25); }}) {
    auto parts = f_.Export(source_);
    change(std::get<ArchiveHeader>(parts[0]));
    EXPECT_TRUE(HasReason(f_.Import(parts, "b").status(), Reason::kInvalidField));
    ExpectNothingLeft("b");
  }
}

TEST_F(SessionImportTest, AnotherModelsArchiveIsForeignButItsTranscriptMayBeTaken) {
  auto parts = f_.Export(source_);
  std::get<ArchiveHeader>(parts[0]).shape.fingerprint = std::string("g");
  EXPECT_TRUE(HasReason(f_.Import(parts, "b").status(), Reason::kFingerprintMismatch));
  ExpectNothingLeft("b");
  // Its sum is over the header as it was made.
  ArchiveChecksum checksum;
  for (const ArchivePart& part : parts) {
    if (const auto* h = std::get_if<ArchiveHeader>(&part)) checksum.Add(*h);
    if (const auto* t = std::get_if<TranscriptTurn>(&part)) checksum.Add(*t);
    if (const auto* k = std::get_if<KvPortion>(&part)) checksum.Add(*k);
  }
  std::get<ArchiveTrailer>(parts.back()).checksum = checksum.value();
  const auto result = f_.Import(parts, "b", /*transcript_only=*/true);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->kv_tokens, 0);
  EXPECT_EQ(f_.front.store.Get(result->key)->transcript.position(), 7);
  EXPECT_EQ(f_.front.store.Get(result->key)->binding.incarnation, 0U);
}

TEST_F(SessionImportTest, ADeletedImportTakesItsKvAlong) {
  const auto whole = f_.Export(source_);
  const auto import = f_.mover.Import(f_.front.tenant, SessionId("b"), false);
  for (const ArchivePart& part : whole) {
    import->Accept(part, [](const absl::Status& s) { EXPECT_TRUE(s.ok()) << s; });
  }
  ASSERT_TRUE(f_.front.store.Delete({f_.front.tenant, SessionId("b")}).ok());
  import->Finish([](const absl::StatusOr<SessionImport::Result>& result) {
    EXPECT_TRUE(HasReason(result.status(), Reason::kSessionDeleted));
  });
}

}  // namespace
}  // namespace pintle

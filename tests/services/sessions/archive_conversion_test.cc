// SPDX-License-Identifier: Apache-2.0
#include "services/sessions/archive_conversion.h"

#include <utility>

#include "gtest/gtest.h"
#include "sessions/archive_checksum.h"

namespace pintle {
namespace {

ArchivePart Back(ArchivePart part) {
  v1::ArchivePart proto;
  ToProto(std::move(part), &proto);
  absl::StatusOr<ArchivePart> back = FromProto(std::move(proto));
  EXPECT_TRUE(back.ok()) << back.status();
  return *std::move(back);
}

TEST(ArchiveConversionTest, EveryPartComesBackWithTheSameSum) {
  ArchiveHeader header;
  header.session = std::string("s");
  header.model = std::string("m");
  header.shape = {"f", "bf16", 30, 3, 64, 2};
  header.template_clock = absl::FromUnixNanos(1234567890123);
  header.lease = absl::Minutes(7);
  header.labels = {{"a", "b"}};
  header.turns = 1;
  header.position = 3;
  header.kv_tokens = 2;
  TranscriptTurn turn;
  turn.messages = {Message{"user", "hi", {{"id", "name", "{}"}}, "call", "ada"}};
  turn.tokens = {1, 2, 3};
  turn.output_tokens = 1;
  turn.closed = true;
  turn.tools_json = std::string("[]");
  const KvPortion portion{0, 2, "abcd", 5};
  ArchiveChecksum before;
  before.Add(header);
  before.Add(turn);
  before.Add(portion);
  ArchiveChecksum after;
  after.Add(std::get<ArchiveHeader>(Back(header)));
  after.Add(std::get<TranscriptTurn>(Back(turn)));
  after.Add(std::get<KvPortion>(Back(portion)));
  EXPECT_EQ(before.value(), after.value());
  const auto trailer = std::get<ArchiveTrailer>(Back(ArchiveTrailer{3, 9, 11}));
  EXPECT_EQ(trailer.portions, 3);
  EXPECT_EQ(trailer.kv_bytes, 9);
  EXPECT_EQ(trailer.checksum, 11U);
  EXPECT_FALSE(FromProto(v1::ArchivePart()).ok());
}

TEST(ArchiveConversionTest, APinComesBackAndIsPartOfTheSum) {
  ArchiveHeader header;
  ArchiveChecksum none;
  none.Add(header);
  for (const Pin& pin :
       {Pin{.kind = PinKind::kGuaranteed, .budget_tokens = 64, .resident = true, .priority = 7},
        Pin{.kind = PinKind::kRetained, .priority = 70, .ttl = absl::Minutes(2),
            .ranges = {{0, 8, 90, absl::Hours(1)}}}}) {
    header.pin = pin;
    ArchiveChecksum before;
    before.Add(header);
    ArchiveChecksum after;
    after.Add(std::get<ArchiveHeader>(Back(header)));
    EXPECT_EQ(before.value(), after.value());
    EXPECT_NE(before.value(), none.value());
  }
}

}  // namespace
}  // namespace pintle

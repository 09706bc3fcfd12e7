// SPDX-License-Identifier: Apache-2.0
#include "sessions/archive_checksum.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(ArchiveChecksumTest, OrderAndEveryFieldCount) {
  TranscriptTurn turn;
  turn.messages = {Message{"user", "ab", {}, {}, {}}};
  turn.tokens = {1, 2};
  std::set<std::uint64_t> sums;
  const auto add = [&](const TranscriptTurn& first, const TranscriptTurn& second) {
    ArchiveChecksum sum;
    sum.Add(first);
    sum.Add(second);
    sums.insert(sum.value());
  };
  TranscriptTurn other = turn;
  add(turn, turn);
  other.tokens = {2, 1};
  add(turn, other);
  add(other, turn);
  other = turn;
  // The same letters, divided differently.
  other.messages[0].role = std::string("usera");
  other.messages[0].text = std::string("b");
  add(turn, other);
  other = turn;
  other.closed = true;
  add(turn, other);
  EXPECT_EQ(sums.size(), 5U);
}

TEST(ArchiveChecksumTest, APortionsSumIsOfItsBytes) {
  EXPECT_NE(PortionChecksum("abc"), PortionChecksum("abd"));
  EXPECT_EQ(PortionChecksum("abc"), PortionChecksum("abc"));
}

}  // namespace
}  // namespace pintle

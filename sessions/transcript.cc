// SPDX-License-Identifier: Apache-2.0
#include "sessions/transcript.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/check.h"
#include "contract/errors.h"

namespace pintle {

Transcript::Transcript() {
  // One empty list for all: a new session allocates nothing for it.
  static const auto& empty = *new std::shared_ptr<const Rows>(std::make_shared<const Rows>());
  rows_ = empty;
}

Position Transcript::PositionAt(std::int32_t count) const {
  PINTLE_CHECK(count >= 0 && count <= turns(), "a transcript has no such prefix");
  return count == 0 ? 0 : RowAt(count - 1).end;
}

std::uint64_t Transcript::DigestAt(std::int32_t count) const {
  PINTLE_CHECK(count >= 0 && count <= turns(), "a transcript has no such prefix");
  return count == 0 ? kEmptyTranscriptDigest : RowAt(count - 1).digest;
}

std::vector<TranscriptTurn> Transcript::From(std::int32_t first) const {
  std::vector<TranscriptTurn> copies;
  copies.reserve(static_cast<std::size_t>(turns() - first));
  for (std::int32_t i = first; i < turns(); ++i) copies.push_back(turn(i));
  return copies;
}

absl::StatusOr<Transcript> Transcript::Commit(const TurnPrepared& prepared,
                                              const TurnFinished& finished) const {
  const std::int32_t kept = prepared.kept_turns;
  if (kept < 0 || kept > turns() || prepared.truncated_to != PositionAt(kept)) {
    return MakeError(
        Reason::kModelFailed,
        absl::StrCat("the worker kept ", kept, " turns up to position ", prepared.truncated_to,
                     " of a transcript of ", turns(), " turns and ", position(), " tokens"));
  }
  auto turn = std::make_shared<const TranscriptTurn>(CommittedTurn(prepared, finished));
  auto rows = std::make_shared<Rows>();
  rows->reserve(static_cast<std::size_t>(kept) + 1);
  rows->assign(rows_->begin(), rows_->begin() + kept);
  Row row;
  row.end = PositionAt(kept) + static_cast<Position>(turn->tokens.size());
  row.digest = ExtendTranscriptDigest(DigestAt(kept), turn->tokens);
  row.turn = std::move(turn);
  rows->push_back(std::move(row));
  Transcript result;
  result.rows_ = std::move(rows);
  return result;
}

}  // namespace pintle

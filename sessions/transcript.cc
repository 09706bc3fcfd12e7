// SPDX-License-Identifier: Apache-2.0
#include "sessions/transcript.h"

#include <algorithm>
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

void Transcript::Append(TranscriptTurn turn, Rows& rows) {
  Row row;
  row.end = (rows.empty() ? 0 : rows.back().end) + static_cast<Position>(turn.tokens.size());
  row.digest = ExtendTranscriptDigest(rows.empty() ? kEmptyTranscriptDigest : rows.back().digest,
                                      turn.tokens);
  row.turn = std::make_shared<const TranscriptTurn>(std::move(turn));
  rows.push_back(std::move(row));
}

Transcript Transcript::Of(std::vector<TranscriptTurn> turns) {
  auto rows = std::make_shared<Rows>();
  rows->reserve(turns.size());
  for (TranscriptTurn& turn : turns) Append(std::move(turn), *rows);
  Transcript result;
  result.rows_ = std::move(rows);
  return result;
}

std::int32_t Transcript::WholeTurns(Position position) const {
  const auto end = std::partition_point(rows_->begin(), rows_->end(), [position](const Row& row) {
    return row.end <= position;
  });
  return static_cast<std::int32_t>(end - rows_->begin());
}

Transcript Transcript::Cut(Position position) const {
  PINTLE_CHECK(position >= 0 && position <= this->position(), "a transcript is cut within it");
  if (position == this->position()) return *this;
  const std::int32_t whole = WholeTurns(position);
  auto rows = std::make_shared<Rows>(rows_->begin(), rows_->begin() + whole);
  const Position rest = position - PositionAt(whole);
  if (rest > 0) {
    TranscriptTurn raw;
    const std::vector<TokenId>& tokens = turn(whole).tokens;
    raw.tokens.assign(tokens.begin(), tokens.begin() + rest);
    Append(std::move(raw), *rows);
  }
  Transcript result;
  result.rows_ = std::move(rows);
  return result;
}

}  // namespace pintle

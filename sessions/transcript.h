// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_TRANSCRIPT_H_
#define PINTLE_SESSIONS_TRANSCRIPT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "contract/ids.h"
#include "contract/turn.h"

namespace pintle {

// A session's transcript as an immutable value: copies share the turns, so that a snapshot costs
// O(1) and a commit O(turns), never O(tokens).
// Thread: immutable, hence safe anywhere.
class Transcript {
 public:
  // Empty.
  Transcript();

  std::int32_t turns() const { return static_cast<std::int32_t>(rows_->size()); }
  const TranscriptTurn& turn(std::int32_t index) const { return *RowAt(index).turn; }
  // Tokens of the whole, and of its first `count` turns. Requires: 0 <= count <= turns().
  Position position() const { return PositionAt(turns()); }
  Position PositionAt(std::int32_t count) const;
  // TranscriptDigest of the same.
  std::uint64_t digest() const { return DigestAt(turns()); }
  std::uint64_t DigestAt(std::int32_t count) const;
  // Copies of the turns from `first` on.
  std::vector<TranscriptTurn> From(std::int32_t first) const;
  // Of whole turns.
  static Transcript Of(std::vector<TranscriptTurn> turns);
  // How many turns lie wholly within the first `position` tokens.
  std::int32_t WholeTurns(Position position) const;
  // The first `position` tokens: the turns that lie within them, and, when the cut goes through a
  // turn, its ids up to there as a raw turn without messages. So the ids of what follows stay what
  // they were; a later chat is rendered anew behind a raw turn. Requires: 0 <= position <=
  // position().
  Transcript Cut(Position position) const;
  // The transcript after a turn, as CommitToTranscript says. INTERNAL when `prepared` names turns
  // or tokens that are not there: a worker that says so worked from something else.
  absl::StatusOr<Transcript> Commit(const TurnPrepared& prepared,
                                    const TurnFinished& finished) const;

 private:
  struct Row {
    std::shared_ptr<const TranscriptTurn> turn;  // shared by all versions that hold the turn
    Position end = 0;                            // tokens up to here
    std::uint64_t digest = 0;                    // digest up to here
  };
  using Rows = std::vector<Row>;

  static void Append(TranscriptTurn turn, Rows& rows);
  const Row& RowAt(std::int32_t index) const { return (*rows_)[static_cast<std::size_t>(index)]; }

  std::shared_ptr<const Rows> rows_;  // shared by snapshots; never null
};

}  // namespace pintle

#endif  // PINTLE_SESSIONS_TRANSCRIPT_H_

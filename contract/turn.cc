// SPDX-License-Identifier: Apache-2.0
#include "contract/turn.h"

#include <cstddef>
#include <iterator>
#include <utility>

#include "contract/check.h"

namespace pintle {

bool MergeChunk(TurnChunk& chunk, TurnChunk&& next) {
  const std::size_t end = static_cast<std::size_t>(chunk.first_index) + chunk.tokens.size();
  if (next.choice != chunk.choice || static_cast<std::size_t>(next.first_index) != end) {
    return false;
  }
  chunk.tokens.insert(chunk.tokens.end(), next.tokens.begin(), next.tokens.end());
  chunk.text += next.text;
  chunk.logprobs.insert(chunk.logprobs.end(), std::make_move_iterator(next.logprobs.begin()),
                        std::make_move_iterator(next.logprobs.end()));
  return true;
}

std::uint64_t ExtendTranscriptDigest(std::uint64_t digest, absl::Span<const TokenId> tokens) {
  // FNV-1a over the ids with a finalising multiply per id: stable across processes and builds,
  // which absl::Hash is not.
  for (const TokenId token : tokens) {
    digest ^= static_cast<std::uint32_t>(token);
    digest *= 0x100000001b3ULL;
    digest ^= digest >> 29;
  }
  return digest;
}

std::uint64_t TranscriptDigest(const std::vector<TranscriptTurn>& turns, std::size_t count) {
  std::uint64_t digest = kEmptyTranscriptDigest;
  for (std::size_t i = 0; i < count && i < turns.size(); ++i) {
    digest = ExtendTranscriptDigest(digest, turns[i].tokens);
  }
  return digest;
}

TranscriptTurn CommittedTurn(const TurnPrepared& prepared, const TurnFinished& finished) {
  TranscriptTurn turn;
  turn.messages = prepared.messages;
  if (!finished.answer.role.empty()) turn.messages.push_back(finished.answer);
  turn.tokens = prepared.appended;
  turn.tokens.insert(turn.tokens.end(), finished.output.begin(), finished.output.end());
  turn.output_tokens = static_cast<std::int32_t>(finished.output.size());
  turn.closed = finished.closed;
  turn.tools_json = prepared.tools_json;
  turn.template_arguments_json = prepared.template_arguments_json;
  return turn;
}

std::vector<TranscriptTurn> CommitToTranscript(const std::vector<TranscriptTurn>& turns,
                                               const TurnPrepared& prepared,
                                               const TurnFinished& finished) {
  const auto kept = static_cast<std::size_t>(prepared.kept_turns);
  PINTLE_CHECK(kept <= turns.size(), "a turn cannot keep more turns than there are");
  std::vector<TranscriptTurn> result(turns.begin(),
                                     turns.begin() + static_cast<std::ptrdiff_t>(kept));
  result.push_back(CommittedTurn(prepared, finished));
  return result;
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "contract/turn.h"

namespace pintle {

std::uint64_t TranscriptDigest(const std::vector<TranscriptTurn>& turns, std::size_t count) {
  // FNV-1a over the ids with a finalising multiply per id: stable across processes and builds, which
  // absl::Hash is not.
  std::uint64_t digest = 0xcbf29ce484222325ULL;
  for (std::size_t i = 0; i < count && i < turns.size(); ++i) {
    for (const TokenId token : turns[i].tokens) {
      digest ^= static_cast<std::uint32_t>(token);
      digest *= 0x100000001b3ULL;
      digest ^= digest >> 29;
    }
  }
  return digest;
}

}  // namespace pintle

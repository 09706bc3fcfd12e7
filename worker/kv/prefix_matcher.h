// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_PREFIX_MATCHER_H_
#define PINTLE_WORKER_KV_PREFIX_MATCHER_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "contract/ids.h"
#include "worker/kv/block_hash.h"
#include "worker/kv/block_pool.h"
#include "worker/kv/prefix_index.h"
#include "worker/kv/session_table.h"

namespace pintle::kv {

// The blocks that already hold the start of a prompt, and who they were found through. The last
// block may be used only in part: then Total() is no multiple of the block size.
struct MatchedChain {
  absl::Span<const BlockIndex> blocks;
  std::int32_t session_tokens = 0;  // these come first
  std::int32_t prefix_tokens = 0;

  std::int32_t Total() const { return session_tokens + prefix_tokens; }
};

// Walks a prompt along the session's own chain, then through the prefix index. Within a block only
// the session's own chain, and a block that would be reused but for its last token, match in part.
// Thread: confined to the engine thread; the answer lives until the next Match. Fails: does not.
class PrefixMatcher {
 public:
  PrefixMatcher(const BlockPool& pool, const PrefixIndex& index, const BlockHash& hash,
                std::int32_t blocks_max);

  // At most all tokens but one, so that the last one's logits are computed. `session` may be null;
  // `root` is the namespace's hash. O(tokens).
  MatchedChain Match(const Session* session, std::int32_t space, const Hash128& root,
                     absl::Span<const TokenId> tokens);

 private:
  // Writes the session's chain to own_, first block first.
  void ListChain(const Session& session);

  const BlockPool& pool_;
  const PrefixIndex& index_;
  const BlockHash& hash_;
  std::vector<BlockIndex> own_;
  std::vector<BlockIndex> matched_;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_PREFIX_MATCHER_H_

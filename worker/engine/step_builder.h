// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_STEP_BUILDER_H_
#define PINTLE_WORKER_ENGINE_STEP_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/ids.h"
#include "worker/engine/active_turn.h"
#include "worker/kv/kv_cache.h"
#include "worker/model/seam/step_batch.h"

namespace pintle {

// From "this choice computes its next rows" to a StepBatch, and back from its rows to choices.
// Thread: confined to the engine thread. The batch points into turns and cache: neither may change
// before the step was collected. Fails: Add only.
class StepBuilder {
 public:
  // Whose rows a slice holds.
  struct SliceOrigin {
    TurnId turn = 0;
    std::int32_t choice = 0;
    Position start = 0;
    std::int32_t rows = 0;
    std::int32_t prompt_rows = 0;  // of them, at positions of the prompt
    std::int32_t drafts = 0;       // of them, the last: tokens the choice may come to
    std::size_t first_sample = 0;  // of the slice's samples
  };
  // What a SampleRequest was made for.
  struct SampleOrigin {
    std::size_t slice = 0;
    std::int32_t choice = 0;
    Position scores = -1;  // the prompt position it scores; -1 where it samples the next token
    std::int32_t ahead = 0;  // drafts between what is known and the token it samples
  };

  void Clear();
  // Gives the choice's next `rows` tokens blocks and a slice, and asks for what follows from them:
  // scores of prompt positions, the next token where the slice reaches the end of what is known.
  // Rows for `drafts` follow, each sampled as if the drafts before it were the choice's own tokens.
  // Requires: without drafts or to the end of what is known, and the turn does not await its fork.
  // POOL_FULL: no block; the batch is as before.
  absl::Status Add(ActiveTurn& turn, std::int32_t choice, std::int32_t rows, kv::KvCache& cache,
                   absl::Duration now, absl::Span<const TokenId> drafts = {});

  const StepBatch& batch() const { return batch_; }
  const std::vector<SliceOrigin>& slices() const { return slices_; }
  const std::vector<SampleOrigin>& samples() const { return samples_; }
  // Tokens of a slice's rows, and of its drafts.
  absl::Span<const TokenId> RowsOf(std::size_t slice) const;
  absl::Span<const TokenId> DraftsOf(std::size_t slice) const;

 private:
  void AddScores(const ActiveTurn& turn, const SliceOrigin& origin, std::int32_t first_row);
  void AddSamples(const ActiveTurn& turn, const SliceOrigin& origin, std::int32_t first_row);
  void AddSample(const ActiveTurn& turn, std::int32_t choice, std::int32_t row);
  void AddDraftSamples(const ActiveTurn& turn, const SliceOrigin& origin,
                       absl::Span<const TokenId> drafts);

  StepBatch batch_;
  std::vector<SliceOrigin> slices_;    // parallel to batch_.slices
  std::vector<SampleOrigin> samples_;  // parallel to batch_.samples
  // What is known of a choice and its drafts, where there are some; the first contexts_used_ count.
  std::vector<std::vector<TokenId>> contexts_;
  std::size_t contexts_used_ = 0;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_STEP_BUILDER_H_

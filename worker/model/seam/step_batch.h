// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_SEAM_STEP_BATCH_H_
#define PINTLE_WORKER_MODEL_SEAM_STEP_BATCH_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "contract/generation.h"
#include "contract/ids.h"

namespace pintle {

// A run of consecutive positions of one sequence computed in this step: one row for a decoding
// sequence, many for a chunk of a prompt.
struct SequenceSlice {
  SequenceId sequence = 0;
  std::int32_t first_row = 0;  // index of the first row in StepBatch::tokens
  std::int32_t rows = 0;
  Position start = 0;  // position of the first row; rows before it are read from blocks
  // Block i holds positions [i * block_tokens, (i + 1) * block_tokens); covers start + rows.
  absl::Span<const BlockIndex> block_table;
};

// One row whose logits are wanted: sampled, or (prompt_logprobs) only scored against `target`.
struct SampleRequest {
  std::int32_t row = 0;    // index into StepBatch::tokens
  std::int32_t slice = 0;  // index into StepBatch::slices
  // Null for a row that is only scored.
  const ResolvedSampling* sampling = nullptr;
  // Keys of the counter-based generator beside the seed: (choice, index).
  std::int32_t choice = 0;
  std::int32_t index = 0;
  // Whole context including the row's own token, for repetition_penalty; may be empty when off.
  absl::Span<const TokenId> context;
  // Output tokens of this turn so far, for presence and frequency penalties.
  absl::Span<const TokenId> output;
  // Ids that must not be sampled here (EOS and stop ids before min_tokens).
  absl::Span<const TokenId> masked;
  bool logprobs = false;
  std::int32_t top_logprobs = 0;
  TokenId target = -1;  // the token to score when sampling is null
};

// Copies the first `tokens` positions of a block, before the step computes anything.
struct BlockCopy {
  BlockIndex source = kNoBlock;
  BlockIndex target = kNoBlock;
  std::int32_t tokens = 0;
};

// One forward pass as plain data. Rows of a slice are adjacent and in position order.
struct StepBatch {
  std::vector<BlockCopy> copies;
  std::vector<TokenId> tokens;
  std::vector<SequenceSlice> slices;
  std::vector<SampleRequest> samples;

  void Clear() {
    copies.clear();
    tokens.clear();
    slices.clear();
    samples.clear();
  }
};

struct SampledRow {
  // OK, or why this sequence alone cannot go on (MODEL_FAILED on NaN logits).
  absl::Status status;
  TokenId token = -1;
  float logprob = 0.0F;  // of `token` (or of `target`), raw logits in f32; set if logprobs
  std::vector<std::pair<TokenId, float>> top;
};

struct StepResult {
  std::vector<SampledRow> rows;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_MODEL_SEAM_STEP_BATCH_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_SEAM_DECODER_H_
#define PINTLE_WORKER_MODEL_SEAM_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "contract/ids.h"
#include "worker/model/seam/step_batch.h"

namespace pintle {

// What the cache must know of the KV blocks a decoder writes; the content layout stays the
// decoder's secret. v1 has one cache group.
struct KvLayout {
  std::int32_t block_tokens = 0;
  std::size_t block_bytes = 0;      // K and V of all layers for block_tokens positions
  std::size_t bytes_per_token = 0;  // 2 x layers x KV heads x head_dim x bytes of an element
  std::int32_t layers = 0;
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;  // elements of a row; of int8 KV, with the 4 bytes of its scale
  std::int32_t element_bytes = 0;
};

struct DecoderLimits {
  Position context_tokens = 0;  // max_position_embeddings (or as configured)
  std::int32_t vocabulary = 0;
};

// Runs one model's forward passes over paged KV blocks and samples the rows asked for.
// Thread: confined to the engine thread, except the const accessors, safe after creation.
// Owns: weights, block memory, compute buffers. The caller owns which block means what.
// Fails: Launch and Collect return INTERNAL / MODEL_FAILED for a step that broke as a whole; a row
// that broke alone (NaN logits) is reported in its SampledRow and the others stand.
class Decoder {
 public:
  virtual ~Decoder() = default;

  virtual KvLayout Layout() const = 0;
  virtual DecoderLimits Limits() const = 0;
  virtual std::int32_t KvBlocks() const = 0;

  // Preallocates `blocks` KV blocks. Called once, before the first Launch.
  virtual absl::Status AllocateKv(std::int32_t blocks) = 0;

  // Starts a step. The batch and everything its spans point to stay valid and unchanged until
  // Collect returns. Requires: no step under way; every position's block is in its slice's table;
  // positions before a slice's start were written by earlier steps (or copied in).
  virtual absl::Status Launch(const StepBatch& batch) = 0;
  // Waits for the step and returns one SampledRow per SampleRequest, in order. The result's
  // buffers may be reused by the next Collect.
  virtual absl::StatusOr<const StepResult*> Collect() = 0;

  // Copies a block's raw content out of and into the pool, for tiers and tests.
  // Requires: no step under way; bytes.size() == Layout().block_bytes.
  virtual absl::Status ReadBlock(BlockIndex block, absl::Span<std::byte> bytes) const = 0;
  virtual absl::Status WriteBlock(BlockIndex block, absl::Span<const std::byte> bytes) = 0;

  // Copies positions [first, first + count) of a block out of and into the pool in the neutral
  // layout that sessions travel in: keys, then values, each as [layer][KV head][position][head_dim]
  // in the KV dtype, little-endian. Positions of a block that ImportBlock did not reach yet are
  // written by later ones or by steps, in order. Requires: no step under way; the positions lie in
  // the block; bytes.size() == count * Layout().bytes_per_token.
  virtual absl::Status ExportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                                   absl::Span<std::byte> bytes) const = 0;
  virtual absl::Status ImportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                                   absl::Span<const std::byte> bytes) = 0;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_MODEL_SEAM_DECODER_H_

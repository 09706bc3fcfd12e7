// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_ATTENTION_BACKEND_H_
#define PINTLE_WORKER_MODEL_ATTENTION_BACKEND_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "contract/ids.h"
#include "worker/model/seam/decoder.h"
#include "worker/model/seam/step_batch.h"

namespace pintle::model {

// Owner of the KV blocks and of what attends over them: one per device kind. Block size and the
// content of a block are its own business. How a layer's rows are stored and attended is said by
// the device's own interface below this one (CpuPagedAttention, aten::TensorAttention), because
// on a CPU it happens inside a step's threads and on a GPU on tensors.
// Thread: confined to the engine thread. Owns the block memory.
// Fails: Allocate returns RESOURCE_EXHAUSTED / POOL_FULL.
class AttentionBackend {
 public:
  virtual ~AttentionBackend() = default;

  virtual KvLayout Layout() const = 0;
  virtual std::int32_t Blocks() const = 0;
  virtual absl::Status Allocate(std::int32_t blocks) = 0;

  // Does the batch's block copies and prepares what all layers of this step share.
  // Requires: the batch has been checked; it outlives the step.
  virtual void Begin(const StepBatch& batch) = 0;

  // Raw content of one block. Requires: bytes.size() == Layout().block_bytes.
  virtual absl::Status ReadBlock(BlockIndex block, absl::Span<std::byte> bytes) const = 0;
  virtual absl::Status WriteBlock(BlockIndex block, absl::Span<const std::byte> bytes) = 0;
  // The same of some positions in the neutral layout: see Decoder.
  virtual absl::Status ExportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                                   absl::Span<std::byte> bytes) const = 0;
  virtual absl::Status ImportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                                   absl::Span<const std::byte> bytes) = 0;
};

}  // namespace pintle::model

#endif  // PINTLE_WORKER_MODEL_ATTENTION_BACKEND_H_

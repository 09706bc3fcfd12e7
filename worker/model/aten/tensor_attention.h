// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_ATEN_TENSOR_ATTENTION_H_
#define PINTLE_WORKER_MODEL_ATEN_TENSOR_ATTENTION_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "worker/model/attention_backend.h"
#include "worker/model/model_config.h"

namespace pintle::model::aten {

// KV blocks as one tensor [block][layer][key, value][position][KV head][dimension] on any device,
// and how a layer's rows are stored there; how they are attended is the subclass's.
// Thread: confined to the engine thread. Owns the block tensor.
class TensorAttention : public AttentionBackend {
 public:
  TensorAttention(const ModelConfig& config, at::TensorOptions kv, std::int32_t block_tokens);

  KvLayout Layout() const override;
  std::int32_t Blocks() const override { return blocks_; }
  absl::Status Allocate(std::int32_t blocks) override;
  void Begin(const StepBatch& batch) override;
  absl::Status ReadBlock(BlockIndex block, absl::Span<std::byte> bytes) const override;
  absl::Status WriteBlock(BlockIndex block, absl::Span<const std::byte> bytes) override;
  absl::Status ExportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                           absl::Span<std::byte> bytes) const override;
  absl::Status ImportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                           absl::Span<const std::byte> bytes) override;

  // Stores the rows' keys and values (k, v: [rows, KV heads, dim]) and returns the attention of
  // q [rows, heads, dim] over everything up to each row's position.
  at::Tensor Attend(std::int64_t layer, const at::Tensor& q, const at::Tensor& k,
                    const at::Tensor& v);

 protected:
  virtual at::Tensor AttendStored(std::int64_t layer, const at::Tensor& q) = 0;

  // [block][position][KV head][dim] of one layer, a view.
  at::Tensor Keys(std::int64_t layer) const;
  at::Tensor Values(std::int64_t layer) const;
  // A tensor of these whole numbers on the pool's device.
  at::Tensor OnDevice(absl::Span<const std::int64_t> values) const;

  const ModelConfig& config_;
  const at::TensorOptions kv_;
  const std::int32_t block_tokens_;
  const StepBatch* batch_ = nullptr;

 private:
  std::int32_t blocks_ = 0;
  at::Tensor pool_;
  at::Tensor row_blocks_;  // of the step's rows
  at::Tensor row_offsets_;
};

}  // namespace pintle::model::aten

#endif  // PINTLE_WORKER_MODEL_ATEN_TENSOR_ATTENTION_H_

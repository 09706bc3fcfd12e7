// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_ATEN_FLASH_ATTENTION_H_
#define PINTLE_WORKER_MODEL_ATEN_FLASH_ATTENTION_H_

#include "worker/model/aten/tensor_attention.h"

namespace pintle::model::aten {

// LibTorch's paged flash attention: CUDA only, bf16 or f16 KV, blocks of 256 positions. All
// sequences of a step in one call, no gathering.
class FlashAttention final : public TensorAttention {
 public:
  FlashAttention(const ModelConfig& config, at::TensorOptions kv);

  void Begin(const StepBatch& batch) override;

 protected:
  at::Tensor AttendStored(std::int64_t layer, const at::Tensor& q) override;

 private:
  at::Tensor row_ends_;   // rows before each slice, int32, slices + 1
  at::Tensor key_ends_;   // the same of keys
  at::Tensor keys_used_;  // positions each slice sees
  at::Tensor tables_;     // [slices, blocks], padded with 0
  std::int64_t rows_max_ = 0;
  std::int64_t keys_max_ = 0;
};

}  // namespace pintle::model::aten

#endif  // PINTLE_WORKER_MODEL_ATEN_FLASH_ATTENTION_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_ATEN_GATHER_ATTENTION_H_
#define PINTLE_WORKER_MODEL_ATEN_GATHER_ATTENTION_H_

#include "worker/model/aten/tensor_attention.h"

namespace pintle::model::aten {

// Attention of one sequence after the other over gathered copies of its blocks, with LibTorch's
// SDPA: any device, any dtype, slow. For f32 on a GPU and as an oracle in tests.
class GatherAttention final : public TensorAttention {
 public:
  GatherAttention(const ModelConfig& config, at::TensorOptions kv);

 protected:
  at::Tensor AttendStored(std::int64_t layer, const at::Tensor& q) override;
};

}  // namespace pintle::model::aten

#endif  // PINTLE_WORKER_MODEL_ATEN_GATHER_ATTENTION_H_

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/aten/gather_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/logical_and.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <vector>

namespace pintle::model::aten {
namespace {

// As the CPU kernels' blocks, so that tests can feed both the same batches.
constexpr std::int32_t kBlockTokens = 32;

}  // namespace

GatherAttention::GatherAttention(const ModelConfig& config, at::TensorOptions kv)
    : TensorAttention(config, kv, kBlockTokens) {}

at::Tensor GatherAttention::AttendStored(std::int64_t layer, const at::Tensor& q) {
  std::vector<at::Tensor> outputs;
  const std::int64_t group = config_.heads / config_.kv_heads;
  for (const SequenceSlice& slice : batch_->slices) {
    const std::int64_t end = slice.start + slice.rows;
    const std::int64_t used = (end + kBlockTokens - 1) / kBlockTokens;
    std::vector<std::int64_t> table(slice.block_table.begin(), slice.block_table.begin() + used);
    const at::Tensor blocks = OnDevice(table);
    const auto gather = [&](const at::Tensor& pool) {
      return pool.index_select(0, blocks)
          .reshape({used * kBlockTokens, config_.kv_heads, config_.head_dim})
          .narrow(0, 0, end)
          .to(q.scalar_type())
          .repeat_interleave(group, 1)
          .transpose(0, 1)
          .unsqueeze(0);
    };
    const auto whole = at::TensorOptions().dtype(at::kLong).device(q.device());
    const at::Tensor row = at::arange(slice.start, end, whole).unsqueeze(1);
    const at::Tensor column = at::arange(0, end, whole).unsqueeze(0);
    at::Tensor visible = column <= row;
    if (config_.sliding_window > 0) {
      visible = at::logical_and(visible, column > row - config_.sliding_window);
    }
    const at::Tensor queries =
        q.narrow(0, slice.first_row, slice.rows).transpose(0, 1).unsqueeze(0);
    const at::Tensor attended = at::scaled_dot_product_attention(queries, gather(Keys(layer)),
                                                                 gather(Values(layer)), visible);
    outputs.push_back(attended.squeeze(0).transpose(0, 1));
  }
  return at::cat(outputs, 0);
}

}  // namespace pintle::model::aten

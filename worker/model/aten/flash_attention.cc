// SPDX-License-Identifier: Apache-2.0
#include "worker/model/aten/flash_attention.h"

#include <ATen/ops/_flash_attention_forward.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

namespace pintle::model::aten {
namespace {

// The kernel takes pages in multiples of 256 only.
constexpr std::int32_t kBlockTokens = 256;

}  // namespace

FlashAttention::FlashAttention(const ModelConfig& config, at::TensorOptions kv)
    : TensorAttention(config, kv, kBlockTokens) {}

void FlashAttention::Begin(const StepBatch& batch) {
  TensorAttention::Begin(batch);
  std::vector<std::int64_t> row_ends = {0};
  std::vector<std::int64_t> key_ends = {0};
  std::vector<std::int64_t> keys_used;
  rows_max_ = 0;
  keys_max_ = 0;
  for (const SequenceSlice& slice : batch.slices) {
    const std::int64_t keys = slice.start + slice.rows;
    row_ends.push_back(row_ends.back() + slice.rows);
    key_ends.push_back(key_ends.back() + keys);
    keys_used.push_back(keys);
    rows_max_ = std::max<std::int64_t>(rows_max_, slice.rows);
    keys_max_ = std::max(keys_max_, keys);
  }
  const std::int64_t width = (keys_max_ + kBlockTokens - 1) / kBlockTokens;
  std::vector<std::int64_t> tables(batch.slices.size() * static_cast<std::size_t>(width), 0);
  for (std::size_t s = 0; s < batch.slices.size(); ++s) {
    const std::int64_t used = (keys_used[s] + kBlockTokens - 1) / kBlockTokens;
    std::copy_n(batch.slices[s].block_table.begin(), used,
                tables.begin() + static_cast<std::ptrdiff_t>(s) * width);
  }
  row_ends_ = OnDevice(row_ends).to(at::kInt);
  key_ends_ = OnDevice(key_ends).to(at::kInt);
  keys_used_ = OnDevice(keys_used).to(at::kInt);
  tables_ = OnDevice(tables).to(at::kInt).view({-1, width});
}

at::Tensor FlashAttention::AttendStored(std::int64_t layer, const at::Tensor& q) {
  std::optional<c10::SymInt> left;
  std::optional<c10::SymInt> right;
  if (config_.sliding_window > 0) {
    left = c10::SymInt(config_.sliding_window - 1);
    right = c10::SymInt(0);
  }
  const double scale = 1.0 / std::sqrt(static_cast<double>(config_.head_dim));
  const at::Tensor queries = q.to(kv_.dtype()).contiguous();
  return std::get<0>(at::_flash_attention_forward_symint(
                         queries, Keys(layer), Values(layer), row_ends_, key_ends_, rows_max_,
                         keys_max_, /*dropout_p=*/0.0, /*is_causal=*/true,
                         /*return_debug_mask=*/false, scale, left, right, keys_used_,
                         /*alibi_slopes=*/std::nullopt, tables_))
      .to(q.scalar_type());
}

}  // namespace pintle::model::aten

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/aten/tensor_attention.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <cstring>
#include <vector>

#include "contract/check.h"

namespace pintle::model::aten {

TensorAttention::TensorAttention(const ModelConfig& config, at::TensorOptions kv,
                                 std::int32_t block_tokens)
    : config_(config), kv_(kv), block_tokens_(block_tokens) {}

KvLayout TensorAttention::Layout() const {
  KvLayout layout;
  layout.block_tokens = block_tokens_;
  layout.bytes_per_token = 2 * static_cast<std::size_t>(config_.layers) *
                           static_cast<std::size_t>(config_.kv_heads) *
                           static_cast<std::size_t>(config_.head_dim) * kv_.dtype().itemsize();
  layout.block_bytes = layout.bytes_per_token * static_cast<std::size_t>(block_tokens_);
  layout.layers = config_.layers;
  layout.kv_heads = config_.kv_heads;
  layout.head_dim = config_.head_dim;
  layout.element_bytes = static_cast<std::int32_t>(kv_.dtype().itemsize());
  return layout;
}

absl::Status TensorAttention::Allocate(std::int32_t blocks) {
  PINTLE_CHECK(blocks_ == 0 && blocks > 0, "the pool is allocated once");
  // Zeroed: a probability of 0 times leftover NaN would not be 0.
  pool_ = at::zeros({blocks, config_.layers, 2, block_tokens_, config_.kv_heads, config_.head_dim},
                    kv_);
  blocks_ = blocks;
  return absl::OkStatus();
}

at::Tensor TensorAttention::OnDevice(absl::Span<const std::int64_t> values) const {
  at::Tensor host = at::empty({static_cast<std::int64_t>(values.size())}, at::kLong);
  std::memcpy(host.data_ptr(), values.data(), values.size() * sizeof(std::int64_t));
  return host.to(kv_.device());
}

void TensorAttention::Begin(const StepBatch& batch) {
  batch_ = &batch;
  for (const BlockCopy& copy : batch.copies) {
    pool_.select(0, copy.target).copy_(pool_.select(0, copy.source));
  }
  std::vector<std::int64_t> blocks(batch.tokens.size());
  std::vector<std::int64_t> offsets(batch.tokens.size());
  for (const SequenceSlice& slice : batch.slices) {
    for (std::int32_t i = 0; i < slice.rows; ++i) {
      const auto row = static_cast<std::size_t>(slice.first_row + i);
      const Position position = slice.start + i;
      blocks[row] = slice.block_table[static_cast<std::size_t>(position / block_tokens_)];
      offsets[row] = position % block_tokens_;
    }
  }
  row_blocks_ = OnDevice(blocks);
  row_offsets_ = OnDevice(offsets);
}

at::Tensor TensorAttention::Keys(std::int64_t layer) const {
  return pool_.select(1, layer).select(1, 0);
}

at::Tensor TensorAttention::Values(std::int64_t layer) const {
  return pool_.select(1, layer).select(1, 1);
}

at::Tensor TensorAttention::Attend(std::int64_t layer, const at::Tensor& q, const at::Tensor& k,
                                   const at::Tensor& v) {
  at::Tensor keys = Keys(layer);
  at::Tensor values = Values(layer);
  keys.index_put_({row_blocks_, row_offsets_}, k.to(kv_.dtype()));
  values.index_put_({row_blocks_, row_offsets_}, v.to(kv_.dtype()));
  return AttendStored(layer, q);
}

absl::Status TensorAttention::ReadBlock(BlockIndex block, absl::Span<std::byte> bytes) const {
  PINTLE_CHECK(block >= 0 && block < blocks_ && bytes.size() == Layout().block_bytes,
               "one whole block");
  const at::Tensor host = pool_.select(0, block).cpu().contiguous();
  std::memcpy(bytes.data(), host.data_ptr(), bytes.size());
  return absl::OkStatus();
}

absl::Status TensorAttention::WriteBlock(BlockIndex block, absl::Span<const std::byte> bytes) {
  PINTLE_CHECK(block >= 0 && block < blocks_ && bytes.size() == Layout().block_bytes,
               "one whole block");
  at::Tensor target = pool_.select(0, block);
  at::Tensor host = at::empty(target.sizes(), kv_.device(at::kCPU));
  std::memcpy(host.data_ptr(), bytes.data(), bytes.size());
  target.copy_(host);
  return absl::OkStatus();
}

// A block is [layer][key or value][position][KV head][dim]; the neutral layout is
// [key or value][layer][KV head][position][dim].
absl::Status TensorAttention::ExportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                                          absl::Span<std::byte> bytes) const {
  PINTLE_CHECK(block >= 0 && block < blocks_ && first >= 0 && first + count <= block_tokens_ &&
                   bytes.size() == static_cast<std::size_t>(count) * Layout().bytes_per_token,
               "positions of one block");
  const at::Tensor host = pool_.select(0, block)
                              .narrow(2, first, count)
                              .permute({1, 0, 3, 2, 4})
                              .cpu()
                              .contiguous();
  std::memcpy(bytes.data(), host.data_ptr(), bytes.size());
  return absl::OkStatus();
}

absl::Status TensorAttention::ImportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                                          absl::Span<const std::byte> bytes) {
  PINTLE_CHECK(block >= 0 && block < blocks_ && first >= 0 && first + count <= block_tokens_ &&
                   bytes.size() == static_cast<std::size_t>(count) * Layout().bytes_per_token,
               "positions of one block");
  at::Tensor target = pool_.select(0, block).narrow(2, first, count).permute({1, 0, 3, 2, 4});
  at::Tensor host = at::empty(target.sizes(), kv_.device(at::kCPU));
  std::memcpy(host.data_ptr(), bytes.data(), bytes.size());
  target.copy_(host);
  return absl::OkStatus();
}

}  // namespace pintle::model::aten

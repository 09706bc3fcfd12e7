// SPDX-License-Identifier: Apache-2.0
#include "bench/kernels/kernel_load.h"

#include <bit>
#include <cstring>
#include <random>

#include "contract/check.h"
#include "worker/model/cpu/packed_matrix.h"
#include "worker/model/cpu/stage_shares.h"
#include "worker/model/cpu/step_buffers.h"
#include "worker/model/cpu/thread_share.h"

namespace pintle::bench {
namespace {

using model::cpu::CodePanel;
using model::cpu::ComputePool;
using model::cpu::CpuPagedAttention;
using model::cpu::Element;
using model::cpu::Epilogue;
using model::cpu::KernelTable;
using model::cpu::kPanelColumns;
using model::cpu::PanelBytes;
using model::cpu::Product;
using model::cpu::RowBytes;
using model::cpu::StageShares;
using model::cpu::ThreadShare;
using model::cpu::WeightArena;

// More than any last-level cache of the machines at hand.
constexpr std::size_t kWorkingBytes = std::size_t{256} << 20;

// Small numbers whose sums stay small: speed must not depend on denormals or infinities.
void FillBf16(std::byte* at, std::size_t bytes) {
  std::uint32_t state = 1;
  for (std::size_t i = 0; i + 2 <= bytes; i += 2) {
    state = state * 1664525U + 1013904223U;
    const auto half = static_cast<std::uint16_t>(0x3c00U | ((state >> 16) & 0x807fU));
    std::memcpy(at + i, &half, 2);
  }
}

}  // namespace

LinearLoad::LinearLoad(const KernelTable& kernels, Element weights, std::int32_t k,
                       std::int32_t columns, std::int32_t rows, Epilogue epilogue)
    : kernels_(kernels),
      element_(weights),
      k_(k),
      columns_(columns),
      rows_(rows),
      epilogue_(epilogue),
      matrix_bytes_(static_cast<std::size_t>(columns / kPanelColumns) * PanelBytes(weights, k)),
      matrices_(static_cast<std::int32_t>(kWorkingBytes / matrix_bytes_) + 1) {
  auto memory = WeightArena::Reserve(matrix_bytes_ * static_cast<std::size_t>(matrices_));
  PINTLE_CHECK(memory.ok(), "a quarter of a GiB must be there");
  weights_ = *std::move(memory);
  FillWeights();
  const auto size = static_cast<std::size_t>(rows);
  activations_.resize(size * RowBytes(static_cast<std::size_t>(k) * 4));
  FillBf16(activations_.data(), activations_.size());
  out_.resize(size * RowBytes(static_cast<std::size_t>(columns) * 4) / 4);
  gated_.resize(size * RowBytes(static_cast<std::size_t>(columns) * 4));
}

// Bell-shaped like trained weights, because coded panels take their shape from it.
void LinearLoad::FillWeights() {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.0F, 0.05F);
  std::vector<std::uint16_t> panel(static_cast<std::size_t>(k_) * kPanelColumns);
  const std::size_t panel_bytes = PanelBytes(element_, k_);
  for (std::uint16_t& weight : panel) {
    weight = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(normal(random)) >> 16);
  }
  if (element_ == Element::kCodedBf16) codes_.resize(static_cast<std::size_t>(matrices_));
  std::byte* at = weights_->base();
  for (std::int32_t m = 0; m < matrices_; ++m) {
    for (std::int32_t p = 0; p < columns_ / kPanelColumns; ++p, at += panel_bytes) {
      if (element_ == Element::kCodedBf16) {
        codes_[static_cast<std::size_t>(m)].Append(
            CodePanel(panel.data(), k_, reinterpret_cast<std::uint8_t*>(at)));
      } else {
        std::memcpy(at, panel.data(), panel_bytes);
      }
    }
  }
}

void LinearLoad::Run(ComputePool& pool) {
  Product product;
  product.a = activations_.data();
  // Rows lie as in the forward pass's buffers.
  product.a_stride = RowBytes(static_cast<std::size_t>(k_) * 2) / 2;
  product.rows = rows_;
  product.k = k_;
  product.weights = element_;
  product.epilogue = epilogue_;
  product.out = out_.data();
  product.out_stride = RowBytes(static_cast<std::size_t>(columns_) * 4) / 4;
  product.columns = columns_;
  product.activations = gated_.data();
  product.activations_stride = RowBytes(static_cast<std::size_t>(columns_)) / 2;
  pool.Run([&](int thread) {
    Product mine = product;
    const ThreadShare share(columns_ / kPanelColumns, pool.threads(), thread);
    for (std::int32_t m = 0; m < matrices_; ++m) {
      mine.panels = weights_->base() + static_cast<std::size_t>(m) * matrix_bytes_;
      if (!codes_.empty()) mine.coded = codes_[static_cast<std::size_t>(m)].View();
      kernels_.multiply(mine, share.begin, share.end);
      pool.Wait();
    }
  });
}

double LinearLoad::weight_bytes() const {
  return 2.0 * k_ * columns_ * matrices_;
}

double LinearLoad::operations() const { return weight_bytes() * rows_; }

AttentionLoad::AttentionLoad(const model::ModelConfig& config, const KernelTable& kernels,
                             int threads, std::int32_t streams, std::int32_t context,
                             std::int32_t rows)
    : config_(config),
      attention_(config, kernels, Element::kBfloat16, threads),
      element_bytes_(kernels.activation == Element::kBfloat16 ? 2 : 4) {
  const std::int32_t width = model::cpu::kBlockTokens;
  const std::int32_t per_stream = (context + rows + width - 1) / width;
  PINTLE_CHECK(attention_.Allocate(per_stream * streams).ok(), "the KV pool must fit");
  std::vector<std::byte> block(attention_.Layout().block_bytes);
  FillBf16(block.data(), block.size());
  for (BlockIndex b = 0; b < per_stream * streams; ++b) {
    PINTLE_CHECK(attention_.WriteBlock(b, block).ok(), "the block is of the pool");
  }
  const std::size_t head = static_cast<std::size_t>(config.heads) *
                           static_cast<std::size_t>(config.head_dim);
  for (std::int32_t s = 0; s < streams; ++s) {
    tables_.emplace_back();
    // As a pool in use hands blocks out: not in memory's order.
    for (std::int32_t b = 0; b < per_stream; ++b) tables_.back().push_back(b * streams + s);
  }
  for (std::int32_t s = 0; s < streams; ++s) {
    SequenceSlice slice;
    slice.sequence = static_cast<std::size_t>(s);
    slice.first_row = static_cast<std::int32_t>(batch_.tokens.size());
    slice.rows = rows;
    slice.start = context;
    slice.block_table = tables_[static_cast<std::size_t>(s)];
    batch_.slices.push_back(slice);
    for (std::int32_t r = 0; r < rows; ++r) {
      batch_.tokens.push_back(0);
      operations_ += 4.0 * static_cast<double>(head) * (context + r + 1);
    }
  }
  kv_bytes_ = static_cast<double>(attention_.Layout().bytes_per_token) / config.layers *
              (context + rows) * streams;
  q_.assign(batch_.tokens.size() * head, 0.01F);
  out_.resize(q_.size() * 4);
  attention_.Begin(batch_);
}

void AttentionLoad::Run(ComputePool& pool) {
  CpuPagedAttention::Rows rows;
  const auto dim = static_cast<std::size_t>(config_.head_dim);
  rows.q = q_.data();
  rows.q_row_stride = dim * static_cast<std::size_t>(config_.heads);
  rows.q_head_stride = dim;
  rows.out = out_.data();
  rows.out_row_stride = rows.q_row_stride;
  rows.out_head_stride = dim;
  rows.out_element_bytes = element_bytes_;
  StageShares shares(pool.threads());
  pool.Run([&](int thread) {
    for (std::int32_t layer = 0; layer < config_.layers; ++layer) {
      attention_.Attend(layer, thread, rows, shares);
      pool.Wait();
    }
  });
}

}  // namespace pintle::bench

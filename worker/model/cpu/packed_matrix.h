// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_PACKED_MATRIX_H_
#define PINTLE_WORKER_MODEL_CPU_PACKED_MATRIX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/model/cpu/coded_panels.h"
#include "worker/model/cpu/compute_pool.h"
#include "worker/model/cpu/kernel_table.h"
#include "worker/model/cpu/weight_arena.h"
#include "worker/model/model_weights.h"

namespace pintle::model::cpu {

// Which matrix row becomes a packed column; no matrix means a column of zeros.
struct ColumnSource {
  const LinearWeights* linear = nullptr;
  std::int32_t row = 0;
};

// Bytes of one element, and elements that an activation row of `k` occupies (kernel_table.h).
std::size_t ElementBytes(Element element);
std::size_t RowElements(Element element, std::size_t k);
// Bytes of one panel of weights with `k` inputs.
std::size_t PanelBytes(Element element, std::int32_t k);

// Copies a row of a tensor [rows, width] into floats.
void LoadRow(const TensorView& tensor, std::int64_t row, std::int32_t width, float* out);

// A weight matrix in panels (kernel_table.h), in the order its epilogue wants the columns.
// Thread: immutable once packed. Borrows its panels from the arena. Cannot fail.
class PackedMatrix {
 public:
  PackedMatrix() = default;

  // `columns` has a multiple of kPanelColumns entries. Inputs beyond `inputs` up to `padded_inputs`
  // are zeros.
  // Whole numbers: byte_panels.h. Coded bf16 becomes plain bf16 where codes would not make it
  // smaller.
  static PackedMatrix Pack(const std::vector<ColumnSource>& columns, std::int32_t inputs,
                           std::int32_t padded_inputs, Element element, ComputePool& pool,
                           WeightArena& arena);

  std::int32_t panels() const { return panels_; }
  std::int32_t k() const { return k_; }

  // A product with these weights; the caller adds activations and outputs.
  Product Of(const void* a, std::size_t a_stride, std::int32_t rows) const;

 private:
  const std::byte* data_ = nullptr;
  std::int32_t panels_ = 0;
  std::int32_t k_ = 0;
  Element element_ = Element::kFloat32;
  std::vector<float> bias_;    // empty when no source has one
  CodedPanels coded_;          // of coded bf16
};

// Columns in the matrix's own order, padded with zeros to whole panels.
std::vector<ColumnSource> PlainColumns(const LinearWeights& linear, std::int32_t outputs);

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_PACKED_MATRIX_H_

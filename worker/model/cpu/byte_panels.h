// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_BYTE_PANELS_H_
#define PINTLE_WORKER_MODEL_CPU_BYTE_PANELS_H_

#include <cstdint>

#include "worker/model/cpu/kernel_table.h"

namespace pintle::model::cpu {

// Writing panels of whole numbers (kernel_table.h). `rows` holds a panel's kPanelColumns columns,
// one after another, `k` inputs each. Pure functions; the panel's padding is zeroed memory and
// stays so. Columns are worked on side by side, because that is what a compiler makes vectors of:
// a model has many times more groups than a load has milliseconds.

// kInt8: each group of a column is whole steps of its largest weight / 127.
void WriteInt8Groups(const float* rows, std::int32_t k, std::uint8_t* panel);

// kInt8Quad: the same of columns whose inputs have been spread.
void WriteInt8Quads(const float* rows, std::int32_t k, std::uint8_t* panel);

// kInt4: each group of a column is a line of 16 steps, fitted for the least squared error.
void WriteInt4Groups(const float* rows, std::int32_t k, std::uint8_t* panel);

// Replaces each whole block of kSpreadInputs of a column, or row, of `k` by its product with a
// Hadamard matrix over 8, which is its own inverse: dot products of two that are spread are what
// they were, but for rounding, and a value far larger than its neighbours becomes 64 equal ones.
// What is left over stays.
void SpreadInputs(float* x, std::int32_t k);

// w = scale * q + least, q in [0, 15]; both are exact in bf16.
struct Int4Line {
  float scale = 0.0F;
  float least = 0.0F;
};

// For each of kPanelColumns columns, x[i][column], the line through the range of its `n` values, or
// one through less of it where the far ends cost less than the finer steps bring, refitted to what
// its own rounding chose. `steps` gets the q of all, in x's order.
// Requires: 1 <= n <= kInt4Group.
void FitInt4(const float* x, std::int32_t n, Int4Line* lines, float* steps);

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_BYTE_PANELS_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_BYTE_PANELS_H_
#define PINTLE_WORKER_MODEL_CPU_BYTE_PANELS_H_

#include <cstdint>

namespace pintle::model::cpu {

// Writing the panels that rows of bytes are multiplied with (kernel_table.h). `rows` holds a
// panel's kPanelColumns columns, one after another, `k` inputs each. Pure functions; the panel's
// padding is zeroed memory and stays so.

// kInt8Quad: each group of a column is whole steps of its largest weight / 127.
void WriteInt8Quads(const float* rows, std::int32_t k, std::uint8_t* panel);

// kInt4: each group of a column is a line of 16 steps, fitted for the least squared error.
void WriteInt4Groups(const float* rows, std::int32_t k, std::uint8_t* panel);

// w = scale * q + least, q in [0, 15]; both are exact in bf16.
struct Int4Line {
  float scale = 0.0F;
  float least = 0.0F;
};

// The line through the range of `x`, or one through less of it where the far ends cost less than
// the finer steps bring, refitted to what its own rounding chose. `steps` gets the q of all `n`
// values. Requires: 1 <= n <= kGroupInputs.
Int4Line FitInt4(const float* x, std::int32_t n, float* steps);

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_BYTE_PANELS_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_STEP_BUFFERS_H_
#define PINTLE_WORKER_MODEL_CPU_STEP_BUFFERS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pintle::model::cpu {

// Bytes from one row to the next: an odd number of cache lines, because rows a power of two apart
// would all fall into the same few sets of the caches.
inline std::size_t RowBytes(std::size_t bytes) { return ((bytes + 63) / 64 | 1) * 64; }

// Rows of one kind of intermediate result; grows when a step has more rows than any before it.
template <typename T>
class RowBuffer {
 public:
  void SetWidth(std::size_t width) {
    width_ = width;
    stride_ = RowBytes(width * sizeof(T)) / sizeof(T);
  }
  std::size_t width() const { return width_; }
  std::size_t stride() const { return stride_; }  // elements from one row to the next
  void Reserve(std::size_t rows) {
    if (values_.size() < rows * stride_) values_.resize(rows * stride_);
  }
  T* Row(std::int32_t row) { return values_.data() + static_cast<std::size_t>(row) * stride_; }

 private:
  std::size_t width_ = 0;
  std::size_t stride_ = 0;
  std::vector<T> values_;
};

// What lives between the stages of a step. Bytes are elements of the kernels' choice.
struct StepBuffers {
  RowBuffer<float> hidden;          // the residual stream
  RowBuffer<float> heads;           // q, k and v heads, each padded to whole panels
  RowBuffer<std::byte> attended;    // attention's output
  RowBuffer<std::byte> gated;       // silu(gate) x up
  RowBuffer<std::byte> activations;  // what is multiplied next, shared by all threads: many rows
  std::vector<RowBuffer<std::byte>> private_activations;  // per thread, for few rows
  RowBuffer<float> cosines;
  RowBuffer<float> sines;
  RowBuffer<float> logits;
};

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_STEP_BUFFERS_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_BENCH_KERNELS_KERNEL_LOAD_H_
#define PINTLE_BENCH_KERNELS_KERNEL_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "worker/model/cpu/coded_panels.h"
#include "worker/model/cpu/compute_pool.h"
#include "worker/model/cpu/cpu_paged_attention.h"
#include "worker/model/cpu/kernel_table.h"
#include "worker/model/cpu/weight_arena.h"
#include "worker/model/model_config.h"
#include "worker/model/seam/step_batch.h"

namespace pintle::bench {

// A linear layer's product repeated over as many equal matrices as fill more than the caches.
class LinearLoad {
 public:
  // `k` inputs, `columns` outputs (a multiple of a panel's); `weights` is bf16, plain or coded.
  LinearLoad(const model::cpu::KernelTable& kernels, model::cpu::Element weights, std::int32_t k,
             std::int32_t columns, std::int32_t rows, model::cpu::Epilogue epilogue);
  // One product with each matrix.
  void Run(model::cpu::ComputePool& pool);
  // Of plain bf16, whatever they take as they are packed.
  double weight_bytes() const;
  double operations() const;

 private:
  void FillWeights();

  const model::cpu::KernelTable& kernels_;
  model::cpu::Element element_;
  std::int32_t k_;
  std::int32_t columns_;
  std::int32_t rows_;
  model::cpu::Epilogue epilogue_;
  std::size_t matrix_bytes_;
  std::int32_t matrices_;
  std::unique_ptr<model::cpu::WeightArena> weights_;
  std::vector<model::cpu::CodedPanels> codes_;  // by matrix, of coded ones
  std::vector<std::byte> activations_;
  std::vector<float> out_;
  std::vector<std::byte> gated_;
};

// One layer's attention after another: `streams` sequences of `context` cached positions, `rows`
// new ones each.
class AttentionLoad {
 public:
  AttentionLoad(const model::ModelConfig& config, const model::cpu::KernelTable& kernels,
                int threads, std::int32_t streams, std::int32_t context, std::int32_t rows);
  void Run(model::cpu::ComputePool& pool);
  double kv_bytes() const { return kv_bytes_; }
  double operations() const { return operations_; }

 private:
  const model::ModelConfig& config_;
  model::cpu::CpuPagedAttention attention_;
  std::vector<std::vector<BlockIndex>> tables_;
  StepBatch batch_;
  std::vector<float> q_;
  std::vector<std::byte> out_;
  std::size_t element_bytes_;
  double kv_bytes_ = 0.0;
  double operations_ = 0.0;
};

}  // namespace pintle::bench

#endif  // PINTLE_BENCH_KERNELS_KERNEL_LOAD_H_

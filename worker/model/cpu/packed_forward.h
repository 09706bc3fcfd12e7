// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_PACKED_FORWARD_H_
#define PINTLE_WORKER_MODEL_CPU_PACKED_FORWARD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "worker/model/cpu/compute_pool.h"
#include "worker/model/cpu/core_pinning.h"
#include "worker/model/cpu/cpu_isa.h"
#include "worker/model/cpu/cpu_paged_attention.h"
#include "worker/model/cpu/packed_matrix.h"
#include "worker/model/cpu/phase_clock.h"
#include "worker/model/cpu/stage_shares.h"
#include "worker/model/cpu/step_buffers.h"
#include "worker/model/cpu/thread_share.h"
#include "worker/model/forward_pass.h"
#include "worker/model/model_config.h"
#include "worker/model/model_weights.h"

namespace pintle::model::cpu {

struct PackedForwardOptions {
  Element weights = Element::kBfloat16;
  Element kv = Element::kBfloat16;
  CpuIsa isa = CpuIsa::kAvx2;
  int threads = 1;
  CorePinning core_pinning = CorePinning::kOff;
  // Told the share done, in [0, 1], while weights are packed.
  std::function<void(double)> progress;
  // Told where the time goes, if not null. Outlives the forward pass.
  PhaseClock* phases = nullptr;
};

// The forward pass on our own kernels: all threads walk the layers together. Of few rows each has
// its own columns of every matrix, five barriers a layer; of many each has its own rows, and waits
// for others only around attention. A row's numbers do not depend on the batch: every sum has a
// fixed order, so batched = alone and chunked = whole bit for bit.
// Thread: confined to the engine thread, which is one of the pool's.
// Owns packed weights, pool, KV and buffers; borrows the embedding rows from the weight source.
// Fails: Create returns RESOURCE_EXHAUSTED when memory is refused; Run cannot fail.
class PackedForward final : public ForwardPass {
 public:
  // `config` and what `weights` points to outlive the object.
  static absl::StatusOr<std::unique_ptr<PackedForward>> Create(const ModelConfig& config,
                                                               const ModelWeights& weights,
                                                               const PackedForwardOptions& options);

  // Bytes of all packed matrices, with their padding and scales.
  static std::size_t WeightBytes(const ModelConfig& config, Element weights);

  AttentionBackend& Attention() override { return attention_; }
  const AttentionBackend& Attention() const override { return attention_; }
  std::string Kernels() const override { return kernels_.name; }
  int Threads() const override { return pool_.threads(); }
  absl::Status Run(const StepBatch& batch, LogitsConsumer consume) override;

 private:
  struct Layer {
    std::vector<float> input_norm;
    PackedMatrix qkv;  // a head starts at a panel: q heads, then k, then v
    std::vector<float> q_norm;
    std::vector<float> k_norm;
    PackedMatrix o;
    std::vector<float> post_norm;
    PackedMatrix gate_up;  // 16 gate and 16 up columns a panel
    PackedMatrix down;
  };

  PackedForward(const ModelConfig& config, const ModelWeights& weights,
                const PackedForwardOptions& options, std::unique_ptr<WeightArena> arena);

  Layer PackLayer(const LayerWeights& weights);
  // Rows of the step that go through some stages together.
  struct Part {
    std::int32_t first = 0;
    std::int32_t rows = 0;
    bool own = false;  // this thread computes all their columns; else all threads share columns
  };

  // Settles row_ends_ for the step under way.
  void ShareRows();
  void Step(int thread, const StepBatch& batch, LogitsConsumer consume);
  void Embed(int thread, const StepBatch& batch);
  void RunLayer(int thread, std::int32_t index);
  void EachPart(int thread, absl::FunctionRef<void(const Part&)> work);
  void Project(int thread, const Part& part, std::int32_t index);
  void FinishHeads(std::int32_t layer_index, const Part& part, std::int32_t first_head,
                   std::int32_t end_head);
  void Transform(int thread, const Part& part, const Layer& layer);
  // Adds a x matrix to the residual stream.
  void AddToHidden(int thread, const Part& part, const PackedMatrix& matrix, const std::byte* a,
                   Phase phase);
  void Score(int thread, const StepBatch& batch, LogitsConsumer consume);
  // Normalizes the rows found by `row_of` into activations of `kernels`, all of which this thread
  // may read.
  const std::byte* Normalize(int thread, const Part& part, const std::vector<float>& weight,
                             const KernelTable& kernels,
                             absl::FunctionRef<std::int32_t(std::int32_t)> row_of);
  // The step's intermediate rows as activations: themselves, or quantised.
  const std::byte* Activate(int thread, const Part& part, RowBuffer<std::byte>& rows,
                            std::int32_t k);
  // Calls make(row, out) for the part's activation rows, `bytes` apart: own rows and few rows each
  // thread makes for itself, many are shared out.
  const std::byte* MakeRows(int thread, const Part& part, std::size_t bytes,
                            absl::FunctionRef<void(std::int32_t, std::byte*)> make);
  // What this thread has to do of `total` rows.
  ThreadShare ShareOf(int thread, const Part& part, std::int32_t total) const {
    return part.own ? ThreadShare(total, 1, 0) : ThreadShare(total, pool_.threads(), thread);
  }
  // Calls work(begin, end) for what this thread does of `total` panels or heads.
  void Share(int thread, const Part& part, std::int32_t total, StageShares::Work work) {
    if (part.own) return work(0, total);
    shares_.Run(thread, total, work);
  }
  std::size_t Stride(std::int32_t k) const;
  void Mark(int thread, Phase phase) {
    if (phases_ != nullptr) phases_->Mark(thread, phase);
  }
  // The pool's barrier, as a phase of its own.
  void Wait(int thread) {
    Mark(thread, Phase::kWait);
    pool_.Wait();
  }
  // Until all threads have done this stage of the part's rows.
  void WaitFor(int thread, const Part& part) {
    if (!part.own) Wait(thread);
  }

  const ModelConfig& config_;
  const Element element_;
  const KernelTable& kernels_;
  const KernelTable& head_kernels_;
  const std::int32_t padded_dim_;
  const std::int32_t padded_intermediate_;
  const std::size_t intermediate_bytes_;
  PhaseClock* const phases_;
  ComputePool pool_;
  std::unique_ptr<WeightArena> arena_;
  StageShares shares_;
  CpuPagedAttention attention_;
  std::vector<float> inverse_frequencies_;
  TensorView embedding_;
  LinearWeights head_weights_;
  std::vector<Layer> layers_;
  std::vector<float> final_norm_;
  PackedMatrix head_;
  StepBuffers buffers_;
  std::int32_t rows_ = 0;  // of the step under way
  // Where each thread's own rows end; empty when threads share columns.
  std::vector<std::int32_t> row_ends_;
};

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_PACKED_FORWARD_H_

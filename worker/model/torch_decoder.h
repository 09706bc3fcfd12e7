// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_TORCH_DECODER_H_
#define PINTLE_WORKER_MODEL_TORCH_DECODER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "worker/model/forward_pass.h"
#include "worker/model/model_config.h"
#include "worker/model/model_info.h"
#include "worker/model/model_weights.h"
#include "worker/model/seam/decoder.h"
#include "worker/model/weight_source.h"
#include "worker/sampling/sampler.h"

namespace pintle::model {

namespace cpu {
class PhaseClock;
}

struct TorchDecoderOptions {
  std::string model_dir;
  std::string name;            // empty: the folder's own name
  std::string device = "cpu";  // or "cuda:N"
  // bf16 | f32 | int8, w8a8, int4 (CPU only) | f16 (CUDA only); empty: bf16, or f32 for f32 models
  std::string dtype;
  // bf16 | f32 | int8 (CPU only); empty: as dtype, bf16 for quantised weights
  std::string kv_dtype;
  int threads = 1;
  // off | on | auto: whether compute threads keep a processor each, the caller's of Collect too
  // (cpu/core_pinning.h). Our kernels only.
  std::string core_pinning = "off";
  // Weakens the kernels for tests: avx2 | avx512 | avx512_bf16 | amx; empty: the processor's best
  // but amx.
  std::string cpu_isa;
  // Runs the LibTorch forward pass on the CPU too: slower, and the second opinion on our kernels.
  bool tensor_forward = false;
  // Told the share of loading done, in [0, 1].
  std::function<void(double)> progress;
  // Told where the CPU kernels' time goes, if not null. Outlives the decoder.
  cpu::PhaseClock* phases = nullptr;
};

// What a folder would become, read without loading it.
struct ModelOutline {
  std::string name;
  ModelConfig config;
  std::string dtype;
  std::string kv_dtype;
  KvLayout layout;                 // on cuda, that of the flash kernels
  std::int64_t file_bytes = 0;     // of the tensors the decoder reads, as the files hold them
  std::int64_t weight_bytes = 0;  // of all tensors in `dtype`; quantised: as packed, with scales
};

// The Decoder of real models: checks a batch, runs the forward pass of its device (our kernels on
// a CPU, LibTorch on a GPU), samples.
// Thread: confined to the engine thread, except Info, Layout, Limits, safe after creation.
// Owns: weights, KV blocks, compute threads.
// Fails: Load returns MODEL_NOT_FOUND, INVALID_FIELD or UNSUPPORTED_OPTION naming the cause.
// LibTorch's exceptions end here and become INTERNAL / MODEL_FAILED.
class TorchDecoder final : public Decoder {
 public:
  static absl::StatusOr<std::unique_ptr<TorchDecoder>> Load(const TorchDecoderOptions& options);
  // The same from parts already read; `info` holds what the folder says. For Load and for tests
  // that change weights or configuration.
  static absl::StatusOr<std::unique_ptr<TorchDecoder>> Create(const ModelConfig& config,
                                                              std::unique_ptr<WeightSource> source,
                                                              ModelInfo info,
                                                              const TorchDecoderOptions& options);
  // What Load would make of the folder: configuration, dtypes, block layout, sizes. Maps the files
  // and reads their headers only. Fails as Load does.
  static absl::StatusOr<ModelOutline> Outline(const TorchDecoderOptions& options);
  ~TorchDecoder() override;

  const ModelInfo& Info() const { return info_; }

  KvLayout Layout() const override;
  DecoderLimits Limits() const override;
  std::int32_t KvBlocks() const override;
  absl::Status AllocateKv(std::int32_t blocks) override;
  absl::Status Launch(const StepBatch& batch) override;
  absl::StatusOr<const StepResult*> Collect() override;
  absl::Status ReadBlock(BlockIndex block, absl::Span<std::byte> bytes) const override;
  absl::Status WriteBlock(BlockIndex block, absl::Span<const std::byte> bytes) override;
  absl::Status ExportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                           absl::Span<std::byte> bytes) const override;
  absl::Status ImportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                           absl::Span<const std::byte> bytes) override;

  // Runs a batch and hands the raw logits of its samples to `consume` instead of sampling.
  absl::Status Logits(const StepBatch& batch, LogitsConsumer consume);

 private:
  TorchDecoder(const ModelConfig& config, std::unique_ptr<WeightSource> source, ModelInfo info);

  absl::Status CreateForward(const TorchDecoderOptions& options);
  absl::Status CheckBatch(const StepBatch& batch) const;

  const ModelConfig config_;
  const std::unique_ptr<WeightSource> source_;
  ModelInfo info_;
  ModelWeights weights_;
  std::unique_ptr<ForwardPass> forward_;
  std::vector<Sampler> samplers_;  // one per compute thread
  const StepBatch* batch_ = nullptr;
  StepResult result_;
};

}  // namespace pintle::model

#endif  // PINTLE_WORKER_MODEL_TORCH_DECODER_H_

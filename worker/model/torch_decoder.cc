// SPDX-License-Identifier: Apache-2.0
#include "worker/model/torch_decoder.h"

#include <exception>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "contract/check.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "worker/model/aten/tensor_forward.h"
#include "worker/model/cpu/cpu_paged_attention.h"
#include "worker/model/cpu/packed_forward.h"
#include "worker/model/model_folder.h"

namespace pintle::model {
namespace {

absl::Status ModelFailed(absl::string_view what) { return MakeError(Reason::kModelFailed, what); }

// More threads than any machine has would only be a typing error.
absl::Status CheckThreads(const TorchDecoderOptions& options) {
  if (options.threads >= 1 && options.threads <= 1024) return absl::OkStatus();
  return InvalidField("threads", absl::StrCat("is ", options.threads, ", must be in [1, 1024]"));
}

cpu::Element ElementOf(Dtype dtype) {
  switch (dtype) {
    case Dtype::kInt8: return cpu::Element::kInt8;
    case Dtype::kW8A8: return cpu::Element::kInt8Quad;
    case Dtype::kInt4: return cpu::Element::kInt4;
    case Dtype::kBfloat16: return cpu::Element::kBfloat16;
    default: return cpu::Element::kFloat32;
  }
}

// bf16 unless the model itself is f32: half files hold no more than bf16 kernels keep.
absl::StatusOr<Dtype> WeightDtype(const ModelConfig& config, const TorchDecoderOptions& options,
                                  bool cuda) {
  if (options.dtype.empty()) {
    return config.dtype == Dtype::kFloat32 ? Dtype::kFloat32 : Dtype::kBfloat16;
  }
  PINTLE_ASSIGN_OR_RETURN(const Dtype dtype, ParseDtype(options.dtype));
  if (dtype == Dtype::kFloat16 && !cuda) {
    return InvalidField("dtype", "is f16, which needs a CUDA device; the CPU takes the others");
  }
  if (IsQuantised(dtype) && (cuda || options.tensor_forward)) {
    return InvalidField("dtype", absl::StrCat("is ", options.dtype,
                                              ", which only the CPU's own kernels compute with"));
  }
  return dtype;
}

// Whether keys and values are bytes as attention in bytes has them.
bool InQuads(Dtype dtype, Dtype kv) { return dtype == Dtype::kW8A8 && kv == Dtype::kInt8; }

// What the KV is called outside: who reads one cannot read the other.
std::string KvName(Dtype dtype, Dtype kv) {
  return InQuads(dtype, kv) ? "int8_quads" : std::string(DtypeName(kv));
}

absl::StatusOr<Dtype> KvDtype(const ModelConfig& config, Dtype dtype,
                              const TorchDecoderOptions& options) {
  if (options.kv_dtype.empty()) return IsQuantised(dtype) ? Dtype::kBfloat16 : dtype;
  PINTLE_ASSIGN_OR_RETURN(const Dtype kv, ParseDtype(options.kv_dtype));
  const bool own_kernels = options.device == "cpu" && !options.tensor_forward;
  if (IsQuantised(kv) && !(kv == Dtype::kInt8 && own_kernels)) {
    return InvalidField("kv_dtype", absl::StrCat("is ", options.kv_dtype,
                                                 ", must be bf16 or f32, or int8 with the CPU's "
                                                 "own kernels"));
  }
  if (InQuads(dtype, kv) &&
      (config.head_dim % cpu::kQuad != 0 || config.head_dim > cpu::kByteHeadMax)) {
    return InvalidField("kv_dtype", absl::StrCat("is int8, which beside w8a8 needs heads of a "
                                                 "multiple of ", cpu::kQuad, " dimensions, limit ",
                                                 cpu::kByteHeadMax, "; this model's have ",
                                                 config.head_dim));
  }
  if (kv == Dtype::kFloat16 && dtype != Dtype::kFloat16) {
    return InvalidField("kv_dtype", "is f16, must be bf16 or f32");
  }
  return kv;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TorchDecoder>> TorchDecoder::Load(
    const TorchDecoderOptions& options) {
  PINTLE_RETURN_IF_ERROR(CheckThreads(options));
  PINTLE_ASSIGN_OR_RETURN(ModelFolder folder, ModelFolder::Open(options.model_dir));
  ModelInfo info;
  info.name = options.name.empty() ? folder.name() : options.name;
  info.defaults = folder.defaults();
  PINTLE_ASSIGN_OR_RETURN(const Dtype dtype, WeightDtype(folder.config(), options,
                                                         absl::StartsWith(options.device, "cuda")));
  info.fingerprint = folder.Fingerprint(DtypeName(dtype), options.threads);
  const ModelConfig config = folder.config();
  return Create(config, folder.TakeWeights(), std::move(info), options);
}

absl::StatusOr<std::unique_ptr<TorchDecoder>> TorchDecoder::Create(
    const ModelConfig& config, std::unique_ptr<WeightSource> source, ModelInfo info,
    const TorchDecoderOptions& options) {
  PINTLE_RETURN_IF_ERROR(CheckThreads(options));
  std::unique_ptr<TorchDecoder> decoder(
      new TorchDecoder(config, std::move(source), std::move(info)));
  PINTLE_ASSIGN_OR_RETURN(decoder->weights_,
                          ModelWeights::Resolve(decoder->config_, *decoder->source_));
  decoder->info_.weight_bytes = decoder->weights_.bytes;
  try {
    PINTLE_RETURN_IF_ERROR(decoder->CreateForward(options));
  } catch (const std::exception& error) {
    return ModelFailed(absl::StrCat("loading the model failed: ", error.what()));
  }
  decoder->info_.kernels = decoder->forward_->Kernels();
  decoder->samplers_.resize(static_cast<std::size_t>(decoder->forward_->Threads()));
  return decoder;
}

absl::StatusOr<ModelOutline> TorchDecoder::Outline(const TorchDecoderOptions& options) {
  PINTLE_ASSIGN_OR_RETURN(ModelFolder folder, ModelFolder::Open(options.model_dir));
  const bool cuda = absl::StartsWith(options.device, "cuda");
  PINTLE_ASSIGN_OR_RETURN(const Dtype dtype, WeightDtype(folder.config(), options, cuda));
  PINTLE_ASSIGN_OR_RETURN(const Dtype kv, KvDtype(folder.config(), dtype, options));
  const std::unique_ptr<WeightSource> source = folder.TakeWeights();
  PINTLE_ASSIGN_OR_RETURN(const ModelWeights weights,
                          ModelWeights::Resolve(folder.config(), *source));
  ModelOutline outline;
  outline.config = folder.config();
  outline.name = options.name.empty() ? folder.name() : options.name;
  outline.dtype = std::string(DtypeName(dtype));
  outline.kv_dtype = KvName(dtype, kv);
  outline.file_bytes = static_cast<std::int64_t>(weights.bytes);
  for (const std::string& name : source->Names()) {
    PINTLE_ASSIGN_OR_RETURN(const TensorView tensor, source->Find(name));
    outline.weight_bytes += static_cast<std::int64_t>(tensor.bytes.size()) /
                            DtypeBytes(tensor.dtype) * DtypeBytes(dtype);
  }
  if (IsQuantised(dtype)) {
    outline.weight_bytes = static_cast<std::int64_t>(
        cpu::PackedForward::WeightBytes(folder.config(), ElementOf(dtype)));
  }
  outline.layout = cpu::CpuPagedAttention::LayoutOf(folder.config(), ElementOf(kv));
  if (cuda) {
    // Flash attention's pages; K and V lie unpadded.
    constexpr std::int32_t kPageTokens = 256;
    outline.layout.block_tokens = kPageTokens;
    outline.layout.bytes_per_token = 2 * static_cast<std::size_t>(outline.config.layers) *
                                     static_cast<std::size_t>(outline.config.kv_heads) *
                                     static_cast<std::size_t>(outline.config.head_dim) *
                                     static_cast<std::size_t>(DtypeBytes(kv));
    outline.layout.block_bytes = outline.layout.bytes_per_token * kPageTokens;
  }
  return outline;
}

TorchDecoder::TorchDecoder(const ModelConfig& config, std::unique_ptr<WeightSource> source,
                           ModelInfo info)
    : config_(config), source_(std::move(source)), info_(std::move(info)) {
  info_.architecture = config_.architecture;
  info_.context_tokens = config_.context_tokens;
  info_.vocabulary = config_.vocabulary;
  if (info_.defaults.eos_token_ids.empty()) info_.defaults.eos_token_ids = config_.eos_token_ids;
  info_.eos_token_ids = info_.defaults.eos_token_ids;
}

TorchDecoder::~TorchDecoder() = default;

absl::Status TorchDecoder::CreateForward(const TorchDecoderOptions& options) {
  const bool cuda = absl::StartsWith(options.device, "cuda");
  if (!cuda && options.device != "cpu") {
    return InvalidField("device", "must be cpu or cuda:N");
  }
  PINTLE_ASSIGN_OR_RETURN(const Dtype dtype, WeightDtype(config_, options, cuda));
  PINTLE_ASSIGN_OR_RETURN(const Dtype kv, KvDtype(config_, dtype, options));
  info_.device = options.device;
  info_.dtype = std::string(DtypeName(dtype));
  info_.kv_dtype = KvName(dtype, kv);
  if (cuda || options.tensor_forward) {
    aten::TensorForwardOptions tensor_options;
    tensor_options.device = options.device;
    tensor_options.dtype = dtype;
    tensor_options.kv_dtype = kv;
    tensor_options.threads = options.threads;
    PINTLE_ASSIGN_OR_RETURN(forward_, aten::CreateTensorForward(config_, weights_, tensor_options));
    return absl::OkStatus();
  }
  cpu::PackedForwardOptions packed;
  packed.weights = ElementOf(dtype);
  packed.kv = ElementOf(kv);
  packed.threads = options.threads;
  const std::optional<cpu::CorePinning> pinning = cpu::ParseCorePinning(options.core_pinning);
  if (!pinning) return InvalidField("core_pinning", "must be off, on or auto");
  packed.core_pinning = *pinning;
  packed.progress = options.progress;
  packed.phases = options.phases;
  PINTLE_ASSIGN_OR_RETURN(packed.isa, cpu::ChooseCpuIsa(options.cpu_isa));
  PINTLE_ASSIGN_OR_RETURN(forward_, cpu::PackedForward::Create(config_, weights_, packed));
  info_.batch_invariant = true;
  return absl::OkStatus();
}

KvLayout TorchDecoder::Layout() const { return forward_->Attention().Layout(); }

DecoderLimits TorchDecoder::Limits() const {
  DecoderLimits limits;
  limits.context_tokens = config_.context_tokens;
  limits.vocabulary = config_.vocabulary;
  return limits;
}

std::int32_t TorchDecoder::KvBlocks() const { return forward_->Attention().Blocks(); }

absl::Status TorchDecoder::AllocateKv(std::int32_t blocks) {
  if (blocks < 1) return InvalidField("kv_bytes", "hold no block at all");
  try {
    return forward_->Attention().Allocate(blocks);
  } catch (const std::exception& error) {
    return MakeError(Reason::kPoolFull,
                     absl::StrCat("allocating ", blocks, " KV blocks failed: ", error.what()));
  }
}

absl::Status TorchDecoder::CheckBatch(const StepBatch& batch) const {
  const std::int32_t block_tokens = Layout().block_tokens;
  const std::int32_t blocks = KvBlocks();
  std::size_t rows = 0;
  for (const SequenceSlice& slice : batch.slices) {
    const std::int64_t end = std::int64_t{slice.start} + slice.rows;
    if (slice.rows < 1 || slice.start < 0 || end > config_.context_tokens ||
        static_cast<std::size_t>(slice.first_row) != rows) {
      return ModelFailed("a slice's rows or positions are out of range");
    }
    rows += static_cast<std::size_t>(slice.rows);
    const auto needed = static_cast<std::size_t>((end + block_tokens - 1) / block_tokens);
    if (slice.block_table.size() < needed) return ModelFailed("a block table is too short");
    for (std::size_t i = 0; i < needed; ++i) {
      if (slice.block_table[i] < 0 || slice.block_table[i] >= blocks) {
        return ModelFailed("a block table names a block that does not exist");
      }
    }
  }
  if (rows != batch.tokens.size() || rows == 0) return ModelFailed("slices do not cover the rows");
  for (const TokenId token : batch.tokens) {
    if (token < 0 || token >= config_.vocabulary) {
      return ModelFailed(absl::StrCat("token ", token, " is not in the vocabulary"));
    }
  }
  for (const SampleRequest& sample : batch.samples) {
    if (sample.row < 0 || static_cast<std::size_t>(sample.row) >= rows) {
      return ModelFailed("a sample's row is out of range");
    }
  }
  for (const BlockCopy& copy : batch.copies) {
    if (copy.source < 0 || copy.source >= blocks || copy.target < 0 || copy.target >= blocks) {
      return ModelFailed("a copy names a block that does not exist");
    }
  }
  return absl::OkStatus();
}

absl::Status TorchDecoder::Launch(const StepBatch& batch) {
  PINTLE_CHECK(batch_ == nullptr, "one step at a time");
  PINTLE_RETURN_IF_ERROR(CheckBatch(batch));
  batch_ = &batch;
  return absl::OkStatus();
}

absl::StatusOr<const StepResult*> TorchDecoder::Collect() {
  PINTLE_CHECK(batch_ != nullptr, "Launch comes first");
  const StepBatch& batch = *std::exchange(batch_, nullptr);
  result_.rows.resize(batch.samples.size());
  try {
    PINTLE_RETURN_IF_ERROR(
        forward_->Run(batch, [&](int thread, std::size_t sample, absl::Span<float> logits) {
          SampledRow& row = result_.rows[sample];
          row.status = absl::OkStatus();
          row.top.clear();
          samplers_[static_cast<std::size_t>(thread)].Sample(logits, batch.samples[sample], row);
        }));
  } catch (const std::exception& error) {
    return ModelFailed(absl::StrCat("a step failed: ", error.what()));
  }
  return &result_;
}

absl::Status TorchDecoder::Logits(const StepBatch& batch, LogitsConsumer consume) {
  PINTLE_RETURN_IF_ERROR(CheckBatch(batch));
  try {
    return forward_->Run(batch, consume);
  } catch (const std::exception& error) {
    return ModelFailed(absl::StrCat("a step failed: ", error.what()));
  }
}

absl::Status TorchDecoder::ReadBlock(BlockIndex block, absl::Span<std::byte> bytes) const {
  return forward_->Attention().ReadBlock(block, bytes);
}

absl::Status TorchDecoder::WriteBlock(BlockIndex block, absl::Span<const std::byte> bytes) {
  return forward_->Attention().WriteBlock(block, bytes);
}

absl::Status TorchDecoder::ExportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                                       absl::Span<std::byte> bytes) const {
  try {
    return forward_->Attention().ExportBlock(block, first, count, bytes);
  } catch (const std::exception& error) {
    return ModelFailed(absl::StrCat("reading a block failed: ", error.what()));
  }
}

absl::Status TorchDecoder::ImportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                                       absl::Span<const std::byte> bytes) {
  try {
    return forward_->Attention().ImportBlock(block, first, count, bytes);
  } catch (const std::exception& error) {
    return ModelFailed(absl::StrCat("writing a block failed: ", error.what()));
  }
}

}  // namespace pintle::model

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/packed_forward.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "contract/status_macros.h"
#include "worker/model/cpu/thread_share.h"
#include "worker/model/rope_frequencies.h"

namespace pintle::model::cpu {
namespace {

constexpr std::int32_t kHalfPanel = kPanelColumns / 2;
// Up to so many rows every thread normalizes all of them for itself: cheaper than a barrier.
constexpr std::int32_t kRedundantRows = 16;
// From so many rows a thread up, each takes rows of its own through a layer, with all columns:
// barriers are left around attention only, and nobody waits for another's rows.
constexpr std::int32_t kOwnRows = 32;
// As many of them at once as leave what passes between two products in a 1 MiB L2, but enough to be
// worth reading all weights for.
constexpr std::size_t kPartBytes = 832 << 10;
constexpr std::size_t kLeastPartRows = 128;
// Rows of logits at once: 64 x 150k x 4 bytes = 38 MB, also when a whole prompt is scored.
constexpr std::int32_t kLogitRows = 64;

std::int32_t RoundUp(std::int32_t n, std::int32_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// The head decides between neighbouring logits: half a byte is too coarse for its weights and a
// byte for its row, and it has few rows in a prompt.
Element HeadElement(Element weights) {
  const bool byte_rows = weights == Element::kInt4 || weights == Element::kInt8Quad;
  return byte_rows ? Element::kInt8 : weights;
}

std::int32_t SameRow(std::int32_t row) { return row; }

// Bytes of a row of `k` activations, and elements from one such row to the next.
std::size_t ActivationBytes(const KernelTable& kernels, std::int32_t k) {
  return RowElements(kernels.activation, static_cast<std::size_t>(k)) *
         ElementBytes(kernels.activation);
}
std::size_t StrideOf(const KernelTable& kernels, std::int32_t k) {
  return RowBytes(ActivationBytes(kernels, k)) / ElementBytes(kernels.activation);
}

// Bytes of a row of what attention and SiLU x up write: multiplied as it is if nothing rounds it.
std::size_t IntermediateBytes(const KernelTable& kernels, std::int32_t k) {
  if (kernels.quantize == nullptr) return ActivationBytes(kernels, k);
  return static_cast<std::size_t>(k) * ElementBytes(kernels.intermediate);
}

// bf16 goes in 12 bits where that makes a matrix smaller: the same bits come out.
Element PackedElement(Element weights) {
  return weights == Element::kBfloat16 ? Element::kCodedBf16 : weights;
}

void AddHeads(const LinearWeights& linear, std::int32_t heads, std::int32_t head_dim,
              std::vector<ColumnSource>& columns) {
  for (std::int32_t head = 0; head < heads; ++head) {
    for (std::int32_t i = 0; i < RoundUp(head_dim, kPanelColumns); ++i) {
      columns.push_back(i < head_dim ? ColumnSource{&linear, head * head_dim + i} : ColumnSource{});
    }
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<PackedForward>> PackedForward::Create(
    const ModelConfig& config, const ModelWeights& weights, const PackedForwardOptions& options) {
  // Each Take rounds up to a cache line.
  const std::size_t lines = 64 * (4 * static_cast<std::size_t>(config.layers) + 1);
  PINTLE_ASSIGN_OR_RETURN(auto arena,
                          WeightArena::Reserve(WeightBytes(config, options.weights) + lines));
  return std::unique_ptr<PackedForward>(
      new PackedForward(config, weights, options, std::move(arena)));
}

std::size_t PackedForward::WeightBytes(const ModelConfig& config, Element weights) {
  const auto bytes = [](std::int32_t columns, std::int32_t k, Element element) {
    return static_cast<std::size_t>(RoundUp(columns, kPanelColumns) / kPanelColumns) *
           PanelBytes(element, k);
  };
  const std::int32_t intermediate = RoundUp(config.intermediate, kHalfPanel);
  const std::int32_t heads = (config.heads + 2 * config.kv_heads) *
                             RoundUp(config.head_dim, kPanelColumns);
  const std::size_t per_layer =
      bytes(heads, config.hidden, weights) +
      bytes(config.hidden, config.heads * config.head_dim, weights) +
      bytes(2 * intermediate, config.hidden, weights) +
      bytes(config.hidden, intermediate, weights);
  return per_layer * static_cast<std::size_t>(config.layers) +
         bytes(config.vocabulary, config.hidden, HeadElement(weights));
}

PackedForward::PackedForward(const ModelConfig& config, const ModelWeights& weights,
                             const PackedForwardOptions& options,
                             std::unique_ptr<WeightArena> arena)
    : config_(config),
      element_(PackedElement(options.weights)),
      kernels_(KernelsFor(options.isa, options.weights, options.kv)),
      head_kernels_(KernelsFor(options.isa, HeadElement(options.weights), options.kv)),
      padded_dim_(RoundUp(config.head_dim, kPanelColumns)),
      padded_intermediate_(RoundUp(config.intermediate, kHalfPanel)),
      intermediate_bytes_(ElementBytes(kernels_.intermediate)),
      phases_(options.phases),
      pool_(options.threads, CoresOf(options.core_pinning, options.threads, AllowedCores())),
      arena_(std::move(arena)),
      shares_(options.threads),
      attention_(config, kernels_, options.kv, options.threads),
      inverse_frequencies_(RopeInverseFrequencies(config.rope, config.head_dim)),
      embedding_(weights.embedding) {
  for (const LayerWeights& layer : weights.layers) {
    layers_.push_back(PackLayer(layer));
    if (options.progress) {
      options.progress(static_cast<double>(layers_.size()) /
                       static_cast<double>(weights.layers.size() + 1));
    }
  }
  final_norm_ = ToFloats(weights.final_norm);
  head_weights_.weight = weights.head;
  head_ = PackedMatrix::Pack(PlainColumns(head_weights_, config.vocabulary), config.hidden,
                             config.hidden, HeadElement(element_), pool_, *arena_);
  if (options.progress) options.progress(1.0);
  const auto hidden = static_cast<std::size_t>(config.hidden);
  const auto heads = static_cast<std::size_t>(config.heads);
  buffers_.hidden.SetWidth(hidden);
  buffers_.heads.SetWidth((heads + 2 * static_cast<std::size_t>(config.kv_heads)) *
                          static_cast<std::size_t>(padded_dim_));
  buffers_.attended.SetWidth(IntermediateBytes(kernels_, config.heads * config.head_dim));
  buffers_.gated.SetWidth(IntermediateBytes(kernels_, padded_intermediate_));
  // Wide enough for whatever is multiplied.
  const auto widest = std::max({config.hidden, config.heads * config.head_dim,
                                padded_intermediate_});
  buffers_.activations.SetWidth(std::max(ActivationBytes(kernels_, widest),
                                         ActivationBytes(head_kernels_, config.hidden)));
  buffers_.private_activations.resize(static_cast<std::size_t>(options.threads));
  for (auto& rows : buffers_.private_activations) {
    rows.SetWidth(buffers_.activations.width());
    rows.Reserve(kRedundantRows);
  }
  buffers_.cosines.SetWidth(inverse_frequencies_.size());
  buffers_.sines.SetWidth(inverse_frequencies_.size());
  buffers_.logits.SetWidth(static_cast<std::size_t>(config.vocabulary));
}

PackedForward::Layer PackedForward::PackLayer(const LayerWeights& weights) {
  Layer layer;
  layer.input_norm = ToFloats(weights.input_norm);
  layer.post_norm = ToFloats(weights.post_norm);
  if (config_.qk_norm) {
    layer.q_norm = ToFloats(weights.q_norm);
    layer.k_norm = ToFloats(weights.k_norm);
  }
  std::vector<ColumnSource> qkv;
  AddHeads(weights.q, config_.heads, config_.head_dim, qkv);
  AddHeads(weights.k, config_.kv_heads, config_.head_dim, qkv);
  AddHeads(weights.v, config_.kv_heads, config_.head_dim, qkv);
  layer.qkv = PackedMatrix::Pack(qkv, config_.hidden, config_.hidden, element_, pool_, *arena_);
  const std::int32_t attended = config_.heads * config_.head_dim;
  layer.o = PackedMatrix::Pack(PlainColumns(weights.o, config_.hidden), attended, attended,
                               element_, pool_, *arena_);
  std::vector<ColumnSource> gate_up;
  for (std::int32_t first = 0; first < padded_intermediate_; first += kHalfPanel) {
    for (const LinearWeights* linear : {&weights.gate, &weights.up}) {
      for (std::int32_t i = first; i < first + kHalfPanel; ++i) {
        gate_up.push_back(i < config_.intermediate ? ColumnSource{linear, i} : ColumnSource{});
      }
    }
  }
  layer.gate_up =
      PackedMatrix::Pack(gate_up, config_.hidden, config_.hidden, element_, pool_, *arena_);
  layer.down = PackedMatrix::Pack(PlainColumns(weights.down, config_.hidden), config_.intermediate,
                                  padded_intermediate_, element_, pool_, *arena_);
  return layer;
}

absl::Status PackedForward::Run(const StepBatch& batch, LogitsConsumer consume) {
  rows_ = static_cast<std::int32_t>(batch.tokens.size());
  const auto rows = static_cast<std::size_t>(rows_);
  attention_.Begin(batch);
  buffers_.hidden.Reserve(rows);
  buffers_.heads.Reserve(rows);
  buffers_.attended.Reserve(rows);
  buffers_.gated.Reserve(rows);
  buffers_.cosines.Reserve(rows);
  buffers_.sines.Reserve(rows);
  const std::size_t logit_rows = std::min<std::size_t>(batch.samples.size(), kLogitRows);
  buffers_.logits.Reserve(logit_rows);
  buffers_.activations.Reserve(std::max(rows, logit_rows));
  pool_.PinCaller();
  ShareRows();
  pool_.Run([&](int thread) { Step(thread, batch, consume); });
  return absl::OkStatus();
}

void PackedForward::ShareRows() {
  row_ends_.clear();
  if (rows_ < kOwnRows * pool_.threads()) return;
  std::int32_t end = 0;
  for (int thread = 0; thread < pool_.threads(); ++thread) {
    end = std::max(end, ThreadShare(rows_, pool_.threads(), thread).end);
    while (end < rows_ && attention_.SharesPair(end)) ++end;
    row_ends_.push_back(end);
  }
}

void PackedForward::Step(int thread, const StepBatch& batch, LogitsConsumer consume) {
  Mark(thread, Phase::kEmbed);
  Embed(thread, batch);
  Wait(thread);
  for (std::int32_t layer = 0; layer < config_.layers; ++layer) RunLayer(thread, layer);
  if (!row_ends_.empty()) Wait(thread);
  Score(thread, batch, consume);
  Mark(thread, Phase::kOutside);
}

void PackedForward::Embed(int thread, const StepBatch& batch) {
  const ThreadShare share(rows_, pool_.threads(), thread);
  const auto factor = static_cast<float>(config_.rope.attention_factor);
  for (std::int32_t row = share.begin; row < share.end; ++row) {
    LoadRow(embedding_, batch.tokens[static_cast<std::size_t>(row)], config_.hidden,
            buffers_.hidden.Row(row));
    float* cosines = buffers_.cosines.Row(row);
    float* sines = buffers_.sines.Row(row);
    const auto position = static_cast<float>(attention_.RowPosition(row));
    for (std::size_t i = 0; i < inverse_frequencies_.size(); ++i) {
      const float angle = position * inverse_frequencies_[i];
      cosines[i] = std::cos(angle) * factor;
      sines[i] = std::sin(angle) * factor;
    }
  }
}

std::size_t PackedForward::Stride(std::int32_t k) const { return StrideOf(kernels_, k); }

const std::byte* PackedForward::MakeRows(
    int thread, const Part& part, std::size_t bytes,
    absl::FunctionRef<void(std::int32_t, std::byte*)> make) {
  Mark(thread, Phase::kNorm);
  const bool redundant = !part.own && part.rows <= kRedundantRows;
  // Each part's rows have a place of their own, so that threads need not be at the same stage.
  std::byte* out = redundant
                       ? buffers_.private_activations[static_cast<std::size_t>(thread)].Row(0)
                       : buffers_.activations.Row(part.first);
  const ThreadShare share = redundant ? ThreadShare(part.rows, 1, 0)
                                      : ShareOf(thread, part, part.rows);
  for (std::int32_t i = share.begin; i < share.end; ++i) {
    make(part.first + i, out + static_cast<std::size_t>(i) * bytes);
  }
  if (!redundant) WaitFor(thread, part);
  return out;
}

const std::byte* PackedForward::Normalize(int thread, const Part& part,
                                          const std::vector<float>& weight,
                                          const KernelTable& kernels,
                                          absl::FunctionRef<std::int32_t(std::int32_t)> row_of) {
  const std::size_t bytes = RowBytes(ActivationBytes(kernels, config_.hidden));
  return MakeRows(thread, part, bytes, [&](std::int32_t row, std::byte* out) {
    kernels.normalize(buffers_.hidden.Row(row_of(row)), weight.data(), config_.norm_epsilon,
                      config_.hidden, out);
  });
}

const std::byte* PackedForward::Activate(int thread, const Part& part, RowBuffer<std::byte>& rows,
                                         std::int32_t k) {
  if (kernels_.quantize == nullptr) return rows.Row(part.first);
  const std::size_t bytes = RowBytes(ActivationBytes(kernels_, k));
  return MakeRows(thread, part, bytes, [&](std::int32_t row, std::byte* out) {
    kernels_.quantize(reinterpret_cast<const float*>(rows.Row(row)), k, out);
  });
}

void PackedForward::AddToHidden(int thread, const Part& part, const PackedMatrix& matrix,
                                const std::byte* a, Phase phase) {
  Product product = matrix.Of(a, Stride(matrix.k()), part.rows);
  product.epilogue = Epilogue::kAdd;
  product.out = buffers_.hidden.Row(part.first);
  product.out_stride = buffers_.hidden.stride();
  product.columns = config_.hidden;
  Mark(thread, phase);
  Share(thread, part, matrix.panels(), [&](std::int32_t begin, std::int32_t end) {
    kernels_.multiply(product, begin, end);
  });
  WaitFor(thread, part);
}

void PackedForward::EachPart(int thread, absl::FunctionRef<void(const Part&)> work) {
  if (row_ends_.empty()) return work({0, rows_, false});
  const auto index = static_cast<std::size_t>(thread);
  const std::int32_t end = row_ends_[index];
  std::int32_t first = index == 0 ? 0 : row_ends_[index - 1];
  const std::size_t most =
      std::max(kLeastPartRows, kPartBytes / RowBytes(buffers_.gated.width()));
  const std::int32_t parts = (end - first - 1) / static_cast<std::int32_t>(most) + 1;
  for (std::int32_t i = parts; i > 0; --i) {
    const std::int32_t rows = (end - first + i - 1) / i;
    work({first, rows, true});
    first += rows;
  }
}

void PackedForward::RunLayer(int thread, std::int32_t index) {
  const Layer& layer = layers_[static_cast<std::size_t>(index)];
  EachPart(thread, [&](const Part& part) { Project(thread, part, index); });
  Wait(thread);

  CpuPagedAttention::Rows rows;
  rows.q = buffers_.heads.Row(0);
  rows.q_row_stride = buffers_.heads.stride();
  rows.q_head_stride = static_cast<std::size_t>(padded_dim_);
  rows.out = buffers_.attended.Row(0);
  rows.out_row_stride = buffers_.attended.stride() / intermediate_bytes_;
  rows.out_head_stride = static_cast<std::size_t>(config_.head_dim);
  rows.out_element_bytes = intermediate_bytes_;
  Mark(thread, Phase::kAttention);
  attention_.Attend(index, thread, rows, shares_);
  Wait(thread);
  EachPart(thread, [&](const Part& part) { Transform(thread, part, layer); });
}

// From the residual stream to q, k and v.
void PackedForward::Project(int thread, const Part& part, std::int32_t index) {
  const Layer& layer = layers_[static_cast<std::size_t>(index)];
  const std::byte* a = Normalize(thread, part, layer.input_norm, kernels_, SameRow);
  const std::int32_t head_panels = padded_dim_ / kPanelColumns;
  Product qkv = layer.qkv.Of(a, Stride(config_.hidden), part.rows);
  qkv.row_factors = kernels_.activation == Element::kBfloat16;
  qkv.out = buffers_.heads.Row(part.first);
  qkv.out_stride = buffers_.heads.stride();
  qkv.columns = layer.qkv.panels() * kPanelColumns;
  // By whole heads, so that the thread can finish its heads without a barrier.
  Share(thread, part, layer.qkv.panels() / head_panels, [&](std::int32_t first, std::int32_t end) {
    Mark(thread, Phase::kQkv);
    kernels_.multiply(qkv, first * head_panels, end * head_panels);
    Mark(thread, Phase::kHeads);
    FinishHeads(index, part, first, end);
  });
}

// From attention's output to the next layer's residual stream.
void PackedForward::Transform(int thread, const Part& part, const Layer& layer) {
  AddToHidden(thread, part, layer.o, Activate(thread, part, buffers_.attended, layer.o.k()),
              Phase::kOut);
  Product gate_up =
      layer.gate_up.Of(Normalize(thread, part, layer.post_norm, kernels_, SameRow),
                       Stride(config_.hidden), part.rows);
  gate_up.row_factors = kernels_.activation == Element::kBfloat16;
  gate_up.epilogue = Epilogue::kSiluMul;
  gate_up.activations = buffers_.gated.Row(part.first);
  gate_up.activations_stride = buffers_.gated.stride() / intermediate_bytes_;
  Mark(thread, Phase::kGateUp);
  Share(thread, part, layer.gate_up.panels(), [&](std::int32_t begin, std::int32_t end) {
    kernels_.multiply(gate_up, begin, end);
  });
  WaitFor(thread, part);
  AddToHidden(thread, part, layer.down, Activate(thread, part, buffers_.gated, layer.down.k()),
              Phase::kDown);
}

// Norms, rotates and stores the heads this thread has just computed.
void PackedForward::FinishHeads(std::int32_t layer_index, const Part& part,
                                std::int32_t first_head, std::int32_t end_head) {
  const Layer& layer = layers_[static_cast<std::size_t>(layer_index)];
  const std::int32_t first_value = config_.heads + config_.kv_heads;
  const auto half = static_cast<std::int32_t>(inverse_frequencies_.size());
  for (std::int32_t row = part.first; row < part.first + part.rows; ++row) {
    for (std::int32_t head = first_head; head < end_head; ++head) {
      float* x = buffers_.heads.Row(row) +
                 static_cast<std::size_t>(head) * static_cast<std::size_t>(padded_dim_);
      if (head >= first_value) {
        attention_.StoreValue(layer_index, row, head - first_value, x);
        continue;
      }
      const bool is_query = head < config_.heads;
      if (config_.qk_norm) {
        const std::vector<float>& norm = is_query ? layer.q_norm : layer.k_norm;
        kernels_.normalize_in_place(x, norm.data(), config_.norm_epsilon, config_.head_dim);
      }
      kernels_.rotate(x, buffers_.cosines.Row(row), buffers_.sines.Row(row), half);
      if (!is_query) attention_.StoreKey(layer_index, row, head - config_.heads, x);
    }
  }
}

void PackedForward::Score(int thread, const StepBatch& batch, LogitsConsumer consume) {
  const auto samples = static_cast<std::int32_t>(batch.samples.size());
  for (std::int32_t first = 0; first < samples; first += kLogitRows) {
    const std::int32_t rows = std::min(kLogitRows, samples - first);
    const auto row_of = [&](std::int32_t row) {
      return batch.samples[static_cast<std::size_t>(first + row)].row;
    };
    const std::byte* a =
        Normalize(thread, {0, rows, false}, final_norm_, head_kernels_, row_of);
    Product head = head_.Of(a, StrideOf(head_kernels_, config_.hidden), rows);
    head.row_factors = head_kernels_.activation == Element::kBfloat16;
    head.out = buffers_.logits.Row(0);
    head.out_stride = buffers_.logits.stride();
    head.columns = config_.vocabulary;
    Mark(thread, Phase::kHead);
    shares_.Run(thread, head_.panels(), [&](std::int32_t begin, std::int32_t end) {
      head_kernels_.multiply(head, begin, end);
    });
    Wait(thread);
    Mark(thread, Phase::kSample);
    for (std::int32_t row = thread; row < rows; row += pool_.threads()) {
      consume(thread, static_cast<std::size_t>(first + row),
              absl::MakeSpan(buffers_.logits.Row(row), buffers_.logits.width()));
    }
    Wait(thread);
  }
}

}  // namespace pintle::model::cpu

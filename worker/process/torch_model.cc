// SPDX-License-Identifier: Apache-2.0
#include "worker/process/torch_model.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>

#include "contract/status_macros.h"
#include "services/host/random_bits.h"
#include "worker/model/cpu/usable_cores.h"
#include "worker/model/torch_decoder.h"
#include "worker/text/hf_text_model.h"

namespace pintle {
namespace {

// A bar that redraws itself; nothing where nobody looks.
std::function<void(double)> ProgressBar(const std::string& name) {
  if (isatty(STDERR_FILENO) == 0) return nullptr;
  return [name](double done) {
    constexpr int kWidth = 30;
    const int filled = static_cast<int>(std::clamp(done, 0.0, 1.0) * kWidth);
    std::fprintf(stderr, "\rloading %s [%-*.*s] %3.0f %%%s", name.c_str(), kWidth, filled,
                 "##############################", done * 100, done >= 1 ? "\n" : "");
  };
}

ModelInfo InfoOf(const model::ModelInfo& loaded) {
  ModelInfo info;
  info.name = loaded.name;
  info.architecture = loaded.architecture;
  info.fingerprint = loaded.fingerprint;
  info.dtype = loaded.dtype;
  info.kv_dtype = loaded.kv_dtype;
  info.device = loaded.device;
  info.kernels = loaded.kernels;
  info.batch_invariant = loaded.batch_invariant;
  info.context_tokens = loaded.context_tokens;
  info.vocabulary = loaded.vocabulary;
  info.weight_bytes = static_cast<std::int64_t>(loaded.weight_bytes);
  return info;
}

}  // namespace

absl::StatusOr<ModelParts> LoadTorchModel(const WorkerOptions& options) {
  const ModelFlag flag = ParseModelFlag(options.model);
  model::TorchDecoderOptions decoder_options;
  decoder_options.model_dir = flag.folder;
  decoder_options.name = flag.name;
  decoder_options.device = options.device;
  decoder_options.dtype = options.dtype;
  decoder_options.kv_dtype = options.kv_dtype;
  decoder_options.tensor_forward = options.kernels == "aten";
  decoder_options.threads = options.threads > 0 ? options.threads : model::cpu::UsableCores();
  decoder_options.core_pinning = options.core_pinning;
  // Weakens the kernels on purpose, to run on this machine what another would run.
  if (const char* isa = std::getenv("PINTLE_CPU_ISA")) decoder_options.cpu_isa = isa;
  decoder_options.progress = ProgressBar(flag.name);
  // Reading a vocabulary is one thread's work: it goes on beside the weights'.
  absl::StatusOr<std::unique_ptr<text::HfTextModel>> text_model;
  std::thread reader([&] { text_model = text::HfTextModel::Load(flag.folder, RandomBits()); });
  absl::StatusOr<std::unique_ptr<model::TorchDecoder>> loaded =
      model::TorchDecoder::Load(decoder_options);
  reader.join();
  PINTLE_ASSIGN_OR_RETURN(std::unique_ptr<model::TorchDecoder> decoder, std::move(loaded));
  ModelParts parts;
  PINTLE_ASSIGN_OR_RETURN(parts.text, std::move(text_model));
  parts.info = InfoOf(decoder->Info());
  parts.defaults = decoder->Info().defaults;
  parts.decoder = std::move(decoder);
  return parts;
}

}  // namespace pintle

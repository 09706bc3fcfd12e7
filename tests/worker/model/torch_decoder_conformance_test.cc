// SPDX-License-Identifier: Apache-2.0
// What the engine relies on in every decoder, held by the real one on tiny models of three kinds.
#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "tests/conformance/decoder_conformance.h"
#include "worker/model/torch_decoder.h"

namespace pintle {
namespace {

DecoderMaker TinyModel(const std::string& name, const std::string& dtype = "f32",
                       const std::string& kv_dtype = std::string(), bool tensors = false) {
  DecoderMaker maker;
  maker.name = name + "_" + dtype + (kv_dtype.empty() ? "" : "_kv_" + kv_dtype) +
               (tensors ? "_tensors" : "");
  // Our kernels' rows depend on nothing but their context, bit for bit; LibTorch's do not.
  maker.logprob_error = tensors ? 1e-4F : 0.0F;
  maker.make = [name, dtype, kv_dtype, tensors](std::int32_t blocks) -> std::unique_ptr<Decoder> {
    model::TorchDecoderOptions options;
    options.model_dir = std::string(PINTLE_SOURCE_DIR) + "/tests/data/model/" + name;
    options.dtype = dtype;
    options.kv_dtype = kv_dtype;
    options.threads = 2;
    options.tensor_forward = tensors;
    auto decoder = model::TorchDecoder::Load(options);
    EXPECT_TRUE(decoder.ok()) << decoder.status();
    EXPECT_TRUE((*decoder)->AllocateKv(blocks).ok());
    return *std::move(decoder);
  };
  return maker;
}

INSTANTIATE_TEST_SUITE_P(TinyModels, DecoderConformance,
                         testing::Values(TinyModel("llama_plain"), TinyModel("qwen3_norms"),
                                         TinyModel("qwen3_norms", "f32", "int8"),
                                         TinyModel("mistral_window"),
                                         TinyModel("llama_plain", "bf16"),
                                         TinyModel("llama_plain", "int8"),
                                         TinyModel("llama_plain", "w8a8"),
                                         TinyModel("llama_plain", "w8a8", "int8"),
                                         TinyModel("llama_plain", "int4"),
                                         TinyModel("llama_plain", "int8", "int8"),
                                         TinyModel("llama_plain", "f32", "", /*tensors=*/true)),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pintle

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

DecoderMaker TinyModel(const std::string& name, bool tensors = false,
                       const std::string& kv_dtype = std::string()) {
  DecoderMaker maker;
  maker.name = name + (tensors ? "_tensors" : "") + (kv_dtype.empty() ? "" : "_kv_" + kv_dtype);
  maker.logprob_error = 1e-4F;
  maker.make = [name, tensors, kv_dtype](std::int32_t blocks) -> std::unique_ptr<Decoder> {
    model::TorchDecoderOptions options;
    options.model_dir = std::string(PINTLE_SOURCE_DIR) + "/tests/data/model/" + name;
    options.dtype = "f32";
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
                                         TinyModel("qwen3_norms", false, "int8"),
                                         TinyModel("mistral_window"),
                                         TinyModel("llama_plain", /*tensors=*/true)),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
// Parity is family_parity_test's; here that both forward passes are interchangeable in bf16.
#include "worker/model/aten/tensor_forward.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/worker/model/model_probe.h"

namespace pintle::model::aten {
namespace {

TEST(TensorForwardTest, HalfWeightsStayCloseToOurKernels) {
  const std::vector<TokenId> tokens = TinyTokens("llama_plain");
  TorchDecoderOptions options;
  options.dtype = "bf16";
  const Logits ours = ModelProbe::Open(TinyFolder("llama_plain"), options).LogitsOf(tokens, 20);
  options.tensor_forward = true;
  ModelProbe probe = ModelProbe::Open(TinyFolder("llama_plain"), options);
  EXPECT_EQ(probe.decoder().Info().kernels, "LibTorch on cpu");
  const float difference = MaxDifference(probe.LogitsOf(tokens, 20), ours);
  EXPECT_LT(difference, 0.5F);
}

}  // namespace
}  // namespace pintle::model::aten

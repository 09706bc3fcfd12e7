// SPDX-License-Identifier: Apache-2.0
// What family_parity_test does not show: threads, many samples, samples of the same row.
#include "worker/model/cpu/packed_forward.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/worker/model/model_probe.h"

namespace pintle::model::cpu {
namespace {

TorchDecoderOptions Options(int threads) {
  TorchDecoderOptions options;
  options.dtype = "bf16";
  options.threads = threads;
  return options;
}

TEST(PackedForwardTest, TheNumberOfThreadsChangesNoBit) {
  const std::vector<TokenId> tokens = TinyTokens("llama_plain");
  const Logits one = ModelProbe::Open(TinyFolder("llama_plain"), Options(1)).LogitsOf(tokens, 40);
  for (const int threads : {2, 3, 7}) {
    ModelProbe probe = ModelProbe::Open(TinyFolder("llama_plain"), Options(threads));
    EXPECT_EQ(probe.LogitsOf(tokens, 40), one) << threads;
  }
}

// From 32 rows a thread up each thread takes rows of its own; before, threads share columns.
TEST(PackedForwardTest, RowsOfOneThreadsOwnAreThoseOfSharedColumns) {
  std::vector<TokenId> tokens;
  for (TokenId i = 0; i < 243; ++i) tokens.push_back(3 + i * 7 % 50);
  for (const char* dtype : {"bf16", "w8a8"}) {
    TorchDecoderOptions options = Options(2);
    options.dtype = dtype;
    const Logits shared =
        ModelProbe::Open(TinyFolder("llama_plain"), options).LogitsOf(tokens, 40);
    for (const int threads : {1, 2, 3}) {
      options.threads = threads;
      ModelProbe probe = ModelProbe::Open(TinyFolder("llama_plain"), options);
      // Chunks end at odd positions, so that threads' rows meet within a pair of them as well.
      EXPECT_EQ(probe.LogitsOf(tokens, 201), shared) << dtype << " " << threads;
      EXPECT_EQ(probe.LogitsOf(tokens, 243), shared) << dtype << " " << threads;
    }
  }
}

TEST(PackedForwardTest, SequencesSideBySideKeepTheirBitsInRowsOfAThreadsOwn) {
  std::vector<std::vector<TokenId>> sequences(5);
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    for (std::size_t i = 0; i < 21 + 13 * s; ++i) {
      sequences[s].push_back(static_cast<TokenId>(3 + (i * 7 + s) % 50));
    }
  }
  for (const int threads : {2, 3}) {
    ModelProbe probe = ModelProbe::Open(TinyFolder("llama_plain"), Options(threads));
    const std::vector<Logits> together = probe.LogitsOf(sequences, 100);
    for (std::size_t s = 0; s < sequences.size(); ++s) {
      EXPECT_EQ(together[s], probe.LogitsOf(sequences[s], 7)) << threads << " " << s;
    }
  }
}

TEST(PackedForwardTest, MoreSamplesThanOneRoundOfLogitsAllArrive) {
  ModelProbe probe = ModelProbe::Open(TinyFolder("llama_plain"), Options(2));
  const std::vector<BlockIndex> table = {0};
  StepBatch batch;
  batch.tokens = {5, 9, 33};
  batch.slices.push_back({1, 0, 3, 0, table});
  for (int i = 0; i < 150; ++i) {
    batch.samples.emplace_back();
    batch.samples.back().row = i % 3;
  }
  Logits rows(150);
  ASSERT_TRUE(probe.decoder()
                  .Logits(batch,
                          [&](int, std::size_t sample, absl::Span<float> logits) {
                            rows[sample].assign(logits.begin(), logits.end());
                          })
                  .ok());
  for (std::size_t i = 3; i < rows.size(); ++i) EXPECT_EQ(rows[i], rows[i % 3]);
  EXPECT_NE(rows[0], rows[1]);
}

TEST(PackedForwardTest, AStepWithoutSamplesOnlyWritesTheCache) {
  ModelProbe probe = ModelProbe::Open(TinyFolder("llama_plain"), Options(2));
  const std::vector<BlockIndex> table = {0};
  StepBatch batch;
  batch.tokens = {5};
  batch.slices.push_back({1, 0, 1, 0, table});
  int calls = 0;
  ASSERT_TRUE(
      probe.decoder().Logits(batch, [&](int, std::size_t, absl::Span<float>) { ++calls; }).ok());
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace pintle::model::cpu

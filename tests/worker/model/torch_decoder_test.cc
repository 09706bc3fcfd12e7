// SPDX-License-Identifier: Apache-2.0
#include "worker/model/torch_decoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "contract/errors.h"
#include "tests/worker/model/model_probe.h"
#include "tests/worker/model/random_weights.h"

namespace pintle::model {
namespace {

TorchDecoderOptions TinyOptions(const std::string& name = "llama_plain") {
  TorchDecoderOptions options;
  options.model_dir = TinyFolder(name);
  options.dtype = "f32";
  options.threads = 2;
  return options;
}

std::unique_ptr<TorchDecoder> LoadTiny(const TorchDecoderOptions& options) {
  auto decoder = TorchDecoder::Load(options);
  EXPECT_TRUE(decoder.ok()) << decoder.status();
  EXPECT_TRUE((*decoder)->AllocateKv(16).ok());
  return *std::move(decoder);
}

// A slice of `tokens` from `start` with its last row sampled greedily.
StepBatch OneSlice(const std::vector<TokenId>& tokens, Position start,
                   const std::vector<BlockIndex>& table, const ResolvedSampling* sampling) {
  StepBatch batch;
  batch.tokens = tokens;
  batch.slices.push_back({1, 0, static_cast<std::int32_t>(tokens.size()), start, table});
  batch.samples.emplace_back();
  batch.samples[0].row = static_cast<std::int32_t>(tokens.size()) - 1;
  batch.samples[0].sampling = sampling;
  batch.samples[0].logprobs = true;
  return batch;
}

// Runs one step and returns its first row.
SampledRow FirstRow(TorchDecoder& decoder, const StepBatch& batch) {
  EXPECT_TRUE(decoder.Launch(batch).ok());
  const auto result = decoder.Collect();
  EXPECT_TRUE(result.ok()) << result.status();
  return (*result)->rows[0];
}

TEST(TorchDecoderTest, TheOutlineOfAFolderIsWhatLoadingItGives) {
  for (const char* name : {"llama_plain", "llama_head_dim", "qwen3_norms"}) {
    for (const auto& [dtype, kv] : std::vector<std::pair<const char*, const char*>>{
             {"f32", ""}, {"f32", "bf16"}, {"f32", "f32"}, {"f32", "int8"}, {"w8a8", "int8"}}) {
      TorchDecoderOptions options = TinyOptions(name);
      options.dtype = dtype;
      options.kv_dtype = kv;
      const auto outline = TorchDecoder::Outline(options);
      ASSERT_TRUE(outline.ok()) << outline.status();
      const auto decoder = LoadTiny(options);
      EXPECT_EQ(outline->layout.block_tokens, decoder->Layout().block_tokens);
      EXPECT_EQ(outline->layout.block_bytes, decoder->Layout().block_bytes);
      EXPECT_EQ(outline->layout.bytes_per_token, decoder->Layout().bytes_per_token);
      EXPECT_EQ(outline->name, decoder->Info().name);
      EXPECT_EQ(outline->kv_dtype, decoder->Info().kv_dtype);
      EXPECT_EQ(outline->config.context_tokens, decoder->Limits().context_tokens);
      EXPECT_EQ(outline->file_bytes, static_cast<std::int64_t>(decoder->Info().weight_bytes));
    }
  }
}

TEST(TorchDecoderTest, SaysWhatItHasLoaded) {
  const auto decoder = LoadTiny(TinyOptions("qwen3_norms"));
  const ModelInfo& info = decoder->Info();
  EXPECT_EQ(info.name, "qwen3_norms");
  EXPECT_EQ(info.architecture, "Qwen3ForCausalLM");
  EXPECT_EQ(info.context_tokens, 256);
  EXPECT_EQ(info.vocabulary, 64);
  EXPECT_EQ(info.eos_token_ids, std::vector<TokenId>({1}));
  EXPECT_EQ(info.fingerprint.size(), 32U);
  EXPECT_EQ(info.dtype, "f32");
  EXPECT_TRUE(info.batch_invariant);
  EXPECT_EQ(decoder->Layout().block_tokens, 32);
  EXPECT_EQ(decoder->Layout().bytes_per_token, 2U * 2 * 2 * 24 * 4);
  EXPECT_EQ(decoder->Limits().vocabulary, 64);
}

TEST(TorchDecoderTest, LibTorchsRowsArePromisedToNobody) {
  TorchDecoderOptions options = TinyOptions();
  options.tensor_forward = true;
  EXPECT_FALSE(LoadTiny(options)->Info().batch_invariant);
}

TEST(TorchDecoderTest, FingerprintTellsDtypesApart) {
  TorchDecoderOptions options = TinyOptions();
  const std::string exact = LoadTiny(options)->Info().fingerprint;
  EXPECT_EQ(LoadTiny(options)->Info().fingerprint, exact);
  options.dtype = "bf16";
  EXPECT_NE(LoadTiny(options)->Info().fingerprint, exact);
}

TEST(TorchDecoderTest, SamplesTheLikeliestTokenWithItsLogprob) {
  const auto decoder = LoadTiny(TinyOptions());
  const ResolvedSampling greedy;
  const std::vector<BlockIndex> table = {3};
  const StepBatch batch = OneSlice({5, 9, 33}, 0, table, &greedy);
  ASSERT_TRUE(decoder->Launch(batch).ok());
  const auto result = decoder->Collect();
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_EQ((*result)->rows.size(), 1U);
  const SampledRow row = (*result)->rows[0];
  EXPECT_TRUE(row.status.ok()) << row.status;
  std::vector<float> logits;
  ASSERT_TRUE(decoder
                  ->Logits(batch,
                           [&](int, std::size_t, absl::Span<float> values) {
                             logits.assign(values.begin(), values.end());
                           })
                  .ok());
  EXPECT_EQ(row.token, ArgMax(logits));
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
  const auto best = static_cast<double>(logits[static_cast<std::size_t>(row.token)]);
  EXPECT_NEAR(row.logprob, best - std::log(sum), 1e-4);
}

TEST(TorchDecoderTest, CopiedAndRewrittenBlocksCarryTheContext) {
  const auto decoder = LoadTiny(TinyOptions());
  const ResolvedSampling greedy;
  const auto logprob = [&](const StepBatch& batch) { return FirstRow(*decoder, batch).logprob; };
  const std::vector<BlockIndex> first = {0};
  logprob(OneSlice({5, 9, 33, 12}, 0, first, &greedy));
  const float next = logprob(OneSlice({7}, 4, first, &greedy));
  const std::vector<BlockIndex> second = {4};
  StepBatch copied = OneSlice({7}, 4, second, &greedy);
  copied.copies.push_back({0, 4, 4});
  EXPECT_EQ(logprob(copied), next);
  std::vector<std::byte> bytes(decoder->Layout().block_bytes);
  ASSERT_TRUE(decoder->ReadBlock(0, absl::MakeSpan(bytes)).ok());
  ASSERT_TRUE(decoder->WriteBlock(9, bytes).ok());
  const std::vector<BlockIndex> third = {9};
  EXPECT_EQ(logprob(OneSlice({7}, 4, third, &greedy)), next);
  const std::vector<BlockIndex> empty = {10};
  EXPECT_NE(logprob(OneSlice({7}, 4, empty, &greedy)), next);
}

TEST(TorchDecoderTest, LeftoverNansOfAnotherSequenceStayUnseen) {
  for (const char* dtype : {"f32", "bf16"}) {
    TorchDecoderOptions options = TinyOptions();
    options.dtype = dtype;
    const auto decoder = LoadTiny(options);
    const ResolvedSampling greedy;
    std::vector<std::byte> poison(decoder->Layout().block_bytes, std::byte{0xff});
    const std::vector<BlockIndex> clean = {0};
    const std::vector<BlockIndex> dirty = {1};
    ASSERT_TRUE(decoder->WriteBlock(1, poison).ok());
    for (const std::vector<TokenId>& tokens :
         {std::vector<TokenId>{5, 9, 33}, std::vector<TokenId>{5, 9, 33, 8}}) {
      const SampledRow expected = FirstRow(*decoder, OneSlice(tokens, 0, clean, &greedy));
      const SampledRow row = FirstRow(*decoder, OneSlice(tokens, 0, dirty, &greedy));
      EXPECT_TRUE(row.status.ok()) << row.status;
      EXPECT_EQ(row.logprob, expected.logprob);
    }
  }
}

TEST(TorchDecoderTest, ARowOfNansFailsAlone) {
  const auto decoder = LoadTiny(TinyOptions());
  const ResolvedSampling greedy;
  std::vector<std::byte> poison(decoder->Layout().block_bytes, std::byte{0xff});
  ASSERT_TRUE(decoder->WriteBlock(1, poison).ok());
  const std::vector<BlockIndex> good = {0};
  const std::vector<BlockIndex> bad = {1};
  StepBatch batch = OneSlice({5}, 0, good, &greedy);
  batch.tokens.push_back(6);
  batch.slices.push_back({2, 1, 1, 3, bad});
  batch.samples.push_back(batch.samples[0]);
  batch.samples[1].row = 1;
  batch.samples[1].slice = 1;
  ASSERT_TRUE(decoder->Launch(batch).ok());
  const auto result = decoder->Collect();
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE((*result)->rows[0].status.ok());
  EXPECT_TRUE(HasReason((*result)->rows[1].status, Reason::kModelFailed));
}

TEST(TorchDecoderTest, ABatchOutOfRangeIsRefusedAsAWhole) {
  const auto decoder = LoadTiny(TinyOptions());
  const ResolvedSampling greedy;
  const std::vector<BlockIndex> table = {0};
  const std::vector<BlockIndex> foreign = {16};
  EXPECT_FALSE(decoder->Launch(OneSlice({64}, 0, table, &greedy)).ok());
  EXPECT_FALSE(decoder->Launch(OneSlice({5}, 32, table, &greedy)).ok());
  EXPECT_FALSE(decoder->Launch(OneSlice({5}, 0, foreign, &greedy)).ok());
  EXPECT_FALSE(decoder->Launch(StepBatch()).ok());
  EXPECT_TRUE(FirstRow(*decoder, OneSlice({5}, 0, table, &greedy)).status.ok());
}

TEST(TorchDecoderTest, OptionsThatCannotBeAreRefusedByName) {
  const auto failure = [](auto change) {
    TorchDecoderOptions options = TinyOptions();
    change(options);
    return TorchDecoder::Load(options).status();
  };
  EXPECT_TRUE(HasReason(failure([](auto& o) { o.model_dir += "_none"; }), Reason::kModelNotFound));
  EXPECT_TRUE(HasReason(failure([](auto& o) { o.dtype = "f16"; }), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(failure([](auto& o) { o.dtype = "int3"; }), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(failure([](auto& o) { o.device = "tpu"; }), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(failure([](auto& o) { o.threads = 0; }), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(failure([](auto& o) { o.cpu_isa = "sse"; }), Reason::kInvalidField));
}

TEST(TorchDecoderTest, AttentionInBytesTakesHeadsOfWholeQuads) {
  ModelConfig config = ConfigOf(TinyFolder("llama_head_dim"));
  TorchDecoderOptions options = TinyOptions();
  options.dtype = "w8a8";
  options.kv_dtype = "int8";
  for (const std::int32_t head_dim : {12, 14, 516}) {
    config.head_dim = head_dim;
    const auto decoder = TorchDecoder::Create(config, std::make_unique<RandomWeights>(config),
                                              ModelInfo(), options);
    EXPECT_EQ(decoder.ok(), head_dim == 12) << decoder.status();
    if (decoder.ok()) {
      // No other KV in int8 is read as this one.
      EXPECT_EQ((*decoder)->Info().kv_dtype, "int8_quads");
      continue;
    }
    EXPECT_TRUE(HasReason(decoder.status(), Reason::kInvalidField));
    EXPECT_NE(decoder.status().message().find(std::to_string(head_dim)), absl::string_view::npos)
        << decoder.status();
  }
}

TEST(TorchDecoderTest, AGpuThatIsNotThereIsSaidSo) {
  TorchDecoderOptions options = TinyOptions();
  options.device = "cuda:0";
  const auto decoder = TorchDecoder::Load(options);
  // Where there is one, loading works and the parity of its numbers is another test's business.
  if (decoder.ok()) return;
  EXPECT_TRUE(HasReason(decoder.status(), Reason::kUnsupportedOption)) << decoder.status();
}

TEST(TorchDecoderTest, Bf16CacheUnderExactWeightsStaysClose) {
  const std::vector<TokenId> tokens = TinyTokens("llama_plain");
  TorchDecoderOptions options = TinyOptions();
  options.kv_dtype = "bf16";
  ModelProbe probe = ModelProbe::Open(TinyFolder("llama_plain"), options);
  const float difference = MaxDifference(probe.LogitsOf(tokens, 16), TinyReference("llama_plain"));
  EXPECT_GT(difference, 1e-4F);
  EXPECT_LT(difference, 0.2F);
}

}  // namespace
}  // namespace pintle::model

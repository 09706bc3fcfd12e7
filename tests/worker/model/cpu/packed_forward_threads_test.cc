// SPDX-License-Identifier: Apache-2.0
// Whole steps on several compute threads without a model's folder, so that the sanitizers' builds
// can run them: what one thread reads before another has written shows there.
#include <gtest/gtest.h>

#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "tests/worker/model/random_weights.h"
#include "worker/model/cpu/cpu_isa.h"
#include "worker/model/cpu/packed_forward.h"

namespace pintle::model::cpu {
namespace {

// Odd numbers of heads and panels: no stage divides evenly among the threads.
ModelConfig Shape() {
  ModelConfig config;
  config.vocabulary = 150;
  config.hidden = 96;
  config.intermediate = 160;
  config.layers = 2;
  config.heads = 6;
  config.kv_heads = 3;
  config.head_dim = 32;
  config.context_tokens = 1024;
  config.norm_epsilon = 1e-5F;
  config.tied_embeddings = true;
  config.dtype = Dtype::kBfloat16;
  return config;
}

struct Kind {
  std::string name;
  Element weights;
  Element kv;
};

using Rows = std::vector<std::vector<float>>;

// A model of its own with so many threads.
class Model {
 public:
  Model(const Kind& kind, int threads) : config_(Shape()), source_(config_) {
    auto weights = ModelWeights::Resolve(config_, source_);
    EXPECT_TRUE(weights.ok()) << weights.status();
    weights_ = *std::move(weights);
    PackedForwardOptions options;
    options.weights = kind.weights;
    options.kv = kind.kv;
    options.isa = ChooseCpuIsa("").value();
    options.threads = threads;
    auto forward = PackedForward::Create(config_, weights_, options);
    EXPECT_TRUE(forward.ok()) << forward.status();
    forward_ = *std::move(forward);
    EXPECT_TRUE(forward_->Attention().Allocate(kBlocks).ok());
    tables_[0].resize(kBlocks / 2);
    std::iota(tables_[0].begin(), tables_[0].end(), 0);
    tables_[1].resize(kBlocks / 2);
    std::iota(tables_[1].begin(), tables_[1].end(), kBlocks / 2);
  }

  // Appends `rows` positions to sequence `which` in the step that Run computes.
  void Add(std::size_t which, std::int32_t rows) {
    const auto first = static_cast<std::int32_t>(batch_.tokens.size());
    for (std::int32_t i = 0; i < rows; ++i) {
      batch_.tokens.push_back((lengths_[which] + i) * 7 % config_.vocabulary);
    }
    batch_.slices.push_back(
        {static_cast<SequenceId>(which), first, rows, lengths_[which], tables_[which]});
    SampleRequest sample;
    sample.row = first + rows - 1;
    batch_.samples.push_back(sample);
    lengths_[which] += rows;
  }

  Rows Run() {
    Rows rows(batch_.samples.size());
    const absl::Status status =
        forward_->Run(batch_, [&](int, std::size_t sample, absl::Span<float> logits) {
          rows[sample].assign(logits.begin(), logits.end());
        });
    EXPECT_TRUE(status.ok()) << status;
    batch_.Clear();
    return rows;
  }

 private:
  static constexpr std::int32_t kBlocks = 40;

  const ModelConfig config_;
  const RandomWeights source_;
  ModelWeights weights_;
  std::unique_ptr<PackedForward> forward_;
  std::vector<BlockIndex> tables_[2];
  Position lengths_[2] = {0, 0};
  StepBatch batch_;
};

// A prompt alone, a chunk beside a decoding sequence, decoding alone, over a context long enough
// to be split between threads.
Rows Conversation(const Kind& kind, int threads) {
  Model model(kind, threads);
  Rows all;
  const auto run = [&] {
    for (std::vector<float>& row : model.Run()) all.push_back(std::move(row));
  };
  model.Add(0, 70);
  run();
  model.Add(0, 1);
  model.Add(1, 530);
  run();
  for (int i = 0; i < 4; ++i) {
    model.Add(1, 1);
    model.Add(0, 3);
    run();
  }
  return all;
}

class PackedForwardThreadsTest : public testing::TestWithParam<Kind> {};

TEST_P(PackedForwardThreadsTest, TheNumberOfThreadsChangesNoBit) {
  const Rows one = Conversation(GetParam(), 1);
  ASSERT_EQ(one.size(), 11U);
  for (const int threads : {2, 3}) EXPECT_EQ(Conversation(GetParam(), threads), one) << threads;
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, PackedForwardThreadsTest,
    testing::Values(Kind{"f32", Element::kFloat32, Element::kFloat32},
                    Kind{"bf16", Element::kBfloat16, Element::kBfloat16},
                    Kind{"int8", Element::kInt8, Element::kInt8},
                    Kind{"w8a8", Element::kInt8Quad, Element::kBfloat16},
                    Kind{"w8a8_int8_kv", Element::kInt8Quad, Element::kInt8},
                    Kind{"int4", Element::kInt4, Element::kBfloat16}),
    [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace pintle::model::cpu

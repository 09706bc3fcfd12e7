// SPDX-License-Identifier: Apache-2.0
#include "tests/worker/model/model_probe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <utility>

#include "nlohmann/json.hpp"
#include "worker/model/cpu/cpu_isa.h"
#include "worker/model/model_folder.h"
#include "worker/text/bridge/safetensors_file.h"

namespace pintle::model {
namespace {

// 8,192 positions: four of the longest prompts here.
constexpr std::int32_t kBlocks = 256;

template <typename T>
T Must(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
    std::abort();
  }
  return *std::move(value);
}

// PINTLE_CPU_ISA forces the kernel path of tests that do not choose one themselves. A processor
// that lacks it fails the test: a pass would be another path's.
void ForceIsa(TorchDecoderOptions& options) {
  const char* forced = std::getenv("PINTLE_CPU_ISA");
  if (forced == nullptr || !options.cpu_isa.empty()) return;
  options.cpu_isa = forced;
  EXPECT_EQ(cpu::CpuIsaName(Must(cpu::ChooseCpuIsa(forced))), forced);
}

}  // namespace

std::string TinyFolder(const std::string& name) {
  return std::string(PINTLE_SOURCE_DIR) + "/tests/data/model/" + name;
}

std::string SmolFolder() {
  return std::string(PINTLE_SOURCE_DIR) + "/models/SmolLM2-135M-Instruct";
}

std::vector<TokenId> TinyTokens(const std::string& name) {
  std::ifstream file(TinyFolder(name) + "/reference.json");
  return nlohmann::json::parse(file)["tokens"].get<std::vector<TokenId>>();
}

Logits TinyReference(const std::string& name) {
  const auto file = text::SafetensorsFile::Open(TinyFolder(name) + "/reference.safetensors");
  EXPECT_TRUE(file.ok()) << file.status();
  const text::SafetensorsEntry& entry = *(*file)->Find("logits");
  Logits rows(static_cast<std::size_t>(entry.shape[0]));
  const auto width = static_cast<std::size_t>(entry.shape[1]);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].resize(width);
    std::memcpy(rows[i].data(), entry.bytes.data() + i * width * 4, width * 4);
  }
  return rows;
}

ModelConfig ConfigOf(const std::string& folder) { return Must(ModelFolder::Open(folder)).config(); }

std::unique_ptr<WeightSource> WeightsOf(const std::string& folder) {
  return Must(ModelFolder::Open(folder)).TakeWeights();
}

TokenId ArgMax(const std::vector<float>& logits) {
  return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

float MaxDifference(const Logits& a, const Logits& b) {
  float worst = a.size() == b.size() ? 0.0F : INFINITY;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i].size() != b[i].size()) return INFINITY;
    for (std::size_t j = 0; j < a[i].size(); ++j) {
      const float difference = std::abs(a[i][j] - b[i][j]);
      // A NaN is the worst of all differences.
      worst = difference <= worst ? worst : std::isnan(difference) ? INFINITY : difference;
    }
  }
  return worst;
}

ModelProbe::ModelProbe(std::unique_ptr<TorchDecoder> decoder) : decoder_(std::move(decoder)) {
  EXPECT_TRUE(decoder_->AllocateKv(kBlocks).ok());
  for (BlockIndex i = 0; i < kBlocks; ++i) free_.push_back(i);
  std::shuffle(free_.begin(), free_.end(), std::mt19937(7));
}

ModelProbe ModelProbe::Open(const std::string& folder, TorchDecoderOptions options) {
  options.model_dir = folder;
  ForceIsa(options);
  return ModelProbe(Must(TorchDecoder::Load(options)));
}

ModelProbe ModelProbe::OpenChanged(const std::string& folder, const ModelConfig& config,
                                   std::unique_ptr<WeightSource> weights,
                                   TorchDecoderOptions options) {
  if (weights == nullptr) weights = WeightsOf(folder);
  ForceIsa(options);
  return ModelProbe(Must(TorchDecoder::Create(config, std::move(weights), ModelInfo(), options)));
}

std::vector<BlockIndex> ModelProbe::TakeTable(std::size_t positions) {
  const auto block_tokens = static_cast<std::size_t>(decoder_->Layout().block_tokens);
  std::vector<BlockIndex> table;
  for (std::size_t i = 0; i < positions; i += block_tokens) {
    if (free_.empty()) std::abort();
    table.push_back(free_.back());
    free_.pop_back();
  }
  return table;
}

Logits ModelProbe::Run(const StepBatch& batch) {
  Logits rows(batch.samples.size());
  const absl::Status status =
      decoder_->Logits(batch, [&](int /*thread*/, std::size_t sample, absl::Span<float> logits) {
        rows[sample].assign(logits.begin(), logits.end());
      });
  EXPECT_TRUE(status.ok()) << status;
  return rows;
}

std::vector<Logits> ModelProbe::LogitsOf(const std::vector<std::vector<TokenId>>& sequences,
                                         std::int32_t chunk) {
  std::vector<Logits> results(sequences.size());
  std::vector<std::vector<BlockIndex>> tables;
  for (const auto& tokens : sequences) tables.push_back(TakeTable(tokens.size()));
  while (true) {
    StepBatch batch;
    std::vector<std::size_t> owners;
    for (std::size_t s = 0; s < sequences.size(); ++s) {
      const auto start = static_cast<std::int32_t>(results[s].size());
      const auto left = static_cast<std::int32_t>(sequences[s].size()) - start;
      if (left == 0) continue;
      SequenceSlice slice;
      slice.sequence = s;
      slice.first_row = static_cast<std::int32_t>(batch.tokens.size());
      slice.rows = std::min(left, chunk);
      slice.start = start;
      slice.block_table = tables[s];
      for (std::int32_t i = 0; i < slice.rows; ++i) {
        SampleRequest sample;
        sample.row = slice.first_row + i;
        sample.slice = static_cast<std::int32_t>(batch.slices.size());
        batch.samples.push_back(sample);
        batch.tokens.push_back(sequences[s][static_cast<std::size_t>(start + i)]);
        owners.push_back(s);
      }
      batch.slices.push_back(slice);
    }
    if (batch.tokens.empty()) break;
    Logits rows = Run(batch);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      results[owners[i]].push_back(std::move(rows[i]));
    }
  }
  for (const auto& table : tables) free_.insert(free_.end(), table.begin(), table.end());
  return results;
}

Logits ModelProbe::LogitsOf(const std::vector<TokenId>& tokens, std::int32_t chunk) {
  return LogitsOf(std::vector<std::vector<TokenId>>{tokens}, chunk)[0];
}

std::vector<TokenId> ModelProbe::Forced(const std::vector<TokenId>& tokens, std::size_t count) {
  constexpr std::size_t kStep = 512;
  const std::vector<BlockIndex> table = TakeTable(tokens.size());
  std::vector<TokenId> chosen;
  for (std::size_t start = 0; start < tokens.size(); start += kStep) {
    const std::size_t end = std::min(tokens.size(), start + kStep);
    StepBatch batch;
    batch.tokens.assign(tokens.begin() + static_cast<std::ptrdiff_t>(start),
                        tokens.begin() + static_cast<std::ptrdiff_t>(end));
    batch.slices.push_back(
        {1, 0, static_cast<std::int32_t>(end - start), static_cast<Position>(start), table});
    for (std::size_t i = std::max(start, tokens.size() - count); i < end; ++i) {
      batch.samples.emplace_back();
      batch.samples.back().row = static_cast<std::int32_t>(i - start);
    }
    for (const auto& row : Run(batch)) chosen.push_back(ArgMax(row));
  }
  free_.insert(free_.end(), table.begin(), table.end());
  return chosen;
}

std::vector<TokenId> ModelProbe::Greedy(const std::vector<TokenId>& prompt, std::int32_t count,
                                        TokenId stop) {
  const std::vector<BlockIndex> table = TakeTable(prompt.size() + static_cast<std::size_t>(count));
  std::vector<TokenId> output;
  std::vector<TokenId> next = prompt;
  std::int32_t start = 0;
  while (static_cast<std::int32_t>(output.size()) < count) {
    StepBatch batch;
    batch.tokens = next;
    const auto rows = static_cast<std::int32_t>(next.size());
    batch.slices.push_back({1, 0, rows, start, table});
    batch.samples.emplace_back();
    batch.samples[0].row = rows - 1;
    output.push_back(ArgMax(Run(batch)[0]));
    start += rows;
    if (output.back() == stop) break;
    next = {output.back()};
  }
  free_.insert(free_.end(), table.begin(), table.end());
  return output;
}

}  // namespace pintle::model

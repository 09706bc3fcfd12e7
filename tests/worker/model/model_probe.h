// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_WORKER_MODEL_MODEL_PROBE_H_
#define PINTLE_TESTS_WORKER_MODEL_MODEL_PROBE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "worker/model/torch_decoder.h"

namespace pintle::model {

using Logits = std::vector<std::vector<float>>;  // one row of the vocabulary per position

// Runs token sequences through a TorchDecoder the way an engine would: each sequence has blocks of
// its own, in shuffled order, and its positions come in chunks.
class ModelProbe {
 public:
  // The decoder of a folder below the repository's root; fails the test when it cannot be loaded.
  // PINTLE_CPU_ISA in the environment forces the kernel path unless the options name one.
  static ModelProbe Open(const std::string& folder, TorchDecoderOptions options);
  // The same with a changed configuration and perhaps changed weights (null: the folder's own).
  static ModelProbe OpenChanged(const std::string& folder, const ModelConfig& config,
                                std::unique_ptr<WeightSource> weights, TorchDecoderOptions options);

  TorchDecoder& decoder() { return *decoder_; }

  // Logits of each position of `tokens`, fed `chunk` positions a step.
  Logits LogitsOf(const std::vector<TokenId>& tokens, std::int32_t chunk);
  // Several sequences at once, each step feeding every unfinished one `chunk` positions.
  std::vector<Logits> LogitsOf(const std::vector<std::vector<TokenId>>& sequences,
                               std::int32_t chunk);
  // The choices at the last `count` positions of `tokens`, in steps of at most 512 positions.
  std::vector<TokenId> Forced(const std::vector<TokenId>& tokens, std::size_t count);
  // Greedy continuation by `count` tokens, or up to `stop` (included).
  std::vector<TokenId> Greedy(const std::vector<TokenId>& prompt, std::int32_t count, TokenId stop);

 private:
  explicit ModelProbe(std::unique_ptr<TorchDecoder> decoder);

  std::vector<BlockIndex> TakeTable(std::size_t positions);
  Logits Run(const StepBatch& batch);

  std::unique_ptr<TorchDecoder> decoder_;
  std::vector<BlockIndex> free_;
};

// Where the tiny models lie, and the model `make setup` brings.
std::string TinyFolder(const std::string& name);
std::string SmolFolder();

// The tokens and transformers' logits that lie beside a tiny model.
std::vector<TokenId> TinyTokens(const std::string& name);
Logits TinyReference(const std::string& name);

ModelConfig ConfigOf(const std::string& folder);
std::unique_ptr<WeightSource> WeightsOf(const std::string& folder);

TokenId ArgMax(const std::vector<float>& logits);
float MaxDifference(const Logits& a, const Logits& b);

}  // namespace pintle::model

#endif  // PINTLE_TESTS_WORKER_MODEL_MODEL_PROBE_H_

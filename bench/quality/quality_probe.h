// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_BENCH_QUALITY_QUALITY_PROBE_H_
#define PINTLE_BENCH_QUALITY_QUALITY_PROBE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/model/torch_decoder.h"

namespace pintle::bench {

// A sample of the vocabulary says how far off logits are as well as all of it.
inline constexpr std::size_t kLogitStep = 32;

// What a model made of the positions it was fed.
struct Forced {
  std::vector<TokenId> chosen;  // per position fed but each sequence's last
  double loss = 0.0;            // of the tokens that really came next, in nats, summed
  // Per position fed the logits of every kLogitStep-th token.
  std::vector<float> logits;
};

// Feeds token sequences to one decoder.
// Thread: confined to one. Owns the decoder.
// Fails: as the decoder does.
class QualityProbe {
 public:
  // Loads the model; room for `tokens` positions at once.
  static absl::StatusOr<std::unique_ptr<QualityProbe>> Open(
      const model::TorchDecoderOptions& options, std::int64_t tokens);

  const std::string& kernels() const { return decoder_->Info().kernels; }

  // Greedy continuations of all prompts, `count` tokens or up to an end token (included).
  absl::StatusOr<std::vector<std::vector<TokenId>>> Greedy(
      const std::vector<std::vector<TokenId>>& prompts, std::size_t count);
  // The choices at the positions from `first[i]` on of each sequence, the last excluded.
  absl::StatusOr<Forced> Force(const std::vector<std::vector<TokenId>>& sequences,
                               const std::vector<std::size_t>& first);

 private:
  explicit QualityProbe(std::unique_ptr<model::TorchDecoder> decoder)
      : decoder_(std::move(decoder)) {}

  std::vector<BlockIndex> Table(std::size_t index, std::size_t tokens) const;

  std::unique_ptr<model::TorchDecoder> decoder_;
};

}  // namespace pintle::bench

#endif  // PINTLE_BENCH_QUALITY_QUALITY_PROBE_H_

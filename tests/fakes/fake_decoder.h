// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_FAKES_FAKE_DECODER_H_
#define PINTLE_TESTS_FAKES_FAKE_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/types/span.h"
#include "worker/model/seam/decoder.h"
#include "worker/sampling/sampler.h"

namespace pintle {

struct FakeDecoderOptions {
  std::int32_t block_tokens = 16;
  std::int32_t vocabulary = 1000;
  Position context_tokens = 8192;
  // Made with probability eos_per_mille / 1000 after any context. At 0 greedy runs never make it,
  // and a reference does not end where a sampled one draws it.
  TokenId eos_token = 2;
  std::int32_t eos_per_mille = 0;
  // How often the best next token follows from the last token alone, by a map into few tokens: text
  // that repeats itself, with jumps that depend on the whole context as ever.
  std::int32_t echo_per_mille = 0;
  // Called at the start of Launch and of Collect: an artificial cost, or the step's failure.
  std::function<absl::Status(const StepBatch&)> on_launch;
  std::function<absl::Status(const StepBatch&)> on_collect;
  // Sequences whose logits are NaN.
  std::function<bool(SequenceId)> broken;
};

// A decoder of digests. Each position's digest is made of its token and of the digests of ALL
// earlier positions, which are read back from the very blocks of the slice's table, as attention
// reads K and V; the next token depends on nothing else. So a swapped, stale, zeroed or foreign
// block changes the output, and equal contexts give equal tokens however they were computed.
// Checks on each step what the seam requires: tables that cover, no block written by one slice
// and seen by another.
// Thread: as Decoder. Greedy rows without logprobs cost O(context); others O(vocabulary) more.
class FakeDecoder final : public Decoder {
 public:
  explicit FakeDecoder(FakeDecoderOptions options);

  KvLayout Layout() const override;
  DecoderLimits Limits() const override;
  std::int32_t KvBlocks() const override { return blocks_; }
  absl::Status AllocateKv(std::int32_t blocks) override;
  absl::Status Launch(const StepBatch& batch) override;
  absl::StatusOr<const StepResult*> Collect() override;
  absl::Status ReadBlock(BlockIndex block, absl::Span<std::byte> bytes) const override;
  absl::Status WriteBlock(BlockIndex block, absl::Span<const std::byte> bytes) override;
  absl::Status ExportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                           absl::Span<std::byte> bytes) const override;
  absl::Status ImportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                           absl::Span<const std::byte> bytes) override;

  // What a run without any cache would make: `tokens` ids, or fewer up to EOS, its last.
  std::vector<TokenId> ReferenceTokens(absl::Span<const TokenId> prompt, std::int32_t tokens) const;
  std::vector<TokenId> ReferenceSampled(absl::Span<const TokenId> prompt, std::int32_t tokens,
                                        const ResolvedSampling& sampling,
                                        std::int32_t choice) const;
  // The one greedy token after a context.
  TokenId ReferenceNext(absl::Span<const TokenId> context,
                        absl::Span<const TokenId> masked = {}) const;

  std::int64_t steps() const { return steps_; }
  std::int64_t rows() const { return rows_; }

 private:
  std::uint64_t& At(BlockIndex block, std::int32_t offset);
  void CheckBatch(const StepBatch& batch) const;
  void Compute(const SequenceSlice& slice, const StepBatch& batch);
  TokenId Greedy(std::uint64_t state, TokenId last, absl::Span<const TokenId> masked) const;
  // The k-th best token after a context with this digest and last token.
  TokenId Candidate(std::uint64_t state, TokenId last, std::uint64_t k) const;
  void FillLogits(std::uint64_t state, TokenId last, std::vector<float>& logits) const;
  std::uint64_t Digest(absl::Span<const TokenId> context) const;

  const FakeDecoderOptions options_;
  std::int32_t blocks_ = 0;
  std::vector<std::uint64_t> memory_;  // block after block, one digest a position
  const StepBatch* batch_ = nullptr;   // the step under way
  std::vector<std::uint64_t> states_;  // by row: digest of the context up to it, as read back
  std::vector<float> logits_;
  Sampler sampler_;
  StepResult result_;
  std::int64_t steps_ = 0;
  std::int64_t rows_ = 0;
};

}  // namespace pintle

#endif  // PINTLE_TESTS_FAKES_FAKE_DECODER_H_

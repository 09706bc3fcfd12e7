// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_CONFORMANCE_DECODER_CONFORMANCE_H_
#define PINTLE_TESTS_CONFORMANCE_DECODER_CONFORMANCE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "worker/model/seam/decoder.h"

namespace pintle {

// A decoder under test: made fresh for each test, with `blocks` KV blocks allocated.
struct DecoderMaker {
  std::string name;
  std::function<std::unique_ptr<Decoder>(std::int32_t blocks)> make;
  // How far log-probabilities may differ between two ways of computing the same row; 0 = exact.
  float logprob_error = 0.0F;
};

// What the engine relies on in every decoder. Greedy tokens must be equal however they are
// computed, so a real model must be given in f32 and with weights of clear margins.
// Instantiate with INSTANTIATE_TEST_SUITE_P in the test of the implementation.
class DecoderConformance : public testing::TestWithParam<DecoderMaker> {
 protected:
  // One row's answer.
  struct Row {
    TokenId token = -1;
    float logprob = 0.0F;
  };
  // A sequence's next tokens over its table; asks for the greedy token of the last row.
  struct Piece {
    std::vector<TokenId> tokens;
    Position start = 0;
    std::vector<BlockIndex> table;
  };

  DecoderConformance();

  std::vector<TokenId> Tokens(std::int32_t count, std::int32_t salt) const;
  std::vector<Row> Run(const std::vector<Piece>& pieces, std::vector<BlockCopy> copies = {});
  void ExpectSame(const Row& a, const Row& b) const;
  std::int32_t block_tokens() const { return decoder_->Layout().block_tokens; }

  static constexpr std::int32_t kBlocks = 12;
  std::unique_ptr<Decoder> decoder_;
  ResolvedSampling greedy_;
};

}  // namespace pintle

#endif  // PINTLE_TESTS_CONFORMANCE_DECODER_CONFORMANCE_H_

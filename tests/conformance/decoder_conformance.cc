// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/decoder_conformance.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace pintle {

DecoderConformance::DecoderConformance() : decoder_(GetParam().make(kBlocks)) {}

std::vector<TokenId> DecoderConformance::Tokens(std::int32_t count, std::int32_t salt) const {
  std::vector<TokenId> tokens;
  for (std::int32_t i = 0; i < count; ++i) {
    tokens.push_back((salt * 37 + i * 101 + i * i * 7) % decoder_->Limits().vocabulary);
  }
  return tokens;
}

std::vector<DecoderConformance::Row> DecoderConformance::Run(const std::vector<Piece>& pieces,
                                                             std::vector<BlockCopy> copies) {
  StepBatch batch;
  batch.copies = std::move(copies);
  for (const Piece& piece : pieces) {
    const auto first = static_cast<std::int32_t>(batch.tokens.size());
    const auto rows = static_cast<std::int32_t>(piece.tokens.size());
    batch.tokens.insert(batch.tokens.end(), piece.tokens.begin(), piece.tokens.end());
    SampleRequest request;
    request.row = first + rows - 1;
    request.slice = static_cast<std::int32_t>(batch.slices.size());
    request.sampling = &greedy_;
    request.logprobs = true;
    batch.samples.push_back(request);
    batch.slices.push_back({batch.slices.size() + 1, first, rows, piece.start, piece.table});
  }
  EXPECT_TRUE(decoder_->Launch(batch).ok());
  const auto result = decoder_->Collect();
  EXPECT_TRUE(result.ok()) << result.status();
  std::vector<Row> rows(pieces.size());
  if (!result.ok()) return rows;
  EXPECT_EQ((*result)->rows.size(), pieces.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const SampledRow& row = (*result)->rows[i];
    EXPECT_TRUE(row.status.ok()) << row.status;
    rows[i] = {row.token, row.logprob};
  }
  return rows;
}

void DecoderConformance::ExpectSame(const Row& a, const Row& b) const {
  EXPECT_EQ(a.token, b.token);
  EXPECT_NEAR(a.logprob, b.logprob, GetParam().logprob_error);
}

TEST_P(DecoderConformance, SaysWhatItHas) {
  EXPECT_EQ(decoder_->KvBlocks(), kBlocks);
  EXPECT_GT(decoder_->Limits().context_tokens, 0);
  EXPECT_GT(decoder_->Limits().vocabulary, 0);
  const KvLayout layout = decoder_->Layout();
  EXPECT_GE(layout.block_bytes,
            layout.bytes_per_token * static_cast<std::size_t>(layout.block_tokens));
}

TEST_P(DecoderConformance, AChunkedPromptEqualsAWholeOne) {
  const auto prompt = Tokens(block_tokens() + 5, 1);
  const Row whole = Run({{prompt, 0, {0, 1}}})[0];
  Position start = 0;
  Row chunked;
  for (std::int32_t rows : {1, 3, block_tokens() - 1, 2}) {
    chunked = Run({{{prompt.begin() + start, prompt.begin() + start + rows}, start, {5, 3}}})[0];
    start += rows;
  }
  ASSERT_EQ(start, static_cast<Position>(prompt.size()));
  ExpectSame(whole, chunked);
}

TEST_P(DecoderConformance, BatchedRowsEqualRowsAlone) {
  std::vector<Row> alone;
  std::vector<Piece> pieces;
  for (std::int32_t i = 0; i < 5; ++i) {
    const auto prompt = Tokens(3 + 2 * i, i);
    alone.push_back(Run({{prompt, 0, {10}}})[0]);
    pieces.push_back({prompt, 0, {i}});
  }
  const std::vector<Row> batched = Run(pieces);
  for (std::size_t i = 0; i < alone.size(); ++i) ExpectSame(alone[i], batched[i]);
}

TEST_P(DecoderConformance, DraftsAreSampledRowByRowAndWrittenOver) {
  const auto prompt = Tokens(block_tokens() - 2, 1);
  const auto at = static_cast<Position>(prompt.size());
  const std::vector<TokenId> drafts = {7, 11, 13, 17};  // over a block's end
  Run({{prompt, 0, {0, 1}}});
  Run({{prompt, 0, {2, 3}}});
  StepBatch batch;
  const std::vector<BlockIndex> table = {0, 1};
  batch.tokens = drafts;
  batch.slices.push_back({1, 0, 4, at, table});
  for (std::int32_t row = 0; row < 4; ++row) {
    SampleRequest request;
    request.row = row;
    request.sampling = &greedy_;
    request.logprobs = true;
    batch.samples.push_back(request);
  }
  ASSERT_TRUE(decoder_->Launch(batch).ok());
  const auto result = decoder_->Collect();
  ASSERT_TRUE(result.ok()) << result.status();
  std::vector<Row> rows;
  for (const SampledRow& row : (*result)->rows) rows.push_back({row.token, row.logprob});
  ASSERT_EQ(rows.size(), 4U);
  for (std::size_t i = 0; i < drafts.size(); ++i) {
    const auto position = at + static_cast<Position>(i);
    ExpectSame(rows[i], Run({{{drafts[i]}, position, {2, 3}}})[0]);
  }
  // Only the first counts: the others' positions are written again.
  const Row kept = Run({{{19, 23}, at + 1, {0, 1}}})[0];
  ExpectSame(kept, Run({{{19, 23}, at + 1, {2, 3}}})[0]);
  auto context = prompt;
  context.insert(context.end(), {7, 19, 23});
  ExpectSame(kept, Run({{context, 0, {4, 5}}})[0]);
}

TEST_P(DecoderConformance, PromptsAndDecodesShareAStep) {
  const auto first = Tokens(6, 1);
  const auto second = Tokens(9, 2);
  const Row next = Run({{first, 0, {0}}})[0];
  const std::vector<Row> mixed = Run({{{next.token}, 6, {0}}, {second, 0, {1}}});
  auto context = first;
  context.push_back(next.token);
  ExpectSame(mixed[0], Run({{context, 0, {2}}})[0]);
  ExpectSame(mixed[1], Run({{second, 0, {3}}})[0]);
}

TEST_P(DecoderConformance, ReadAndWriteMoveABlocksContent) {
  const auto prompt = Tokens(block_tokens() + 2, 1);
  Run({{prompt, 0, {0, 1}}});
  std::vector<std::byte> bytes(decoder_->Layout().block_bytes);
  ASSERT_TRUE(decoder_->ReadBlock(0, absl::MakeSpan(bytes)).ok());
  ASSERT_TRUE(decoder_->WriteBlock(7, bytes).ok());
  const auto at = static_cast<Position>(prompt.size());
  ExpectSame(Run({{{1}, at, {0, 1}}})[0], Run({{{1}, at, {7, 1}}})[0]);
}

TEST_P(DecoderConformance, ALayoutsPartsMakeItsBytes) {
  const KvLayout layout = decoder_->Layout();
  EXPECT_EQ(layout.bytes_per_token, 2U * static_cast<std::size_t>(layout.layers) *
                                        static_cast<std::size_t>(layout.kv_heads) *
                                        static_cast<std::size_t>(layout.head_dim) *
                                        static_cast<std::size_t>(layout.element_bytes));
}

TEST_P(DecoderConformance, ExportedPositionsImportedInPiecesAreTheSameContent) {
  const auto prompt = Tokens(block_tokens() + 3, 1);
  Run({{prompt, 0, {0, 1}}});
  // Block 0 in three uneven pieces, and the written part of the partly filled block 1.
  std::int32_t first = 0;
  const std::size_t token = decoder_->Layout().bytes_per_token;
  for (const std::int32_t count : {1, 4, block_tokens() - 5}) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(count) * token);
    ASSERT_TRUE(decoder_->ExportBlock(0, first, count, absl::MakeSpan(bytes)).ok());
    ASSERT_TRUE(decoder_->ImportBlock(7, first, count, bytes).ok());
    first += count;
  }
  std::vector<std::byte> tail(3 * token);
  ASSERT_TRUE(decoder_->ExportBlock(1, 0, 3, absl::MakeSpan(tail)).ok());
  ASSERT_TRUE(decoder_->ImportBlock(8, 0, 3, tail).ok());
  const auto at = static_cast<Position>(prompt.size());
  const Row here = Run({{{1}, at, {0, 1}}})[0];
  const Row there = Run({{{1}, at, {7, 8}}})[0];
  EXPECT_EQ(here.token, there.token);
  EXPECT_EQ(here.logprob, there.logprob);
}

TEST_P(DecoderConformance, TheNeutralLayoutIsPlanesOfPositions) {
  const auto prompt = Tokens(6, 1);
  Run({{prompt, 0, {0}}});
  const KvLayout layout = decoder_->Layout();
  const std::size_t row = static_cast<std::size_t>(layout.head_dim * layout.element_bytes);
  const std::size_t planes = static_cast<std::size_t>(2 * layout.layers * layout.kv_heads);
  std::vector<std::byte> whole(6 * layout.bytes_per_token);
  ASSERT_TRUE(decoder_->ExportBlock(0, 0, 6, absl::MakeSpan(whole)).ok());
  for (std::int32_t p = 0; p < 6; ++p) {
    std::vector<std::byte> one(layout.bytes_per_token);
    ASSERT_TRUE(decoder_->ExportBlock(0, p, 1, absl::MakeSpan(one)).ok());
    for (std::size_t plane = 0; plane < planes; ++plane) {
      const auto begin = whole.begin() + static_cast<std::ptrdiff_t>(
                                             (plane * 6 + static_cast<std::size_t>(p)) * row);
      EXPECT_TRUE(std::equal(begin, begin + static_cast<std::ptrdiff_t>(row),
                             one.begin() + static_cast<std::ptrdiff_t>(plane * row)));
    }
  }
}

TEST_P(DecoderConformance, CopiesHappenBeforeTheStepComputes) {
  const auto prompt = Tokens(5, 1);
  Run({{prompt, 0, {0}}});
  // Both continue the same five tokens; the second on its own copy.
  const std::vector<Row> rows = Run({{{3}, 5, {0}}, {{4}, 5, {6}}}, {{0, 6, 5}});
  auto context = prompt;
  context.push_back(4);
  ExpectSame(rows[1], Run({{context, 0, {8}}})[0]);
  context.back() = 3;
  ExpectSame(rows[0], Run({{context, 0, {9}}})[0]);
}

TEST_P(DecoderConformance, AScoredRowGivesTheTargetsLogprobAndNoToken) {
  const auto prompt = Tokens(4, 1);
  const Row sampled = Run({{prompt, 0, {0}}})[0];
  StepBatch batch;
  batch.tokens = prompt;
  const std::vector<BlockIndex> table = {1};
  batch.slices.push_back({1, 0, 4, 0, table});
  SampleRequest request;
  request.row = 3;
  request.logprobs = true;
  request.top_logprobs = 2;
  request.target = sampled.token;
  batch.samples.push_back(request);
  ASSERT_TRUE(decoder_->Launch(batch).ok());
  const auto result = decoder_->Collect();
  ASSERT_TRUE(result.ok());
  const SampledRow& row = (*result)->rows[0];
  EXPECT_NEAR(row.logprob, sampled.logprob, GetParam().logprob_error);
  ASSERT_EQ(row.top.size(), 2U);
  EXPECT_EQ(row.top[0].first, sampled.token);
}

TEST_P(DecoderConformance, MaskedIdsAreNotSampled) {
  const auto prompt = Tokens(4, 1);
  const std::vector<TokenId> masked = {Run({{prompt, 0, {0}}})[0].token};
  StepBatch batch;
  batch.tokens = prompt;
  const std::vector<BlockIndex> table = {1};
  batch.slices.push_back({1, 0, 4, 0, table});
  SampleRequest request;
  request.row = 3;
  request.sampling = &greedy_;
  request.masked = masked;
  batch.samples.push_back(request);
  ASSERT_TRUE(decoder_->Launch(batch).ok());
  const auto result = decoder_->Collect();
  ASSERT_TRUE(result.ok());
  EXPECT_NE((*result)->rows[0].token, masked[0]);
}

}  // namespace pintle

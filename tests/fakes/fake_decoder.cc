// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/fake_decoder.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "contract/check.h"
#include "contract/errors.h"

namespace pintle {
namespace {

// Candidates with logits of their own, best first; masks in tests are shorter.
constexpr std::uint64_t kCandidates = 16;
// The tokens of a text that repeats itself.
constexpr TokenId kEchoFirst = 10;
constexpr std::uint64_t kEchoTokens = 20;

std::uint64_t Mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

// What one position adds to the digest of its context: its place matters, so swaps show.
std::uint64_t Share(std::uint64_t digest, Position position) {
  return Mix(digest ^ (static_cast<std::uint64_t>(position) << 40));
}

std::uint64_t DigestOf(std::uint64_t before, TokenId token, Position position) {
  return Mix(before +
             Mix(static_cast<std::uint64_t>(token) * 31 + static_cast<std::uint64_t>(position)));
}

bool PlainGreedy(const SampleRequest& request) {
  const ResolvedSampling& sampling = *request.sampling;
  return sampling.temperature == 0.0F && sampling.repetition_penalty == 1.0F &&
         sampling.presence_penalty == 0.0F && sampling.frequency_penalty == 0.0F &&
         sampling.logit_bias.empty() && !request.logprobs;
}

}  // namespace

FakeDecoder::FakeDecoder(FakeDecoderOptions options) : options_(std::move(options)) {
  PINTLE_CHECK(options_.block_tokens > 0 && options_.vocabulary > 64, "fake decoder's options");
}

KvLayout FakeDecoder::Layout() const {
  return {options_.block_tokens,
          static_cast<std::size_t>(options_.block_tokens) * sizeof(std::uint64_t),
          sizeof(std::uint64_t),
          1,
          1,
          1,
          sizeof(std::uint32_t)};
}

DecoderLimits FakeDecoder::Limits() const { return {options_.context_tokens, options_.vocabulary}; }

absl::Status FakeDecoder::AllocateKv(std::int32_t blocks) {
  blocks_ = blocks;
  // Never zero: what nobody wrote must not look like an empty context.
  memory_.assign(static_cast<std::size_t>(blocks) * static_cast<std::size_t>(options_.block_tokens),
                 0xdeadbeefdeadbeefU);
  return absl::OkStatus();
}

std::uint64_t& FakeDecoder::At(BlockIndex block, std::int32_t offset) {
  return memory_[static_cast<std::size_t>(block) * static_cast<std::size_t>(options_.block_tokens) +
                 static_cast<std::size_t>(offset)];
}

void FakeDecoder::CheckBatch(const StepBatch& batch) const {
  absl::flat_hash_map<BlockIndex, std::size_t> writers;
  for (std::size_t s = 0; s < batch.slices.size(); ++s) {
    const SequenceSlice& slice = batch.slices[s];
    PINTLE_CHECK(slice.rows > 0 && slice.start >= 0, "a slice has rows");
    PINTLE_CHECK(slice.start + slice.rows <= options_.context_tokens, "a slice is in the context");
    const std::int32_t last = (slice.start + slice.rows - 1) / options_.block_tokens;
    PINTLE_CHECK(static_cast<std::size_t>(last) < slice.block_table.size(), "the table covers");
    for (std::int32_t i = slice.start / options_.block_tokens; i <= last; ++i) {
      const BlockIndex block = slice.block_table[static_cast<std::size_t>(i)];
      PINTLE_CHECK(block >= 0 && block < blocks_, "the table names blocks of the pool");
      PINTLE_CHECK(writers.emplace(block, s).second, "one writer for each block of a step");
    }
  }
  for (std::size_t s = 0; s < batch.slices.size(); ++s) {
    const SequenceSlice& slice = batch.slices[s];
    const std::int32_t used = (slice.start + slice.rows - 1) / options_.block_tokens;
    for (std::int32_t i = 0; i <= used; ++i) {
      const auto writer = writers.find(slice.block_table[static_cast<std::size_t>(i)]);
      PINTLE_CHECK(writer == writers.end() || writer->second == s,
                   "a block written by one sequence is seen by no other");
    }
  }
}

absl::Status FakeDecoder::Launch(const StepBatch& batch) {
  PINTLE_CHECK(batch_ == nullptr, "one step at a time");
  CheckBatch(batch);
  if (options_.on_launch) {
    if (absl::Status status = options_.on_launch(batch); !status.ok()) return status;
  }
  batch_ = &batch;
  return absl::OkStatus();
}

void FakeDecoder::Compute(const SequenceSlice& slice, const StepBatch& batch) {
  const auto cell = [&](Position position) -> std::uint64_t& {
    const auto index = static_cast<std::size_t>(position / options_.block_tokens);
    return At(slice.block_table[index], position % options_.block_tokens);
  };
  std::uint64_t state = 0;
  for (Position position = 0; position < slice.start; ++position) {
    state += Share(cell(position), position);
  }
  for (std::int32_t r = 0; r < slice.rows; ++r) {
    const auto row = static_cast<std::size_t>(slice.first_row + r);
    const Position position = slice.start + r;
    cell(position) = DigestOf(state, batch.tokens[row], position);
    state += Share(cell(position), position);
    states_[row] = state;
  }
}

absl::StatusOr<const StepResult*> FakeDecoder::Collect() {
  PINTLE_CHECK(batch_ != nullptr, "Collect follows Launch");
  const StepBatch& batch = *std::exchange(batch_, nullptr);
  if (options_.on_collect) {
    if (absl::Status status = options_.on_collect(batch); !status.ok()) return status;
  }
  ++steps_;
  rows_ += static_cast<std::int64_t>(batch.tokens.size());
  for (const BlockCopy& copy : batch.copies) {
    for (std::int32_t i = 0; i < copy.tokens; ++i) At(copy.target, i) = At(copy.source, i);
  }
  states_.resize(batch.tokens.size());
  for (const SequenceSlice& slice : batch.slices) Compute(slice, batch);
  result_.rows.assign(batch.samples.size(), SampledRow());
  for (std::size_t i = 0; i < batch.samples.size(); ++i) {
    const SampleRequest& request = batch.samples[i];
    const SequenceSlice& slice = batch.slices[static_cast<std::size_t>(request.slice)];
    const std::uint64_t state = states_[static_cast<std::size_t>(request.row)];
    const TokenId last = batch.tokens[static_cast<std::size_t>(request.row)];
    const bool broken = options_.broken && options_.broken(slice.sequence);
    if (!broken && request.sampling != nullptr && PlainGreedy(request)) {
      result_.rows[i].token = Greedy(state, last, request.masked);
      continue;
    }
    FillLogits(state, last, logits_);
    if (broken) logits_[0] = std::numeric_limits<float>::quiet_NaN();
    sampler_.Sample(absl::MakeSpan(logits_), request, result_.rows[i]);
  }
  return &result_;
}

TokenId FakeDecoder::Candidate(std::uint64_t state, TokenId last, std::uint64_t k) const {
  const std::uint64_t random = Mix(state + (k + 1) * 0x632be59bd9b4e019U);
  const bool echo = static_cast<std::int64_t>((random >> 10) % 1000) < options_.echo_per_mille;
  if (k == 0 && echo) {
    return kEchoFirst + static_cast<TokenId>(Mix(static_cast<std::uint64_t>(last)) % kEchoTokens);
  }
  const bool eos = static_cast<std::int64_t>(random % 1000) < options_.eos_per_mille;
  if (eos) return options_.eos_token;
  const auto token =
      static_cast<TokenId>((random >> 20) % static_cast<std::uint64_t>(options_.vocabulary));
  return token == options_.eos_token ? (token + 1) % options_.vocabulary : token;
}

TokenId FakeDecoder::Greedy(std::uint64_t state, TokenId last,
                            absl::Span<const TokenId> masked) const {
  for (std::uint64_t k = 0; k < kCandidates; ++k) {
    const TokenId token = Candidate(state, last, k);
    if (std::find(masked.begin(), masked.end(), token) == masked.end()) return token;
  }
  PINTLE_CHECK(false, "tests mask fewer ids than there are candidates");
  return -1;
}

void FakeDecoder::FillLogits(std::uint64_t state, TokenId last, std::vector<float>& logits) const {
  logits.resize(static_cast<std::size_t>(options_.vocabulary));
  for (std::size_t token = 0; token < logits.size(); ++token) {
    logits[token] = static_cast<float>(Mix(state ^ (token << 32)) >> 40) * (4.0F / (1U << 24));
  }
  for (std::uint64_t k = kCandidates; k-- > 0;) {
    logits[static_cast<std::size_t>(Candidate(state, last, k))] =
        6.0F - 0.1F * static_cast<float>(k);
  }
}

absl::Status FakeDecoder::ReadBlock(BlockIndex block, absl::Span<std::byte> bytes) const {
  PINTLE_CHECK(bytes.size() == Layout().block_bytes, "a whole block");
  std::memcpy(
      bytes.data(),
      &memory_[static_cast<std::size_t>(block) * static_cast<std::size_t>(options_.block_tokens)],
      bytes.size());
  return absl::OkStatus();
}

absl::Status FakeDecoder::WriteBlock(BlockIndex block, absl::Span<const std::byte> bytes) {
  PINTLE_CHECK(bytes.size() == Layout().block_bytes, "a whole block");
  std::memcpy(&At(block, 0), bytes.data(), bytes.size());
  return absl::OkStatus();
}

// A digest's low half is its position's key, the high half its value.
absl::Status FakeDecoder::ExportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                                      absl::Span<std::byte> bytes) const {
  PINTLE_CHECK(bytes.size() == static_cast<std::size_t>(count) * sizeof(std::uint64_t) &&
                   first >= 0 && first + count <= options_.block_tokens,
               "positions of one block");
  const auto positions = static_cast<std::size_t>(count);
  const std::uint64_t* from =
      &memory_[static_cast<std::size_t>(block * options_.block_tokens + first)];
  for (std::size_t i = 0; i < positions; ++i) {
    const auto key = static_cast<std::uint32_t>(from[i]);
    const auto value = static_cast<std::uint32_t>(from[i] >> 32);
    std::memcpy(bytes.data() + i * sizeof(key), &key, sizeof(key));
    std::memcpy(bytes.data() + (positions + i) * sizeof(value), &value, sizeof(value));
  }
  return absl::OkStatus();
}

absl::Status FakeDecoder::ImportBlock(BlockIndex block, std::int32_t first, std::int32_t count,
                                      absl::Span<const std::byte> bytes) {
  PINTLE_CHECK(bytes.size() == static_cast<std::size_t>(count) * sizeof(std::uint64_t) &&
                   first >= 0 && first + count <= options_.block_tokens,
               "positions of one block");
  const auto positions = static_cast<std::size_t>(count);
  for (std::size_t i = 0; i < positions; ++i) {
    std::uint32_t key = 0;
    std::uint32_t value = 0;
    std::memcpy(&key, bytes.data() + i * sizeof(key), sizeof(key));
    std::memcpy(&value, bytes.data() + (positions + i) * sizeof(value), sizeof(value));
    At(block, first + static_cast<std::int32_t>(i)) = (std::uint64_t{value} << 32) | key;
  }
  return absl::OkStatus();
}

std::uint64_t FakeDecoder::Digest(absl::Span<const TokenId> context) const {
  std::uint64_t state = 0;
  Position position = 0;
  for (TokenId token : context) {
    state += Share(DigestOf(state, token, position), position);
    ++position;
  }
  return state;
}

TokenId FakeDecoder::ReferenceNext(absl::Span<const TokenId> context,
                                   absl::Span<const TokenId> masked) const {
  return Greedy(Digest(context), context.empty() ? -1 : context.back(), masked);
}

std::vector<TokenId> FakeDecoder::ReferenceTokens(absl::Span<const TokenId> prompt,
                                                  std::int32_t tokens) const {
  return ReferenceSampled(prompt, tokens, ResolvedSampling(), 0);
}

std::vector<TokenId> FakeDecoder::ReferenceSampled(absl::Span<const TokenId> prompt,
                                                   std::int32_t tokens,
                                                   const ResolvedSampling& sampling,
                                                   std::int32_t choice) const {
  std::vector<TokenId> context(prompt.begin(), prompt.end());
  std::uint64_t state = Digest(context);
  std::vector<float> logits;
  Sampler sampler;
  for (std::int32_t index = 0; index < tokens; ++index) {
    SampleRequest request;
    request.sampling = &sampling;
    request.choice = choice;
    request.index = index;
    request.context = context;
    request.output = absl::MakeConstSpan(context).subspan(prompt.size());
    SampledRow row;
    if (PlainGreedy(request)) {
      row.token = Greedy(state, context.back(), {});
    } else {
      FillLogits(state, context.back(), logits);
      sampler.Sample(absl::MakeSpan(logits), request, row);
    }
    const auto position = static_cast<Position>(context.size());
    state += Share(DigestOf(state, row.token, position), position);
    context.push_back(row.token);
    if (row.token == options_.eos_token && options_.eos_per_mille > 0) break;
  }
  return {context.begin() + static_cast<std::ptrdiff_t>(prompt.size()), context.end()};
}

}  // namespace pintle

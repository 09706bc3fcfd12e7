// SPDX-License-Identifier: Apache-2.0
// Nanoseconds per cache operation at 10^3 to 10^6 blocks: match, append, evict and release should
// not grow with the pool beyond what the processor's caches explain.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "worker/kv/kv_cache.h"

namespace pintle::kv {
namespace {

constexpr std::int32_t kWidth = 16;
constexpr std::int32_t kTurnBlocks = 16;

std::unique_ptr<KvCache> MakeCache(std::int64_t blocks) {
  KvOptions options;
  options.blocks = static_cast<std::int32_t>(blocks);
  options.block_tokens = kWidth;
  options.bytes_per_token = 1;
  options.hash_key = {1, 2};
  options.sequences_max = 8;
  options.sequence_blocks_max = 1024;
  return *KvCache::Create(options);
}

SessionKey Key(std::int64_t n) {
  return SessionKey{TenantId("t"), SessionId(absl::StrCat("s", n))};
}

std::vector<TokenId> Tokens(std::int64_t from, std::int32_t blocks) {
  std::vector<TokenId> tokens(static_cast<std::size_t>(blocks * kWidth));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = static_cast<TokenId>((from * 7919 + static_cast<std::int64_t>(i)) % 100003);
  }
  return tokens;
}

// Sessions of kTurnBlocks blocks each until the pool is full; returns their number.
std::int64_t Fill(KvCache& cache, std::int64_t blocks) {
  std::int64_t n = 0;
  for (; (n + 1) * kTurnBlocks <= blocks; ++n) {
    const std::vector<TokenId> tokens = Tokens(n, kTurnBlocks);
    KvSequence sequence = *cache.Begin(Key(n), tokens, absl::Seconds(n));
    cache.Grow(sequence, static_cast<Position>(tokens.size()), absl::Seconds(n)).IgnoreError();
    cache.Append(sequence, tokens, absl::Seconds(n));
    cache.CommitTurn(std::move(sequence), static_cast<Position>(tokens.size()), absl::Seconds(n));
  }
  return n;
}

void BM_MatchPerBlock(benchmark::State& state) {
  const auto cache = MakeCache(state.range(0));
  const std::int64_t sessions = Fill(*cache, state.range(0));
  std::int64_t n = 0;
  std::vector<TokenId> tokens;
  for (auto _ : state) {
    state.PauseTiming();
    n = (n + 1009) % sessions;
    tokens = Tokens(n, kTurnBlocks);
    const SessionKey key = Key(-1);  // a stranger: everything goes through the index
    state.ResumeTiming();
    benchmark::DoNotOptimize(cache->Match(key, tokens));
  }
  state.SetItemsProcessed(state.iterations() * kTurnBlocks);
}
BENCHMARK(BM_MatchPerBlock)->RangeMultiplier(10)->Range(1000, 1000000)->Iterations(2000);

// One decoded token: Grow (rarely a block) and Append, in an otherwise full pool.
void BM_AppendPerToken(benchmark::State& state) {
  const auto cache = MakeCache(state.range(0));
  Fill(*cache, state.range(0) - 600);
  KvSequence sequence = *cache->Begin(Key(-1), {1, 2}, absl::Hours(1));
  TokenId token = 0;
  for (auto _ : state) {
    if (sequence.tokens() >= 500 * kWidth) {
      state.PauseTiming();
      cache->Rewind(sequence, 0, absl::Hours(1));
      state.ResumeTiming();
    }
    cache->Grow(sequence, sequence.tokens() + 1, absl::Hours(1)).IgnoreError();
    token = (token + 1) % 50000;
    cache->Append(sequence, {token}, absl::Hours(1));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_AppendPerToken)->RangeMultiplier(10)->Range(1000, 1000000);

// Blocks taken from a full pool of idle sessions, one eviction each, and their release.
void BM_EvictAndReleasePerBlock(benchmark::State& state) {
  const auto cache = MakeCache(state.range(0));
  std::int64_t n = Fill(*cache, state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    const std::vector<TokenId> tokens = Tokens(++n, kTurnBlocks);
    const SessionKey key = Key(n);
    state.ResumeTiming();
    KvSequence sequence = *cache->Begin(key, tokens, absl::Seconds(n));
    cache->Grow(sequence, static_cast<Position>(tokens.size()), absl::Seconds(n)).IgnoreError();
    cache->Append(sequence, tokens, absl::Seconds(n));
    cache->CommitTurn(std::move(sequence), static_cast<Position>(tokens.size()), absl::Seconds(n));
  }
  state.SetItemsProcessed(state.iterations() * kTurnBlocks);
}
BENCHMARK(BM_EvictAndReleasePerBlock)->RangeMultiplier(10)->Range(1000, 1000000)->Iterations(2000);

}  // namespace
}  // namespace pintle::kv

BENCHMARK_MAIN();

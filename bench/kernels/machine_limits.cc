// SPDX-License-Identifier: Apache-2.0
#include "bench/kernels/machine_limits.h"

#include <immintrin.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/model/cpu/thread_share.h"

namespace pintle::bench {
namespace {

using Clock = std::chrono::steady_clock;

double Since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

__attribute__((target("avx2"))) std::int64_t SumOf(const std::int64_t* values, std::size_t count) {
  __m256i sums[4] = {};
  for (std::size_t i = 0; i + 16 <= count; i += 16) {
    const char* ahead = reinterpret_cast<const char*>(values + i) + 4096;
    __builtin_prefetch(ahead);
    __builtin_prefetch(ahead + 64);
    for (std::size_t j = 0; j < 4; ++j) {
      const auto* at = reinterpret_cast<const __m256i*>(values + i + 4 * j);
      sums[j] = _mm256_add_epi64(sums[j], _mm256_loadu_si256(at));
    }
  }
  const __m256i all =
      _mm256_add_epi64(_mm256_add_epi64(sums[0], sums[1]), _mm256_add_epi64(sums[2], sums[3]));
  return _mm256_extract_epi64(all, 0) + _mm256_extract_epi64(all, 1);
}

constexpr int kChains = 24;
constexpr int kLoops = 2'000'000;

// As many independent sums as the widest tile of the kernels has.
__attribute__((target("avx512f,avx512bf16"))) float DotChains() {
  __m512 sums[kChains];
#pragma GCC unroll 24
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  const __m512bh x = (__m512bh)_mm512_set1_epi32(0x3f803f80);
  for (int i = 0; i < kLoops; ++i) {
#pragma GCC unroll 24
    for (int c = 0; c < kChains; ++c) {
      // The compiler would keep one sum for all: they are equal.
      asm volatile("vdpbf16ps %1, %1, %0" : "+v"(sums[c]) : "v"(x));
    }
  }
  float total = 0.0F;
  // Unrolled like the others: an array that is indexed anywhere would live in memory everywhere.
#pragma GCC unroll 24
  for (auto& sum : sums) total += _mm512_reduce_add_ps(sum);
  return total;
}

}  // namespace

double ReadBandwidth(model::cpu::ComputePool& pool, int rounds) {
  const std::vector<std::int64_t> values(std::size_t{64} << 20, 1);
  std::vector<std::int64_t> sums(static_cast<std::size_t>(pool.threads()));
  double best = 1e9;
  for (int round = 0; round < rounds; ++round) {
    const auto start = Clock::now();
    pool.Run([&](int thread) {
      const model::cpu::ThreadShare share(static_cast<std::int32_t>(values.size() / 16),
                                          pool.threads(), thread);
      sums[static_cast<std::size_t>(thread)] =
          SumOf(values.data() + static_cast<std::size_t>(share.begin) * 16,
                static_cast<std::size_t>(share.end - share.begin) * 16);
    });
    best = std::min(best, Since(start));
  }
  return static_cast<double>(values.size() * sizeof(std::int64_t)) / best;
}

double Bf16Peak(model::cpu::ComputePool& pool) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx512bf16")) return 0.0;
  std::vector<float> sums(static_cast<std::size_t>(pool.threads()));
  double best = 1e9;
  for (int round = 0; round < 3; ++round) {
    const auto start = Clock::now();
    pool.Run([&](int thread) { sums[static_cast<std::size_t>(thread)] = DotChains(); });
    best = std::min(best, Since(start));
  }
  return 64.0 * kChains * kLoops * pool.threads() / best;
}

}  // namespace pintle::bench

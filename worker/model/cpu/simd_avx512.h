// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_SIMD_AVX512_H_
#define PINTLE_WORKER_MODEL_CPU_SIMD_AVX512_H_

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define PINTLE_SIMD static inline __attribute__((always_inline))

namespace pintle::model::cpu {
namespace {  // one copy per translation unit: see kernel_table.h

// Sixteen floats. bf16 is read as 32-bit lanes that hold two neighbouring k.
struct Simd {
  using Floats = __m512;
  // A class of its own, so that it never passes for Floats in an overload.
  struct Ints {
    __m512i v;
  };
  static constexpr int kWidth = 16;
  static constexpr int kTileRows = 12;  // 24 sums, 4 weights, 1-2 activations of 32 registers

  PINTLE_SIMD Floats Zero() { return _mm512_setzero_ps(); }
  PINTLE_SIMD Floats Set(float x) { return _mm512_set1_ps(x); }
  PINTLE_SIMD Floats Load(const float* p) { return _mm512_loadu_ps(p); }
  PINTLE_SIMD void Store(float* p, Floats x) { _mm512_storeu_ps(p, x); }
  PINTLE_SIMD Floats Add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
  PINTLE_SIMD Floats Sub(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
  PINTLE_SIMD Floats Mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  PINTLE_SIMD Floats Div(Floats a, Floats b) { return _mm512_div_ps(a, b); }
  PINTLE_SIMD Floats Fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
  // Of a NaN in `b` the result is NaN.
  PINTLE_SIMD Floats Max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
  PINTLE_SIMD Floats Min(Floats a, Floats b) { return _mm512_min_ps(a, b); }
  PINTLE_SIMD Floats Round(Floats a) {
    return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  PINTLE_SIMD Floats Columns(int first) {
    return _mm512_cvtepi32_ps(
        _mm512_add_epi32(_mm512_set1_epi32(first),
                         _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)));
  }
  // x where low <= column < high, else `other`.
  PINTLE_SIMD Floats Within(Floats column, Floats low, Floats high, Floats x, Floats other) {
    const __mmask16 inside =
        _mm512_cmp_ps_mask(column, low, _CMP_GE_OQ) & _mm512_cmp_ps_mask(column, high, _CMP_LT_OQ);
    return _mm512_mask_blend_ps(inside, other, x);
  }
  // x = `whole` + the result, which is in [0, 1); `whole` is for Scale alone.
  PINTLE_SIMD Floats Fraction(Floats x, Floats& whole) {
    whole = x;  // of which Scale takes the floor
    return _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  }
  PINTLE_SIMD bool AllBelow(Floats a, Floats limit) {
    return _mm512_cmp_ps_mask(a, limit, _CMP_LT_OQ) == 0xffff;
  }
  // a * 2^n for whole n in [-126, 127].
  PINTLE_SIMD Floats Scale(Floats a, Floats n) { return _mm512_scalef_ps(a, n); }
  PINTLE_SIMD float Sum(Floats a) { return _mm512_reduce_add_ps(a); }
  PINTLE_SIMD float Peak(Floats a) { return _mm512_reduce_max_ps(a); }

  PINTLE_SIMD Floats LowBf16(const std::uint16_t* p) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(p), 16));
  }
  PINTLE_SIMD Floats HighBf16(const std::uint16_t* p) {
    return _mm512_castsi512_ps(
        _mm512_and_si512(_mm512_loadu_si512(p), _mm512_set1_epi32(static_cast<int>(0xffff0000U))));
  }
  PINTLE_SIMD Floats LowBf16(Ints x) { return _mm512_castsi512_ps(_mm512_slli_epi32(x.v, 16)); }
  PINTLE_SIMD Floats HighBf16(Ints x) {
    return _mm512_castsi512_ps(
        _mm512_and_si512(x.v, _mm512_set1_epi32(static_cast<int>(0xffff0000U))));
  }
  PINTLE_SIMD Ints LoadWords(const std::uint16_t* p) { return {_mm512_loadu_si512(p)}; }
  // 16 bytes in every lane.
  PINTLE_SIMD Ints LoadTable(const std::uint8_t* p) {
    return {_mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  // A group of coded bf16 (kernel_table.h) as the words of a bf16 panel: [pair][vector].
  PINTLE_SIMD void DecodeGroup(const std::uint8_t* group, int, Ints table, Ints (&w)[2][2]) {
    const __m512i half = _mm512_set1_epi8(15);
    const __m512i codes = _mm512_loadu_si512(group + 128);
    const __m512i low0 = _mm512_loadu_si512(group);
    const __m512i low1 = _mm512_loadu_si512(group + 64);
    const __m512i high0 = _mm512_shuffle_epi8(table.v, _mm512_and_si512(codes, half));
    const __m512i high1 =
        _mm512_shuffle_epi8(table.v, _mm512_and_si512(_mm512_srli_epi16(codes, 4), half));
    w[0][0].v = _mm512_unpacklo_epi8(low0, high0);
    w[0][1].v = _mm512_unpackhi_epi8(low0, high0);
    w[1][0].v = _mm512_unpacklo_epi8(low1, high1);
    w[1][1].v = _mm512_unpackhi_epi8(low1, high1);
  }
  // Rounds to nearest even, NaN stays NaN.
  PINTLE_SIMD __m256i ToBf16(Floats x) {
#ifdef __AVX512BF16__
    // Takes numbers below 2^-126 for zero, as the dot product does.
    return (__m256i)_mm512_cvtneps_pbh(x);
#else
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
    const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    rounded = _mm512_mask_blend_epi32(nan, rounded, _mm512_set1_epi32(0x7fc00000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
#endif
  }
  PINTLE_SIMD void StoreBf16(std::uint16_t* p, Floats x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), ToBf16(x));
  }
  // Sixteen pairs become (x, 0), or keep their first and take x as their second.
  PINTLE_SIMD void StoreFirstOfPairs(std::uint16_t* p, Floats x) {
    _mm512_storeu_si512(p, _mm512_cvtepu16_epi32(ToBf16(x)));
  }
  PINTLE_SIMD void StoreSecondOfPairs(std::uint16_t* p, Floats x) {
    const __m512i first = _mm512_and_si512(_mm512_loadu_si512(p), _mm512_set1_epi32(0xffff));
    const __m512i second = _mm512_slli_epi32(_mm512_cvtepu16_epi32(ToBf16(x)), 16);
    _mm512_storeu_si512(p, _mm512_or_si512(first, second));
  }
  PINTLE_SIMD Ints SetInt(int x) { return {_mm512_set1_epi32(x)}; }
  PINTLE_SIMD Ints AddInts(Ints a, Ints b) { return {_mm512_add_epi32(a.v, b.v)}; }
  PINTLE_SIMD Floats IntsToFloats(Ints x) { return _mm512_cvtepi32_ps(x.v); }
  // 32 bytes as 16-bit numbers.
  PINTLE_SIMD Ints LoadInt8(const std::int8_t* p) {
    return {_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
  }
  // Adds the products of neighbouring 16-bit pairs.
  PINTLE_SIMD Ints DotInt16(Ints sum, Ints a, Ints b) {
#ifdef __AVX512VNNI__
    // GCC 12 spills the sums around the intrinsic.
    asm("vpdpwssd %2, %1, %0" : "+v"(sum.v) : "v"(a.v), "v"(b.v));
    return sum;
#else
    return {_mm512_add_epi32(sum.v, _mm512_madd_epi16(a.v, b.v))};
#endif
  }
  PINTLE_SIMD Floats LoadBf16(const std::uint16_t* p) {
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
  PINTLE_SIMD Ints LoadBytes(const std::uint8_t* p) { return {_mm512_loadu_si512(p)}; }
  PINTLE_SIMD Ints LowNibbles(Ints x) { return {_mm512_and_si512(x.v, _mm512_set1_epi8(15))}; }
  PINTLE_SIMD Ints HighNibbles(Ints x) {
    return {_mm512_and_si512(_mm512_srli_epi16(x.v, 4), _mm512_set1_epi8(15))};
  }
  // Adds to each lane the products of four unsigned bytes with four signed ones. Without VNNI the
  // instruction that multiplies bytes would saturate.
  PINTLE_SIMD Ints DotBytes(Ints sum, Ints bytes, Ints values) {
#ifdef __AVX512VNNI__
    // GCC 12 spills the sums around the intrinsic.
    asm("vpdpbusd %2, %1, %0" : "+v"(sum.v) : "v"(bytes.v), "v"(values.v));
    return sum;
#else
    const __m512i even = _mm512_madd_epi16(
        _mm512_and_si512(bytes.v, _mm512_set1_epi16(255)),
        _mm512_srai_epi16(_mm512_slli_epi16(values.v, 8), 8));
    const __m512i odd =
        _mm512_madd_epi16(_mm512_srli_epi16(bytes.v, 8), _mm512_srai_epi16(values.v, 8));
    return {_mm512_add_epi32(sum.v, _mm512_add_epi32(even, odd))};
#endif
  }
  // Rounds to nearest even; |x| <= 127.
  PINTLE_SIMD void StoreInt8(std::int8_t* p, Floats x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x)));
  }
  // Rounds to nearest even; 0 <= x <= 255.
  PINTLE_SIMD void StoreUint8(std::uint8_t* p, Floats x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x)));
  }
  PINTLE_SIMD Floats Abs(Floats a) { return _mm512_abs_ps(a); }
  // The lanes times a Hadamard matrix of ones: neighbours 1, 2, 4 and 8 apart become their sum and
  // their difference, in this order.
  PINTLE_SIMD Floats SumsAndDifferences(Floats x) {
    x = _mm512_fmadd_ps(x, Signs(1), _mm512_permute_ps(x, 0xb1));
    x = _mm512_fmadd_ps(x, Signs(2), _mm512_permute_ps(x, 0x4e));
    x = _mm512_fmadd_ps(x, Signs(4), _mm512_shuffle_f32x4(x, x, 0xb1));
    return _mm512_fmadd_ps(x, Signs(8), _mm512_shuffle_f32x4(x, x, 0x4e));
  }
  // -1 in lanes whose number has this bit, else 1.
  PINTLE_SIMD Floats Signs(int bit) {
    const auto at = [bit](int lane) { return (lane & bit) != 0 ? -1.0F : 1.0F; };
    return _mm512_setr_ps(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9),
                          at(10), at(11), at(12), at(13), at(14), at(15));
  }
  // Rounds to nearest even; |x| <= 32767.
  PINTLE_SIMD void StoreInt16(std::int16_t* p, Floats x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(x)));
  }
#ifdef __AVX512BF16__
  // What rounding to bf16 changes.
  PINTLE_SIMD Floats LossOfBf16(Floats x) {
    const __m512i rounded = _mm512_slli_epi32(_mm512_cvtepu16_epi32(ToBf16(x)), 16);
    return _mm512_sub_ps(_mm512_castsi512_ps(rounded), x);
  }
  // The first lane of a that equals x; 0 if none does.
  PINTLE_SIMD int FirstEqual(Floats a, Floats x) {
    return __builtin_ctz(_mm512_cmp_ps_mask(a, x, _CMP_EQ_OQ) | 0x10000) & 15;
  }
  // Stores a, then b, and adds neighbours of what was stored to the sum.
  PINTLE_SIMD Floats StoreBf16AndSum(std::uint16_t* p, Floats a, Floats b, Floats sum) {
    const __m512bh both = _mm512_cvtne2ps_pbh(b, a);
    _mm512_storeu_si512(p, (__m512i)both);
    return _mm512_dpbf16_ps(sum, both, (__m512bh)_mm512_set1_epi32(0x3f803f80));
  }
  PINTLE_SIMD Floats Dot(Floats sum, const std::uint16_t* weights, int pair) {
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_loadu_si512(weights),
                            (__m512bh)_mm512_set1_epi32(pair));
  }
  PINTLE_SIMD Floats Dot(Floats sum, Ints weights, int pair) {
    return _mm512_dpbf16_ps(sum, (__m512bh)weights.v, (__m512bh)_mm512_set1_epi32(pair));
  }
#endif
};

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_SIMD_AVX512_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_SIMD_AVX2_H_
#define PINTLE_WORKER_MODEL_CPU_SIMD_AVX2_H_

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#define PINTLE_SIMD static inline __attribute__((always_inline))

namespace pintle::model::cpu {
namespace {  // one copy per translation unit: see kernel_table.h

// Eight floats. bf16 is read as 32-bit lanes that hold two neighbouring k.
struct Simd {
  using Floats = __m256;
  // A class of its own, so that it never passes for Floats in an overload.
  struct Ints {
    __m256i v;
  };
  static constexpr int kWidth = 8;
  static constexpr int kTileRows = 4;  // 8 sums, 4 weights, 2 activations of 16 registers

  PINTLE_SIMD Floats Zero() { return _mm256_setzero_ps(); }
  PINTLE_SIMD Floats Set(float x) { return _mm256_set1_ps(x); }
  PINTLE_SIMD Floats Load(const float* p) { return _mm256_loadu_ps(p); }
  PINTLE_SIMD void Store(float* p, Floats x) { _mm256_storeu_ps(p, x); }
  PINTLE_SIMD Floats Add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
  PINTLE_SIMD Floats Sub(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
  PINTLE_SIMD Floats Mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
  PINTLE_SIMD Floats Div(Floats a, Floats b) { return _mm256_div_ps(a, b); }
  PINTLE_SIMD Floats Fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
  // Of a NaN in `b` the result is NaN.
  PINTLE_SIMD Floats Max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
  PINTLE_SIMD Floats Min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
  PINTLE_SIMD Floats Round(Floats a) {
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  PINTLE_SIMD Floats Columns(int first) {
    return _mm256_cvtepi32_ps(
        _mm256_add_epi32(_mm256_set1_epi32(first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)));
  }
  // x where low <= column < high, else `other`.
  PINTLE_SIMD Floats Within(Floats column, Floats low, Floats high, Floats x, Floats other) {
    const Floats inside = _mm256_and_ps(_mm256_cmp_ps(column, low, _CMP_GE_OQ),
                                        _mm256_cmp_ps(column, high, _CMP_LT_OQ));
    return _mm256_blendv_ps(other, x, inside);
  }
  // x = `whole` + the result, which is in [0, 1); `whole` is for Scale alone, which makes 0 of what
  // is below -126.
  PINTLE_SIMD Floats Fraction(Floats x, Floats& whole) {
    x = _mm256_max_ps(_mm256_set1_ps(-127.0F), _mm256_min_ps(_mm256_set1_ps(127.0F), x));
    whole = _mm256_floor_ps(x);
    return _mm256_sub_ps(x, whole);
  }
  PINTLE_SIMD bool AllBelow(Floats a, Floats limit) {
    return _mm256_movemask_ps(_mm256_cmp_ps(a, limit, _CMP_LT_OQ)) == 0xff;
  }
  // a * 2^n for whole n in [-126, 127]; 0 for n = -127.
  PINTLE_SIMD Floats Scale(Floats a, Floats n) {
    const __m256i exponent =
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(a, _mm256_castsi256_ps(exponent));
  }
  PINTLE_SIMD float Sum(Floats a) {
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps(x, x, 1)));
  }
  PINTLE_SIMD float Peak(Floats a) {
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_shuffle_ps(x, x, 1)));
  }

  PINTLE_SIMD Floats LowBf16(const std::uint16_t* p) {
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)), 16));
  }
  PINTLE_SIMD Floats HighBf16(const std::uint16_t* p) {
    return _mm256_castsi256_ps(
        _mm256_and_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
                         _mm256_set1_epi32(static_cast<int>(0xffff0000U))));
  }
  PINTLE_SIMD Floats LowBf16(Ints x) { return _mm256_castsi256_ps(_mm256_slli_epi32(x.v, 16)); }
  PINTLE_SIMD Floats HighBf16(Ints x) {
    return _mm256_castsi256_ps(
        _mm256_and_si256(x.v, _mm256_set1_epi32(static_cast<int>(0xffff0000U))));
  }
  PINTLE_SIMD Ints LoadWords(const std::uint16_t* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
  }
  // 16 bytes in every lane.
  PINTLE_SIMD Ints LoadTable(const std::uint8_t* p) {
    return {_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  // A group of coded bf16 (kernel_table.h) as the words of a bf16 panel: [pair][vector], of the
  // panel's first columns or from `pass` on.
  PINTLE_SIMD void DecodeGroup(const std::uint8_t* group, int pass, Ints table, Ints (&w)[2][2]) {
    const __m256i half = _mm256_set1_epi8(15);
    const auto* bytes = reinterpret_cast<const __m256i*>(group);
    for (int v = 0; v < 2; ++v) {
      const __m256i codes = _mm256_loadu_si256(bytes + 4 + v);
      const __m256i low0 = _mm256_loadu_si256(bytes + v);
      const __m256i low1 = _mm256_loadu_si256(bytes + 2 + v);
      const __m256i high0 = _mm256_shuffle_epi8(table.v, _mm256_and_si256(codes, half));
      const __m256i high1 =
          _mm256_shuffle_epi8(table.v, _mm256_and_si256(_mm256_srli_epi16(codes, 4), half));
      w[0][v].v = pass == 0 ? _mm256_unpacklo_epi8(low0, high0) : _mm256_unpackhi_epi8(low0, high0);
      w[1][v].v = pass == 0 ? _mm256_unpacklo_epi8(low1, high1) : _mm256_unpackhi_epi8(low1, high1);
    }
  }
  // Rounds to nearest even, NaN stays NaN; in 32-bit lanes.
  PINTLE_SIMD __m256i ToBf16(Floats x) {
    const __m256i bits = _mm256_castps_si256(x);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded =
        _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
    const Floats nan = _mm256_cmp_ps(x, x, _CMP_UNORD_Q);
    const Floats quiet = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000));
    return _mm256_srli_epi32(
        _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(rounded), quiet, nan)), 16);
  }
  PINTLE_SIMD void StoreBf16(std::uint16_t* p, Floats x) {
    const __m256i halves = ToBf16(x);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm_packus_epi32(_mm256_castsi256_si128(halves),
                                      _mm256_extracti128_si256(halves, 1)));
  }
  // Eight pairs become (x, 0), or keep their first and take x as their second.
  PINTLE_SIMD void StoreFirstOfPairs(std::uint16_t* p, Floats x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), ToBf16(x));
  }
  PINTLE_SIMD void StoreSecondOfPairs(std::uint16_t* p, Floats x) {
    auto* pairs = reinterpret_cast<__m256i*>(p);
    const __m256i first = _mm256_and_si256(_mm256_loadu_si256(pairs), _mm256_set1_epi32(0xffff));
    _mm256_storeu_si256(pairs, _mm256_or_si256(first, _mm256_slli_epi32(ToBf16(x), 16)));
  }

  PINTLE_SIMD Ints SetInt(int x) { return {_mm256_set1_epi32(x)}; }
  PINTLE_SIMD Ints AddInts(Ints a, Ints b) { return {_mm256_add_epi32(a.v, b.v)}; }
  PINTLE_SIMD Floats IntsToFloats(Ints x) { return _mm256_cvtepi32_ps(x.v); }
  // 16 bytes as 16-bit numbers.
  PINTLE_SIMD Ints LoadInt8(const std::int8_t* p) {
    return {_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
  }
  // Adds the products of neighbouring 16-bit pairs.
  PINTLE_SIMD Ints DotInt16(Ints sum, Ints a, Ints b) {
    return {_mm256_add_epi32(sum.v, _mm256_madd_epi16(a.v, b.v))};
  }
  PINTLE_SIMD Floats LoadBf16(const std::uint16_t* p) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  }
  PINTLE_SIMD Ints LoadBytes(const std::uint8_t* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))};
  }
  PINTLE_SIMD Ints LowNibbles(Ints x) { return {_mm256_and_si256(x.v, _mm256_set1_epi8(15))}; }
  PINTLE_SIMD Ints HighNibbles(Ints x) {
    return {_mm256_and_si256(_mm256_srli_epi16(x.v, 4), _mm256_set1_epi8(15))};
  }
  // Adds to each lane the products of four unsigned bytes with four signed ones. The instruction
  // that multiplies bytes would saturate.
  PINTLE_SIMD Ints DotBytes(Ints sum, Ints bytes, Ints values) {
    const __m256i even = _mm256_madd_epi16(
        _mm256_and_si256(bytes.v, _mm256_set1_epi16(255)),
        _mm256_srai_epi16(_mm256_slli_epi16(values.v, 8), 8));
    const __m256i odd =
        _mm256_madd_epi16(_mm256_srli_epi16(bytes.v, 8), _mm256_srai_epi16(values.v, 8));
    return {_mm256_add_epi32(sum.v, _mm256_add_epi32(even, odd))};
  }
  // Rounds to nearest even; |x| <= 127.
  PINTLE_SIMD void StoreInt8(std::int8_t* p, Floats x) {
    const __m256i whole = _mm256_cvtps_epi32(x);
    const __m128i halves =
        _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(halves, halves));
  }
  // Rounds to nearest even; 0 <= x <= 255.
  PINTLE_SIMD void StoreUint8(std::uint8_t* p, Floats x) {
    const __m256i whole = _mm256_cvtps_epi32(x);
    const __m128i halves =
        _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packus_epi16(halves, halves));
  }
  // The lanes times a Hadamard matrix of ones: neighbours 1, 2 and 4 apart become their sum and
  // their difference, in this order.
  PINTLE_SIMD Floats SumsAndDifferences(Floats x) {
    x = _mm256_fmadd_ps(x, Signs(1), _mm256_permute_ps(x, 0xb1));
    x = _mm256_fmadd_ps(x, Signs(2), _mm256_permute_ps(x, 0x4e));
    return _mm256_fmadd_ps(x, Signs(4), _mm256_permute2f128_ps(x, x, 1));
  }
  // -1 in lanes whose number has this bit, else 1.
  PINTLE_SIMD Floats Signs(int bit) {
    const auto at = [bit](int lane) { return (lane & bit) != 0 ? -1.0F : 1.0F; };
    return _mm256_setr_ps(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7));
  }
  PINTLE_SIMD Floats Abs(Floats a) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a);
  }
  // Rounds to nearest even; |x| <= 32767.
  PINTLE_SIMD void StoreInt16(std::int16_t* p, Floats x) {
    const __m256i whole = _mm256_cvtps_epi32(x);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p),
                     _mm_packs_epi32(_mm256_castsi256_si128(whole),
                                     _mm256_extracti128_si256(whole, 1)));
  }
};

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_SIMD_AVX2_H_

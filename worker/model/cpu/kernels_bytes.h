// SPDX-License-Identifier: Apache-2.0
// Rows rounded to whole numbers just before they are multiplied (kernel_table.h), and the tables of
// kernels that do so, over `Simd`, which the including translation unit has defined for its
// instruction set. Internal linkage throughout. The same row becomes the same bytes on every set.
#ifndef PINTLE_WORKER_MODEL_CPU_KERNELS_BYTES_H_
#define PINTLE_WORKER_MODEL_CPU_KERNELS_BYTES_H_

#include <cstddef>

#include "worker/model/cpu/kernel_table.h"
#include "worker/model/cpu/kernels_generic.h"
#include "worker/model/cpu/kernels_groups.h"

namespace pintle::model::cpu {
namespace {

// --- rows in bytes -------------------------------------------------------------------------------

// The sum of `n` bytes, n a multiple of 8.
PINTLE_SIMD std::int32_t SumOf(const Int8* bytes, std::int32_t n) {
  std::int32_t sum = 0;
  std::int32_t i = 0;
  for (; i + 32 <= n; i += 32) sum += Simd::SumOf32(bytes + i);
  for (; i < n; ++i) sum += bytes[i];
  return sum;
}

// Bytes of one scale, and what their row says about them.
struct RoundedGroup {
  float scale;
  std::int32_t sum;
};

// Rounds `n` floats to bytes of one scale and adds zeros up to `padded`. Anything that is not
// finite makes the scale NaN: NaN times anything is NaN, hence so are all products of the row.
PINTLE_SIMD RoundedGroup RoundGroup(const float* x, std::int32_t n, std::int32_t padded,
                                    Int8* out) {
  constexpr float kSteps = 127.0F;
  constexpr float kLeast = 1e-30F;  // below it all is 0: the inverse must stay finite
  Floats peaks = Simd::Zero();
  Floats zeros = Simd::Zero();
  std::int32_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const Floats value = Simd::Load(x + i);
    peaks = Simd::Max(peaks, Simd::Abs(value));
    zeros = Simd::Fma(value, Simd::Zero(), zeros);
  }
  float peak = Simd::Peak(peaks);
  float zero = Simd::Sum(zeros);
  for (; i < n; ++i) {
    const float size = __builtin_fabsf(x[i]);
    if (size > peak) peak = size;
    zero += x[i] * 0.0F;
  }
  if (zero != 0.0F) {
    __builtin_memset(out, 0, static_cast<std::size_t>(padded));
    return {__builtin_nanf(""), 0};
  }
  const bool some = peak > kLeast;
  const float inverse = some ? kSteps / peak : 0.0F;
  i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    Simd::StoreInt8(out + i, Simd::Mul(Simd::Load(x + i), Simd::Set(inverse)));
  }
  for (; i < n; ++i) out[i] = static_cast<Int8>(__builtin_rintf(x[i] * inverse));
  for (; i < padded; ++i) out[i] = 0;
  return {some ? peak / kSteps : 0.0F, SumOf(out, padded)};
}

PINTLE_SIMD void PutGroup(const RoundedGroup& rounded, char* at, const QuadGroup*) {
  const QuadGroup group{rounded.scale, -128 * rounded.sum};
  __builtin_memcpy(at, &group, sizeof(group));
}

PINTLE_SIMD void PutGroup(const RoundedGroup& rounded, char* at, const ByteGroup*) {
  const ByteGroup group{rounded.scale, rounded.scale * static_cast<float>(rounded.sum)};
  __builtin_memcpy(at, &group, sizeof(group));
}

// kSpreadInputs floats times a Hadamard matrix that is its own inverse.
template <typename VectorAt>
PINTLE_SIMD void SpreadBlock(float* out, const VectorAt& vector_at) {
  constexpr int kVectors = kSpreadInputs / kWidth;
  Floats x[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) x[v] = Simd::SumsAndDifferences(vector_at(v * kWidth));
#pragma GCC unroll 8
  for (int half = 1; half < kVectors; half *= 2) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      if ((v & half) != 0) continue;
      const Floats sum = Simd::Add(x[v], x[v + half]);
      x[v + half] = Simd::Sub(x[v], x[v + half]);
      x[v] = sum;
    }
  }
  const Floats factor = Simd::Set(kSpreadFactor);
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) Simd::Store(out + v * kWidth, Simd::Mul(x[v], factor));
}

// Rounds a row of n in groups; kGroup <= kQuadGroup.
template <typename Group, std::int32_t kGroup, bool kSpread, typename VectorAt, typename At>
PINTLE_SIMD void QuantizeToBytes(std::int32_t n, void* out, const VectorAt& vector_at,
                                 const At& at) {
  alignas(64) float values[kGroup];
  auto* bytes = static_cast<Int8*>(out);
  const std::int32_t padded = PaddedInputs(n);
  auto* group = reinterpret_cast<char*>(bytes + padded);
  for (std::int32_t first = 0; first < padded; first += kGroup) {
    const std::int32_t last = padded - first < kGroup ? padded : first + kGroup;
    const std::int32_t end = last < n ? last : n;
    std::int32_t i = first;
    if constexpr (kSpread) {
      for (; i + kSpreadInputs <= end; i += kSpreadInputs) {
        SpreadBlock(values + (i - first), [&](int j) { return vector_at(i + j); });
      }
    }
    for (; i + kWidth <= end; i += kWidth) Simd::Store(values + (i - first), vector_at(i));
    for (; i < end; ++i) values[i - first] = at(i);
    const RoundedGroup rounded = RoundGroup(values, end - first, last - first, bytes + first);
    PutGroup(rounded, group, static_cast<const Group*>(nullptr));
    group += sizeof(Group);
  }
}

// --- tables --------------------------------------------------------------------------------------

// How each kind of row is rounded; value(i) of a vector's lanes or of one element, i < n.
struct Rows16 {
  static constexpr Element kElement = Element::kInt16;
  template <typename VectorAt, typename At>
  PINTLE_SIMD void Round(std::int32_t n, void* out, const VectorAt& vector_at, const At& at) {
    // A group's sum of exact products stays within 32 bits.
    QuantizeRow(n, static_cast<Int16*>(out), vector_at, at, kInt8Group);
  }
};

struct SpreadByteRows {
  static constexpr Element kElement = Element::kSpreadByteRow;
  template <typename VectorAt, typename At>
  PINTLE_SIMD void Round(std::int32_t n, void* out, const VectorAt& vector_at, const At& at) {
    QuantizeToBytes<QuadGroup, kQuadGroup, true>(n, out, vector_at, at);
  }
};

struct ByteRows {
  static constexpr Element kElement = Element::kByteRow;
  template <typename VectorAt, typename At>
  PINTLE_SIMD void Round(std::int32_t n, void* out, const VectorAt& vector_at, const At& at) {
    QuantizeToBytes<ByteGroup, kInt4Group, false>(n, out, vector_at, at);
  }
};

template <typename Rows>
void NormalizeRounded(const float* x, const float* weight, float epsilon, std::int32_t n,
                      void* out) {
  const float inverse = InverseRms(x, epsilon, n);
  Rows::Round(
      n, out,
      [&](std::int32_t i) {
        return Simd::Mul(Simd::Mul(Simd::Load(x + i), Simd::Set(inverse)), Simd::Load(weight + i));
      },
      [&](std::int32_t i) { return x[i] * inverse * weight[i]; });
}

template <typename Rows>
void QuantizeRounded(const float* x, std::int32_t n, void* out) {
  Rows::Round(
      n, out, [&](std::int32_t i) { return Simd::Load(x + i); },
      [&](std::int32_t i) { return x[i]; });
}

template <typename Rows, typename Columns, typename Q, typename Kv>
constexpr KernelTable MakeGroupTable(const char* name) {
  KernelTable table = MakeTable<float, float, Q, Kv>(name);
  table.activation = Rows::kElement;
  table.multiply = &MultiplyGroups<Columns>;
  table.normalize = &NormalizeRounded<Rows>;
  table.quantize = &QuantizeRounded<Rows>;
  return table;
}

template <typename Q, typename Kv>
constexpr KernelTable MakeInt8Table(const char* name) {
  return MakeGroupTable<Rows16, Int8Columns, Q, Kv>(name);
}

template <typename Q, typename Kv>
constexpr KernelTable MakeW8A8Table(const char* name) {
  return MakeGroupTable<SpreadByteRows, QuadColumns, Q, Kv>(name);
}

template <typename Q, typename Kv>
constexpr KernelTable MakeInt4Table(const char* name) {
  return MakeGroupTable<ByteRows, Int4Columns, Q, Kv>(name);
}

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_KERNELS_BYTES_H_

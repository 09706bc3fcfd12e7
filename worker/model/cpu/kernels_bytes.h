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

// Bytes of one scale, and what their row says about them.
struct RoundedGroup {
  float scale;
  std::int32_t sum;
};

constexpr float kByteSteps = 127.0F;

// What a group's largest size says: its scale, and what values are multiplied with.
struct GroupSteps {
  PINTLE_SIMD GroupSteps Of(float peak) {
    constexpr float kLeast = 1e-30F;  // below it all is 0: the inverse must stay finite
    const bool some = peak > kLeast;
    return {some ? peak / kByteSteps : 0.0F, some ? kByteSteps / peak : 0.0F};
  }
  float scale;
  float inverse;
};

// Anything that is not finite makes the scale NaN: NaN times anything is NaN, hence so are all
// products of the row.
PINTLE_SIMD RoundedGroup NotFinite(std::int32_t padded, Int8* out) {
  __builtin_memset(out, 0, static_cast<std::size_t>(padded));
  return {__builtin_nanf(""), 0};
}

// Rounds `n` floats to bytes of one scale and adds zeros up to `padded`.
PINTLE_SIMD RoundedGroup RoundGroup(const float* x, std::int32_t n, std::int32_t padded,
                                    Int8* out) {
  float peak = 0.0F;
  float zero = 0.0F;
  for (std::int32_t i = 0; i < n; ++i) {
    const float size = __builtin_fabsf(x[i]);
    if (size > peak) peak = size;
    zero += x[i] * 0.0F;
  }
  if (zero != 0.0F) return NotFinite(padded, out);
  const GroupSteps steps = GroupSteps::Of(peak);
  std::int32_t sum = 0;
  for (std::int32_t i = 0; i < padded; ++i) {
    out[i] = i < n ? static_cast<Int8>(__builtin_rintf(x[i] * steps.inverse)) : Int8{0};
    sum += out[i];
  }
  return {steps.scale, sum};
}

// The same of a whole group in registers.
template <int kVectors>
PINTLE_SIMD RoundedGroup RoundVectors(const Floats (&x)[kVectors], Int8* out) {
  Floats peaks = Simd::Zero();
  Floats zeros = Simd::Zero();
#pragma GCC unroll 32
  for (int v = 0; v < kVectors; ++v) {
    peaks = Simd::Max(peaks, Simd::Abs(x[v]));
    zeros = Simd::Fma(x[v], Simd::Zero(), zeros);
  }
  if (Simd::Sum(zeros) != 0.0F) return NotFinite(kVectors * kWidth, out);
  const GroupSteps steps = GroupSteps::Of(Simd::Peak(peaks));
  const Floats inverse = Simd::Set(steps.inverse);
  Floats sums = Simd::Zero();  // of whole numbers, hence exact
#pragma GCC unroll 32
  for (int v = 0; v < kVectors; ++v) {
    const Floats whole = Simd::Round(Simd::Mul(x[v], inverse));
    Simd::StoreInt8(out + v * kWidth, whole);
    sums = Simd::Add(sums, whole);
  }
  return {steps.scale, static_cast<std::int32_t>(Simd::Sum(sums))};
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
PINTLE_SIMD void SpreadBlock(Floats* x) {
  constexpr int kVectors = kSpreadInputs / kWidth;
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) x[v] = Simd::SumsAndDifferences(x[v]);
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
  for (int v = 0; v < kVectors; ++v) x[v] = Simd::Mul(x[v], factor);
}

// The last group of a row of n, from `first` on, when it is not whole.
template <std::int32_t kGroup, bool kSpread, typename VectorAt, typename At>
PINTLE_SIMD RoundedGroup RoundLastGroup(std::int32_t first, std::int32_t n, std::int32_t padded,
                                        Int8* bytes, const VectorAt& vector_at, const At& at) {
  alignas(64) float values[kGroup];
  std::int32_t i = first;
  if constexpr (kSpread) {
    for (; i + kSpreadInputs <= n; i += kSpreadInputs) {
      Floats x[kSpreadInputs / kWidth];
#pragma GCC unroll 8
      for (int v = 0; v < kSpreadInputs / kWidth; ++v) x[v] = vector_at(i + v * kWidth);
      SpreadBlock(x);
#pragma GCC unroll 8
      for (int v = 0; v < kSpreadInputs / kWidth; ++v) {
        Simd::Store(values + (i - first) + v * kWidth, x[v]);
      }
    }
  }
  for (; i + kWidth <= n; i += kWidth) Simd::Store(values + (i - first), vector_at(i));
  for (; i < n; ++i) values[i - first] = at(i);
  return RoundGroup(values, n - first, padded - first, bytes + first);
}

// Rounds a row of n in groups; kGroup <= kQuadGroup.
template <typename Group, std::int32_t kGroup, bool kSpread, typename VectorAt, typename At>
PINTLE_SIMD void QuantizeToBytes(std::int32_t n, void* out, const VectorAt& vector_at,
                                 const At& at) {
  auto* bytes = static_cast<Int8*>(out);
  const std::int32_t padded = PaddedInputs(n);
  auto* group = reinterpret_cast<char*>(bytes + padded);
  std::int32_t first = 0;
  for (; first + kGroup <= n; first += kGroup) {
    Floats x[kGroup / kWidth];
#pragma GCC unroll 32
    for (int v = 0; v < kGroup / kWidth; ++v) x[v] = vector_at(first + v * kWidth);
    if constexpr (kSpread) {
#pragma GCC unroll 4
      for (int v = 0; v < kGroup / kWidth; v += kSpreadInputs / kWidth) SpreadBlock(x + v);
    }
    PutGroup(RoundVectors(x, bytes + first), group, static_cast<const Group*>(nullptr));
    group += sizeof(Group);
  }
  if (first == padded) return;
  PutGroup(RoundLastGroup<kGroup, kSpread>(first, n, padded, bytes, vector_at, at), group,
           static_cast<const Group*>(nullptr));
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

// SPDX-License-Identifier: Apache-2.0
// Compiled with this instruction set's flags; entered only where the processor has it.
#include "worker/model/cpu/simd_avx512.h"
// The kernels are templates over the Simd defined above.
#include "worker/model/cpu/kernels_byte_kv.h"
#include "worker/model/cpu/kernels_bytes.h"
#include "worker/model/cpu/kernels_generic.h"
#include "worker/model/cpu/kernels_int8_kv.h"

namespace pintle::model::cpu {
namespace {

// Of int8 keys and values.
const KernelTable* Int8KvKernels(Element weights) {
  static constexpr KernelTable kFloat = WithInt8Kv<float>(
      MakeTable<float, float, float, float>(""), "avx512 f32, int8 KV");
  static constexpr KernelTable kBf16 = WithInt8Kv<float>(
      MakeTable<float, Bf16, float, float>(""), "avx512 bf16 widened, int8 KV");
  static constexpr KernelTable kInt8 =
      WithInt8Kv<float>(MakeInt8Table<float, float>(""), "avx512 int8, int8 KV");
  static constexpr KernelTable kBytes = WithByteKv<float>(
      MakeW8A8Table<float, float>(""), "avx512 w8a8, int8 KV in quads");
  static constexpr KernelTable kInt4 = WithInt8Kv<float>(
      MakeInt4Table<float, float>(""), "avx512 int4, int8 KV");
  switch (weights) {
    case Element::kInt8: return &kInt8;
    case Element::kInt8Quad: return &kBytes;
    case Element::kInt4: return &kInt4;
    case Element::kBfloat16: return &kBf16;
    default: return &kFloat;
  }
}

}  // namespace

const KernelTable* Avx512Kernels(Element weights, Element kv) {
  if (kv == Element::kInt8) return Int8KvKernels(weights);
  static constexpr KernelTable kTables[2][2] = {
      {MakeTable<float, float, float, float>("avx512 f32"),
       MakeTable<float, float, float, Bf16>("avx512 f32, bf16 KV")},
      {MakeTable<float, Bf16, float, float>("avx512 bf16 widened, f32 KV"),
       MakeTable<float, Bf16, float, Bf16>("avx512 bf16 widened")}};
  static constexpr KernelTable kInt8Tables[2] = {MakeInt8Table<float, float>("avx512 int8, f32 KV"),
                                                 MakeInt8Table<float, Bf16>("avx512 int8")};
  static constexpr KernelTable kByteTables[2] = {
      MakeW8A8Table<float, float>("avx512 w8a8, f32 KV"),
      MakeW8A8Table<float, Bf16>("avx512 w8a8")};
  static constexpr KernelTable kInt4Tables[2] = {
      MakeInt4Table<float, float>("avx512 int4, f32 KV"),
      MakeInt4Table<float, Bf16>("avx512 int4")};
  if (weights == Element::kInt8Quad) return &kByteTables[kv == Element::kBfloat16];
  if (weights == Element::kInt4) return &kInt4Tables[kv == Element::kBfloat16];
  if (weights == Element::kInt8) return &kInt8Tables[kv == Element::kBfloat16];
  return &kTables[weights == Element::kBfloat16][kv == Element::kBfloat16];
}

}  // namespace pintle::model::cpu

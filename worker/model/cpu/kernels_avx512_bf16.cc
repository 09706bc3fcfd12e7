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
  static constexpr KernelTable kBf16 = WithInt8Kv<Bf16>(
      MakeTable<Bf16, Bf16, float, float>(""), "avx512_bf16, int8 KV");
  static constexpr KernelTable kInt8 =
      WithInt8Kv<float>(MakeInt8Table<float, float>(""), "avx512_vnni int8, int8 KV");
  static constexpr KernelTable kBytes = WithByteKv<float>(
      MakeW8A8Table<float, float>(""), "avx512_vnni w8a8, int8 KV in quads");
  static constexpr KernelTable kInt4 = WithInt8Kv<float>(
      MakeInt4Table<float, float>(""), "avx512_vnni int4, int8 KV");
  switch (weights) {
    case Element::kInt8: return &kInt8;
    case Element::kInt8Quad: return &kBytes;
    case Element::kInt4: return &kInt4;
    case Element::kBfloat16: return &kBf16;
    default: return nullptr;
  }
}

}  // namespace

const KernelTable* Avx512Bf16Kernels(Element weights, Element kv) {
  if (kv == Element::kInt8) return Int8KvKernels(weights);
  static constexpr KernelTable kInt8Tables[2] = {
      MakeInt8Table<float, float>("avx512_vnni int8, f32 KV"),
      MakeInt8Table<Bf16, Bf16>("avx512_vnni int8")};
  static constexpr KernelTable kByteTables[2] = {
      MakeW8A8Table<float, float>("avx512_vnni w8a8, f32 KV"),
      MakeW8A8Table<Bf16, Bf16>("avx512_vnni w8a8")};
  static constexpr KernelTable kInt4Tables[2] = {
      MakeInt4Table<float, float>("avx512_vnni int4, f32 KV"),
      MakeInt4Table<Bf16, Bf16>("avx512_vnni int4")};
  if (weights == Element::kInt8Quad) return &kByteTables[kv == Element::kBfloat16];
  if (weights == Element::kInt4) return &kInt4Tables[kv == Element::kBfloat16];
  if (weights == Element::kInt8) return &kInt8Tables[kv == Element::kBfloat16];
  // f32 weights gain nothing from the bf16 dot product: their kernels are plain AVX-512.
  if (weights != Element::kBfloat16) return nullptr;
  static constexpr KernelTable kTables[2] = {
      MakeTable<Bf16, Bf16, float, float>("avx512_bf16, f32 KV"),
      MakeTable<Bf16, Bf16, Bf16, Bf16>("avx512_bf16")};
  return &kTables[kv == Element::kBfloat16];
}

}  // namespace pintle::model::cpu

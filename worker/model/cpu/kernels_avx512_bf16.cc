// SPDX-License-Identifier: Apache-2.0
// Compiled with this instruction set's flags; entered only where the processor has it.
#include "worker/model/cpu/simd_avx512.h"
// The kernels are templates over the Simd defined above.
#include "worker/model/cpu/kernels_generic.h"

namespace pintle::model::cpu {

const KernelTable* Avx512Bf16Kernels(Element weights, Element kv) {
  static constexpr KernelTable kInt8Tables[2] = {
      MakeInt8Table<float, float>("avx512_vnni int8, f32 KV"),
      MakeInt8Table<Bf16, Bf16>("avx512_vnni int8")};
  if (weights == Element::kInt8) return &kInt8Tables[kv == Element::kBfloat16];
  // f32 weights gain nothing from the bf16 dot product: their kernels are plain AVX-512.
  if (weights != Element::kBfloat16) return nullptr;
  static constexpr KernelTable kTables[2] = {
      MakeTable<Bf16, Bf16, float, float>("avx512_bf16, f32 KV"),
      MakeTable<Bf16, Bf16, Bf16, Bf16>("avx512_bf16")};
  return &kTables[kv == Element::kBfloat16];
}

}  // namespace pintle::model::cpu

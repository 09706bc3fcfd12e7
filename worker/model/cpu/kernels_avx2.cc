// SPDX-License-Identifier: Apache-2.0
// Compiled with this instruction set's flags; entered only where the processor has it.
#include "worker/model/cpu/simd_avx2.h"
// The kernels are templates over the Simd defined above.
#include "worker/model/cpu/kernels_generic.h"

namespace pintle::model::cpu {

const KernelTable* Avx2Kernels(Element weights, Element kv) {
  static constexpr KernelTable kTables[2][2] = {
      {MakeTable<float, float, float, float>("avx2 f32"),
       MakeTable<float, float, float, Bf16>("avx2 f32, bf16 KV")},
      {MakeTable<float, Bf16, float, float>("avx2 bf16 widened, f32 KV"),
       MakeTable<float, Bf16, float, Bf16>("avx2 bf16 widened")}};
  static constexpr KernelTable kInt8Tables[2] = {MakeInt8Table<float, float>("avx2 int8, f32 KV"),
                                                 MakeInt8Table<float, Bf16>("avx2 int8")};
  if (weights == Element::kInt8) return &kInt8Tables[kv == Element::kBfloat16];
  return &kTables[weights == Element::kBfloat16][kv == Element::kBfloat16];
}

}  // namespace pintle::model::cpu

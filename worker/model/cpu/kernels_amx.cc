// SPDX-License-Identifier: Apache-2.0
// Compiled with this instruction set's flags; entered only where the processor has it and the
// system has granted it.
#include "worker/model/cpu/simd_avx512.h"
// The kernels are templates over the Simd defined above.
#include "worker/model/cpu/kernels_amx.h"

namespace pintle::model::cpu {
namespace {

// The processor's tiles. The compiler's own functions take a tile's number as a literal only.
struct ProcessorTiles {
  PINTLE_SIMD void Configure(const TileConfig& config) {
    asm volatile("ldtilecfg %0" : : "m"(config));
  }
  PINTLE_SIMD void Release() { asm volatile("tilerelease"); }
  template <int kTile>
  PINTLE_SIMD void Zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
  }
  template <int kTile>
  PINTLE_SIMD void Load(const void* lines, std::size_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2"
                 :
                 : "r"(lines), "r"(stride), "i"(kTile)
                 : "memory");
  }
  template <int kTile>
  PINTLE_SIMD void Store(void* lines, std::size_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
                 :
                 : "r"(lines), "r"(stride), "i"(kTile)
                 : "memory");
  }
  // Adds rows times weights.
  template <int kSums, int kRows, int kWeights>
  PINTLE_SIMD void Dot() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0"
                 :
                 : "i"(kSums), "i"(kRows), "i"(kWeights));
  }
};

// Attention, norms and the rest are AVX512_BF16's.
KernelTable WithTiles(Element kv, const char* name) {
  KernelTable table = *Avx512Bf16Kernels(Element::kBfloat16, kv);
  table.name = name;
  table.multiply = &MultiplyWithTiles<ProcessorTiles>;
  return table;
}

}  // namespace

const KernelTable* AmxKernels(Element weights, Element kv) {
  if (weights != Element::kBfloat16) return nullptr;
  static const KernelTable kFloats = WithTiles(Element::kFloat32, "amx, f32 KV");
  static const KernelTable kHalves = WithTiles(Element::kBfloat16, "amx");
  static const KernelTable kBytes = WithTiles(Element::kInt8, "amx, int8 KV");
  if (kv == Element::kInt8) return &kBytes;
  return kv == Element::kBfloat16 ? &kHalves : &kFloats;
}

}  // namespace pintle::model::cpu

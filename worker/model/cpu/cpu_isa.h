// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_CPU_ISA_H_
#define PINTLE_WORKER_MODEL_CPU_CPU_ISA_H_

#include <array>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/model/cpu/kernel_table.h"

namespace pintle::model::cpu {

// Instruction sets our kernels exist for, weakest first.
enum class CpuIsa { kAvx2, kAvx512, kAvx512Bf16, kAmx };
inline constexpr std::array<CpuIsa, 4> kCpuIsas = {CpuIsa::kAvx2, CpuIsa::kAvx512,
                                                   CpuIsa::kAvx512Bf16, CpuIsa::kAmx};

absl::string_view CpuIsaName(CpuIsa isa);

// The strongest set this processor has, or `limit` ("avx2", "avx512", "avx512_bf16", "amx") if that
// is weaker; an empty limit is "avx512_bf16". For amx the system is asked, once a process, to save
// the tiles of all its threads; if it does not, amx counts as absent. UNSUPPORTED_OPTION without
// AVX2 and FMA, INVALID_FIELD for another name.
absl::StatusOr<CpuIsa> ChooseCpuIsa(absl::string_view limit);

// The kernels of `isa`, or of the nearest weaker set that has the combination.
const KernelTable& KernelsFor(CpuIsa isa, Element weights, Element kv);

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_CPU_ISA_H_

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/cpu_isa.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"

namespace pintle::model::cpu {
namespace {

absl::StatusOr<CpuIsa> IsaOf(absl::string_view name) {
  for (const CpuIsa isa : {CpuIsa::kAvx2, CpuIsa::kAvx512, CpuIsa::kAvx512Bf16}) {
    if (name == CpuIsaName(isa)) return isa;
  }
  return InvalidField("cpu_isa",
                      absl::StrCat("is ", name, ", must be avx2, avx512 or avx512_bf16"));
}

// GCC's test covers cpuid and that the system saves the registers.
absl::StatusOr<CpuIsa> StrongestIsa() {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
    return MakeError(Reason::kUnsupportedOption, "this processor lacks AVX2 or FMA");
  }
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (!avx512) return CpuIsa::kAvx2;
  // Every processor with the one has the other so far; the kernels use both.
  const bool bf16 =
      __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
  return bf16 ? CpuIsa::kAvx512Bf16 : CpuIsa::kAvx512;
}

}  // namespace

absl::string_view CpuIsaName(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kAvx2: return "avx2";
    case CpuIsa::kAvx512: return "avx512";
    case CpuIsa::kAvx512Bf16: return "avx512_bf16";
  }
  return "avx2";
}

absl::StatusOr<CpuIsa> ChooseCpuIsa(absl::string_view limit) {
  PINTLE_ASSIGN_OR_RETURN(const CpuIsa strongest, StrongestIsa());
  if (limit.empty()) return strongest;
  PINTLE_ASSIGN_OR_RETURN(const CpuIsa wanted, IsaOf(limit));
  return std::min(strongest, wanted);
}

const KernelTable& KernelsFor(CpuIsa isa, Element weights, Element kv) {
  if (isa == CpuIsa::kAvx512Bf16) {
    if (const KernelTable* table = Avx512Bf16Kernels(weights, kv)) return *table;
  }
  if (isa >= CpuIsa::kAvx512) return *Avx512Kernels(weights, kv);
  return *Avx2Kernels(weights, kv);
}

}  // namespace pintle::model::cpu

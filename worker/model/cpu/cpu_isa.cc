// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/cpu_isa.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"

namespace pintle::model::cpu {
namespace {

absl::StatusOr<CpuIsa> IsaOf(absl::string_view name) {
  for (const CpuIsa isa : kCpuIsas) {
    if (name == CpuIsaName(isa)) return isa;
  }
  return InvalidField("cpu_isa",
                      absl::StrCat("is ", name, ", must be avx2, avx512, avx512_bf16 or amx"));
}

// Linux saves tiles only for a process that has asked to use them; for all of its threads then.
bool TilesGranted() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  static const bool granted = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return granted;
}

// At most `limit`. GCC's test covers cpuid and that the system saves the registers.
absl::StatusOr<CpuIsa> StrongestIsa(CpuIsa limit) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
    return MakeError(Reason::kUnsupportedOption, "this processor lacks AVX2 or FMA");
  }
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (!avx512 || limit == CpuIsa::kAvx2) return CpuIsa::kAvx2;
  // Every processor with the one has the other so far; the kernels use both.
  const bool bf16 =
      __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
  if (!bf16) return std::min(limit, CpuIsa::kAvx512);
  if (limit < CpuIsa::kAmx) return limit;
  const bool tiles = __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16");
  return tiles && TilesGranted() ? CpuIsa::kAmx : CpuIsa::kAvx512Bf16;
}

}  // namespace

absl::string_view CpuIsaName(CpuIsa isa) {
  switch (isa) {
    case CpuIsa::kAvx2: return "avx2";
    case CpuIsa::kAvx512: return "avx512";
    case CpuIsa::kAvx512Bf16: return "avx512_bf16";
    case CpuIsa::kAmx: return "amx";
  }
  return "avx2";
}

absl::StatusOr<CpuIsa> ChooseCpuIsa(absl::string_view limit) {
  // Nobody has measured the tiles on a processor yet, so they are for who asks for them.
  if (limit.empty()) return StrongestIsa(CpuIsa::kAvx512Bf16);
  PINTLE_ASSIGN_OR_RETURN(const CpuIsa wanted, IsaOf(limit));
  return StrongestIsa(wanted);
}

const KernelTable& KernelsFor(CpuIsa isa, Element weights, Element kv) {
  if (isa == CpuIsa::kAmx) {
    if (const KernelTable* table = AmxKernels(weights, kv)) return *table;
  }
  if (isa >= CpuIsa::kAvx512Bf16) {
    if (const KernelTable* table = Avx512Bf16Kernels(weights, kv)) return *table;
  }
  if (isa >= CpuIsa::kAvx512) return *Avx512Kernels(weights, kv);
  return *Avx2Kernels(weights, kv);
}

}  // namespace pintle::model::cpu

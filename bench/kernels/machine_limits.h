// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_BENCH_KERNELS_MACHINE_LIMITS_H_
#define PINTLE_BENCH_KERNELS_MACHINE_LIMITS_H_

#include "worker/model/cpu/compute_pool.h"

namespace pintle::bench {

// Bytes per second that all threads of `pool` read from memory together (STREAM style: sums over
// 512 MiB, each thread its own half); the best of `rounds`.
double ReadBandwidth(model::cpu::ComputePool& pool, int rounds);

// bf16 multiply-add operations per second (two per pair) of all threads together with operands in
// registers; 0 where the processor lacks AVX512_BF16.
double Bf16Peak(model::cpu::ComputePool& pool);

}  // namespace pintle::bench

#endif  // PINTLE_BENCH_KERNELS_MACHINE_LIMITS_H_

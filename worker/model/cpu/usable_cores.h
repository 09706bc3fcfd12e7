// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_USABLE_CORES_H_
#define PINTLE_WORKER_MODEL_CPU_USABLE_CORES_H_

#include <filesystem>
#include <optional>

namespace pintle::model::cpu {

// How many compute threads this process can keep running: one for each processor it may use, but no
// more whole ones than its control group's CPU quota pays for. Threads of a step wait for one
// another, so one that is stopped for the rest of a period stops them all: a quota of 2.5 is two.
// At least 1.
int UsableCores();

// The same as a function of what is known. `quota` in processors; unset: no limit.
int UsableCores(int allowed, std::optional<double> quota);

// The smallest CPU quota of this process's control group and of those around it, in processors:
// `cpu.max` (cgroup v2) or `cpu.cfs_quota_us / cpu.cfs_period_us` (v1), as the Linux kernel's
// Documentation/admin-guide/cgroup-v2.rst and scheduler/sched-bwc.rst describe them. Unset where
// there is none or where it cannot be read. `root` stands for "/" in tests.
std::optional<double> CpuQuota(const std::filesystem::path& root);

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_USABLE_CORES_H_

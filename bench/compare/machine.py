# SPDX-License-Identifier: Apache-2.0
"""The machine a run was made on, and whether it was quiet."""

import os
import platform
import time

# What decides which kernels engines take.
TELLING_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")


def describe():
    fields = {}
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            fields.setdefault(name.strip(), value.strip())
    with open("/proc/meminfo", encoding="utf-8") as lines:
        kib = int(lines.readline().split()[1])
    flags = fields.get("flags", "").split()
    return {
        "processor": fields.get("model name", "unknown"),
        "family": f"family {fields.get('cpu family', '?')}, model {fields.get('model', '?')}",
        "isa": [flag for flag in TELLING_FLAGS if flag in flags],
        "cores": os.cpu_count(),
        "memory_gib": round(kib / 2**20, 1),
        "system": f"{platform.system()} {platform.release()}",
    }


def load_average():
    return os.getloadavg()[0]


def _ticks():
    with open("/proc/stat", encoding="utf-8") as lines:
        values = [int(value) for value in lines.readline().split()[1:9]]
    idle = values[3] + values[4]
    return sum(values) - idle, sum(values)


def busy_share(seconds=0.25):
    """Share of all cores that is in use (stolen time too), seen while our engines are stopped."""
    busy, total = _ticks()
    time.sleep(seconds)
    busy_after, total_after = _ticks()
    return (busy_after - busy) / max(1, total_after - total)

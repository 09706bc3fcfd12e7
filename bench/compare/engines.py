# SPDX-License-Identifier: Apache-2.0
"""Every engine by its name. start() loads it or raises Unavailable; run(task) answers
{"tokens_per_second", ...}; between wake() and sleep() it may use the processor. warm(task) readies
it for its first run of a task where no trial round does."""

import os
import statistics

import places
import tasks
from driven import Driven, Unavailable
from llama_cpp import LlamaCpp

# Room for 64 streams of 192 tokens and for 4,128 of one.
PINTLE_KV_BYTES = 1 << 30
# What pintle-bench-decode is asked for by each of our names.
PINTLE_FLAGS = {
    tasks.PINTLE: ("--dtype", "bf16"),
    tasks.PINTLE_INT8: ("--dtype", "int8"),
    tasks.PINTLE_W8A8: ("--dtype", "w8a8", "--kv-dtype", "int8"),
}


class Process:
    """An engine that is one Driven process."""

    def __init__(self, name, command, environment=None, limits=False):
        self.name = name
        self._command = command
        self._environment = environment
        self._limits = limits
        self._driven = None

    def start(self):
        if not os.path.exists(self._command[0]):
            raise Unavailable(f"{os.path.basename(self._command[0])} is missing")
        log = places.PEERS / "logs" / (self.name.replace(" ", "_") + ".log")
        self._driven = Driven(self._command, log, self._environment)
        return {key: value for key, value in self._driven.loaded.items() if key != "op"}

    def run(self, task):
        """With the limits measured by the same process just before and after, if it can."""
        before = self._driven.ask({"op": "limits"}) if self._limits else None
        result = {"tokens_per_second": statistics.median(
            self._driven.ask(task.request)["tokens_per_second"] for _ in range(task.repeats))}
        if before:
            after = self._driven.ask({"op": "limits"})
            for key in ("read_bytes_per_second", "bf16_operations_per_second"):
                result[key] = (before[key] + after[key]) / 2
        return result

    def warm(self, task):
        self._driven.ask(task.warm_up)

    def wake(self):
        if self._driven:
            self._driven.wake()

    def sleep(self):
        if self._driven:
            self._driven.sleep()

    def stop(self):
        if self._driven:
            self._driven.stop()


def python_environment():
    """For the peers in Python: no network, caches of ours, no telemetry."""
    return {
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "XDG_CACHE_HOME": str(places.CACHE),
        "XDG_CONFIG_HOME": str(places.CACHE / "config"),
        "TORCHINDUCTOR_CACHE_DIR": str(places.CACHE / "inductor"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def vllm_libraries():
    """What vLLM asks to be loaded before everything else for its best speed. Without an OpenMP
    among them, threads that it binds to cores share one."""
    found = [*places.TCMALLOC.glob("libtcmalloc_minimal.so*"),
             *places.VENV_PYTHON.parents[1].glob("lib/libiomp5.so")]
    return ":".join(str(library) for library in found[:2])


def vllm_environment(threads):
    # Not OMP_NUM_THREADS: vLLM binds a thread to each core itself and warns of that variable.
    return {
        **python_environment(),
        "LD_PRELOAD": vllm_libraries(),
        "VLLM_CPU_KVCACHE_SPACE": "4",
        "VLLM_CPU_OMP_THREADS_BIND": f"0-{threads - 1}" if threads > 1 else "0",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CACHE_ROOT": str(places.CACHE / "vllm"),
        "VLLM_TARGET_DEVICE": "cpu",
        "DO_NOT_TRACK": "1",
    }


def create(name, model, threads, pintle_binary):
    drivers = places.HERE / "drivers"
    python = str(places.VENV_PYTHON)
    if name in PINTLE_FLAGS:
        return Process(name, [pintle_binary, "--model", str(model), "--threads", str(threads),
                              "--kv-bytes", str(PINTLE_KV_BYTES), *PINTLE_FLAGS[name]],
                       limits=True)
    if name == tasks.LLAMA:
        return LlamaCpp(name, places.gguf(model, "bf16"), threads)
    if name == tasks.LLAMA_Q8:
        return LlamaCpp(name, places.gguf(model, "q8_0"), threads)
    if name == tasks.VLLM:
        return Process(name, [python, str(drivers / "vllm_driver.py"), str(model), str(threads)],
                       # The engine in the driver's own process: one process to stop and wake.
                       {**vllm_environment(threads), "VLLM_ENABLE_V1_MULTIPROCESSING": "0"})
    return Process(name, [python, str(drivers / "transformers_driver.py"), str(model),
                          str(threads)],
                   {**python_environment(), "OMP_NUM_THREADS": str(threads)})

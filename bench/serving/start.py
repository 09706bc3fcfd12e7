# SPDX-License-Identifier: Apache-2.0
"""Start-up and memory of a worker: seconds from the start of the process to readiness SERVING with
the files in the page cache, and anonymous resident memory after the first turns, beside what it is
made of."""

import json
import pathlib
import re
import struct
import time

import processes
from processes import median, verdict

SECONDS_MAX = 2.0
EXTRA_MB_MAX = 150
# Small, so that a few turns touch all of it: what it may hold counts in full.
POOL_MIB = 128
MB = 1e6


def tensor_elements(model):
    """Elements of all tensors that the decoder packs: what the file holds, whatever its type."""
    elements = 0
    for path in pathlib.Path(model).glob("*.safetensors"):
        with path.open("rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        for name, tensor in header.items():
            if name == "__metadata__":
                continue
            count = 1
            for extent in tensor["shape"]:
                count *= extent
            elements += count
    return elements


def resident(pid):
    """Resident bytes by kind."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return {kind: int(re.search(rf"{kind}:\s+(\d+) kB", text)[1]) * 1024
            for kind in ("RssAnon", "RssFile", "RssShmem")}


def start(bench, load, options):
    began = time.monotonic()
    server = bench.server("pintle-worker", "--model", options.model, "--threads", options.threads,
                          "--kv-bytes", f"{POOL_MIB}MiB", "--dtype", options.dtype)
    # The address is printed once readiness is set; a health check confirms it from outside.
    health = load.ask(op="health", targets=[server.address])
    assert health["serving"], health
    return server, time.monotonic() - began


def main():
    parser = processes.flags(__doc__)
    parser.add_argument("--dtype", default="bf16", choices=["bf16", "f32"])
    options = parser.parse_args()
    processes.print_load("at the start")
    with processes.Bench(options.binaries) as bench:
        load = bench.load()
        server, _ = start(bench, load, options)  # brings the files into the page cache
        bench.stop(server)
        seconds = []
        for _ in range(options.rounds):
            server, took = start(bench, load, options)
            seconds.append(took)
            if len(seconds) < options.rounds:
                bench.stop(server)
        idle = resident(server.pid)
        for _ in range(3):
            run = load.ask(op="streams", targets=[server.address], streams=8, prompt=640,
                           tokens=32)
            assert run["wrong"] == 0, run
        used = resident(server.pid)
        bench.stop(server)
    # bf16 is packed in 12 bits where the model allows it (worker/model/cpu/coded_panels.h).
    packed = tensor_elements(options.model) * {"bf16": 1.5, "f32": 4}[options.dtype]
    pool = POOL_MIB << 20
    bound = 1.05 * packed + pool + EXTRA_MB_MAX * MB
    print(f"  starts: {', '.join(f'{one:.2f}' for one in seconds)} s", flush=True)
    print(f"  packed weights {packed / MB:.0f} MB, KV pool {pool / MB:.0f} MB, all of it "
          f"touched, resident anonymous {idle['RssAnon'] / MB:.0f} MB before and "
          f"{used['RssAnon'] / MB:.0f} MB after the first turns, of files "
          f"{used['RssFile'] / MB:.0f} MB", flush=True)
    processes.finish([
        verdict("start to SERVING, page cache warm", f"{median(seconds):.2f} s",
                f"<= {SECONDS_MAX:.0f} s", median(seconds) <= SECONDS_MAX),
        verdict("anonymous resident memory after the first turns",
                f"{used['RssAnon'] / MB:.0f} MB",
                f"<= {bound / MB:.0f} MB, 1.05 x packed weights + KV pool + 150 MB",
                used["RssAnon"] <= bound),
    ])


if __name__ == "__main__":
    main()

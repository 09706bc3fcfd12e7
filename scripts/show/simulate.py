#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Judges `pintle simulate` on the Mooncake FAST'25 conversation trace.

Prints each figure, its bound, PASS or FAIL; exits 1 when one failed.
Usage: simulate.py PINTLE TRACE
"""

import json
import subprocess
import sys
import time

CAPACITIES = ["0.01", "0.02", "0.05", "0.10", "0.20", "0.50"]
# Hit ratios of independent simulations of this trace.
EXPECTED = {
    "fifo": [0.0505, 0.0758, 0.1750, 0.2480, 0.3133, 0.3554],
    "lru": [0.0525, 0.0793, 0.1958, 0.2789, 0.3453, 0.3631],
    "belady": [0.2464, 0.3142, 0.3664, 0.3664, 0.3664, 0.3664],
}
TOLERANCE = 0.0005
GAINS = {"0.01": 1.8, "0.02": 1.8, "0.05": 1.08}
LOSS_MAX = 0.005

failed = False


def judge(line, passed):
    global failed
    failed = failed or not passed
    print(f"{line}: {'PASS' if passed else 'FAIL'}")


def main():
    pintle, trace = sys.argv[1:]
    start = time.monotonic()
    run = subprocess.run(
        [pintle, "simulate", "--trace", trace, "--policy", "all", "--capacity"]
        + [",".join(CAPACITIES), "--json"],
        stdout=subprocess.PIPE,
    )
    if run.returncode != 0:
        print(f"pintle simulate ended with {run.returncode}: FAIL")
        return 1
    seconds = time.monotonic() - start
    ratios = {}
    for point in json.loads(run.stdout):
        ratios.setdefault(point["policy"], []).append(point["hit_ratio"])

    for policy in ("lru", "belady"):
        for capacity, got, want in zip(CAPACITIES, ratios[policy], EXPECTED[policy]):
            judge(
                f"{policy} at {capacity}: {got:.4f}, expected {want:.4f} +-{TOLERANCE}",
                abs(got - want) <= TOLERANCE + 1e-9,
            )
    for capacity, lru, ours in zip(CAPACITIES, ratios["lru"], ratios["session_aware"]):
        if capacity in GAINS:
            judge(
                f"session_aware at {capacity}: {ours:.4f} = {ours / lru:.3f} x LRU, "
                f"bound >= {GAINS[capacity]}",
                ours >= GAINS[capacity] * lru,
            )
        judge(
            f"session_aware at {capacity}: {ours - lru:+.4f} against LRU, bound >= -{LOSS_MAX}",
            ours >= lru - LOSS_MAX,
        )
    print()
    for capacity, lru, ours, bound in zip(
        CAPACITIES, ratios["lru"], ratios["session_aware"], ratios["belady"]
    ):
        print(
            f"for information: at {capacity} session_aware covers "
            f"{(ours - lru) / (bound - lru):.0%} of the distance from LRU to Belady"
        )
    for capacity, got, plain in zip(CAPACITIES, ratios["fifo"], EXPECTED["fifo"]):
        print(
            f"for information: fifo at {capacity}: {got:.4f}; {plain:.4f} when a prefix may go "
            "before what continues it, which no policy here does"
        )
    replays = len(ratios) * len(CAPACITIES)
    print(f"for information: {replays} replays in {seconds:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Time to the first token of 32 new tokens after a long history, by where the history's KV is: in
memory, on disk, or nowhere. One run, the real model; prints each figure with its bound and PASS or
FAIL; exits accordingly."""

import contextlib
import random
import sys
import tempfile
import time

import harness

NEW_TOKENS = 32
LONG = 6000
SHORT = 2000
# bf16: room for one long conversation and little more, so that the next one pushes it to the disk.
POOL = "145MiB"
FILLER = 6500
REPEATS = 3


def ids_of(seed, count):
    source = random.Random(seed)
    return [source.randrange(1000, 40000) for _ in range(count)]


class Worker:
    def __init__(self, stack):
        disk = stack.enter_context(tempfile.TemporaryDirectory())
        self.server = harness.Server(
            "pintle-worker", "--listen", "127.0.0.1:0", "--model", harness.MODEL,
            "--kv-bytes", POOL, "--disk-tier", disk, "--disk-tier-size", "2GiB",
        )
        stack.callback(self.server.kill)
        self.client = harness.Client(self.server.address)

    def first_token(self, ids, session=""):
        """Seconds to the first token, and where the prompt's KV was found."""
        began = time.monotonic()
        stream = self.client.generate(
            session=session, tokens={"ids": ids},
            stopping={"max_tokens": 1, "ignore_eos": True}, sampling={"temperature": 0},
        )
        started = None
        seconds = None
        for response in stream:
            kind = response.WhichOneof("event")
            if kind == "started":
                started = response.started
            elif kind == "chunk" and seconds is None:
                seconds = time.monotonic() - began
        return seconds, started

    def conversation(self, name, seed, count):
        self.client.call("Sessions", "CreateSession", {"id": name})
        self.first_token(ids_of(seed, count), name)


def median(values):
    return sorted(values)[len(values) // 2]


def verdict(name, figure, bound, passed):
    print(f"{name}: {figure} (bound: {bound}) {'PASS' if passed else 'FAIL'}", flush=True)
    return passed


def measure(worker, history, seed):
    """Medians of cold, from memory and from disk."""
    name = f"s{history}"
    # The same prompt but for its first token, so that nothing of it is found.
    cold, _ = worker.first_token([999] + ids_of(seed, history + NEW_TOKENS)[1:])
    worker.conversation(name, seed, history)
    warm = []
    for i in range(REPEATS):
        seconds, started = worker.first_token(ids_of(seed + 100 + i, NEW_TOKENS), name)
        assert started.cached_tokens.session >= history, started
        warm.append(seconds)
    disk = []
    found = 0
    for i in range(REPEATS):
        worker.first_token(ids_of(seed + 200 + i, FILLER))  # pushes the conversation out
        seconds, started = worker.first_token(ids_of(seed + 300 + i, NEW_TOKENS), name)
        found = started.cached_tokens.disk
        assert found > 0.8 * history, started
        disk.append(seconds)
    worker.client.call("Sessions", "DeleteSession", {"id": name})
    print(f"{history} tokens: cold {cold:.3f} s, from memory {median(warm):.3f} s, "
          f"from disk {median(disk):.3f} s ({found} tokens)", flush=True)
    return cold, median(warm), median(disk)


def main():
    results = []
    with contextlib.ExitStack() as stack:
        worker = Worker(stack)
        worker.first_token(ids_of(1, 256))  # wakes everything up
        for history in (SHORT, LONG):
            cold, warm, disk = measure(worker, history, history)
            if history == LONG:
                results.append(verdict(
                    f"{NEW_TOKENS} new tokens at {history} in memory / cold", f"{warm / cold:.4f}",
                    "<= 0.05", warm <= cold / 20))
            results.append(verdict(
                f"{NEW_TOKENS} new tokens at {history} on disk / re-prefill", f"{disk / cold:.4f}",
                "<= 0.25", disk <= cold / 4))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

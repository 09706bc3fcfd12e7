# SPDX-License-Identifier: Apache-2.0
"""A worker behind a coordinator that keeps running is stopped, once with SIGTERM and once with
kill -9 after blocks of the session had gone to its disk tier, and started again: the session's next
turn comes from the disk and equals an uninterrupted run, with the real model in f32. Prints each
figure with its bound and PASS or FAIL; exits accordingly."""

import contextlib
import random
import signal
import sys
import tempfile

import harness

CONVERSATION = [
    "My name is Ada and I like green tea. Remember it, and write a short story about a teapot.",
    "What is my name, and what do I like? Then go on with the story.",
    "Write one sentence about it.",
]
OUTPUT_TOKENS = 64
# A pool for about 1,400 tokens in f32: what fills it pushes an idle session to the disk.
SMALL_POOL = "64MiB"


class Cluster:
    """A coordinator that lives on, and one worker that does not."""

    def __init__(self, stack, pool, disk=None):
        self.stack = stack
        self.pool = pool
        self.disk = disk
        self.coordinator = self.start("pintle-coordinator", "--worker-timeout", 3)
        self.client = harness.Client(self.coordinator.address)
        self.start_worker()

    def start(self, binary, *flags):
        server = harness.Server(binary, "--listen", "127.0.0.1:0", *flags)
        self.stack.callback(server.kill)
        return server

    def start_worker(self):
        tier = ["--disk-tier", self.disk, "--disk-tier-size", "1GiB"] if self.disk else []
        self.worker = self.start(
            "pintle-worker", "--model", harness.MODEL, "--coordinator", self.coordinator.address,
            "--name", "worker", "--dtype", "f32", "--kv-bytes", self.pool, "--grace-seconds", 20,
            *tier,
        )
        self.wait(1)

    def wait(self, count):
        harness.wait_until(
            lambda: len(self.client.call("Fleet", "ListWorkers").workers) == count, "the fleet"
        )

    def ask(self, text):
        return self.client.chat(text, "ada", max_tokens=OUTPUT_TOKENS)

    def tokens_on_disk(self):
        cache = harness.Client(self.worker.address)
        with contextlib.closing(cache):
            stats = cache.call("CacheStats", "GetCacheStats", {})
        tiers = [tier for worker in stats.workers for tier in worker.tiers]
        names = type(tiers[0]).DESCRIPTOR.fields_by_name["tier"].enum_type.values_by_number
        return sum(t.tokens_resident for t in tiers if "DISK" in names[t.tier].name)


def verdict(name, figure, bound, passed):
    print(f"{name}: {figure} (bound: {bound}) {'PASS' if passed else 'FAIL'}", flush=True)
    return passed


def uninterrupted():
    with contextlib.ExitStack() as stack:
        cluster = Cluster(stack, "256MiB")
        cluster.client.call("Sessions", "CreateSession", {"id": "ada"})
        return [cluster.ask(text) for text in CONVERSATION]


def push_to_disk(cluster, wanted):
    """Fills the pool with the prompts of others until the session's blocks have moved."""
    source = random.Random(1)
    for _ in range(8):
        if cluster.tokens_on_disk() >= wanted:
            return
        ids = [source.randrange(1000, 40000) for _ in range(1000)]
        cluster.client.turn(tokens={"ids": ids}, stopping={"max_tokens": 1})
    harness.wait_until(lambda: cluster.tokens_on_disk() >= wanted, "blocks on disk")


def restart(name, number, reference):
    with contextlib.ExitStack() as stack:
        disk = stack.enter_context(tempfile.TemporaryDirectory())
        cluster = Cluster(stack, SMALL_POOL, disk)
        cluster.client.call("Sessions", "CreateSession", {"id": "ada"})
        turns = [cluster.ask(text) for text in CONVERSATION[:-1]]
        if number == signal.SIGKILL:
            push_to_disk(cluster, 100)
        cluster.worker.signal(number)
        cluster.worker.wait()
        cluster.wait(0)
        cluster.start_worker()
        turns.append(cluster.ask(CONVERSATION[-1]))
        cached = turns[-1].started.cached_tokens
        history = turns[-2].usage.prompt_tokens + turns[-2].usage.completion_tokens
        same = [turn.tokens[0] for turn in turns] == [turn.tokens[0] for turn in reference]
        return all([
            verdict(f"{name}: tokens of turn 3 from the disk tier",
                    f"{cached.disk} of {history} of the history", "> 0", cached.disk > 0),
            verdict(f"{name}: turn 3 equals the uninterrupted run", "yes" if same else "no",
                    f"token for token, {len(reference[-1].tokens[0])} tokens", same),
        ])


def main():
    reference = uninterrupted()
    results = [
        restart("SIGTERM", signal.SIGTERM, reference),
        restart("kill -9", signal.SIGKILL, reference),
    ]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""A churn of 500 sessions over a pool for 50 on one fake worker over gRPC, without a tier below it
and then with one on disk: the ledgers of all tiers and of the sessions balance at
every look, and in the end events, Prometheus counters and GetCacheStats are equal to the token.

Usage: show_ledgers.py [--seconds 60] [--sessions 500] [--threads 8] [--seed 1]
"""

import argparse
import os
import random
import sys
import tempfile
import threading
import time

import cache_ledger
import harness

# Tokens of one session when its conversation is at its longest, so that fifty fill the pool.
SESSION_TOKENS = 600
# The tier below holds as much as so many pools. A slot is a page of label and one of content for
# each block of 16 tokens, where these take less.
TIER_POOLS = 2
SLOT_BYTES = 8192


def violations(cache):
    wrong = []
    for tier in cache.tiers:
        gone = sum(row.tokens for row in tier.removed)
        left = tier.tokens_stored + tier.tokens_moved_in - tier.tokens_moved_out - gone
        if left != tier.tokens_resident:
            wrong.append(f"physical: {left} is not the {tier.tokens_resident} resident")
        blocks = (tier.blocks_free + tier.blocks_in_use + tier.blocks_evictable
                  + tier.blocks_pinned)
        if blocks != tier.blocks_total:
            wrong.append(f"blocks: {blocks} of {tier.blocks_total}")
    held = cache.sessions.tokens_attached - sum(row.tokens for row in cache.sessions.detached)
    if held != cache.sessions.tokens_held:
        wrong.append(f"sessions: {held} is not the {cache.sessions.tokens_held} held")
    return wrong


class Churn:
    """Turns, cancels and deletions of random sessions until the time is over."""

    def __init__(self, address, sessions, seed, until):
        self.address, self.until = address, until
        self.sessions = [f"s{number}" for number in range(sessions)]
        self.turns = self.cancels = self.deletes = self.refused = 0
        self._seed = seed
        self._lock = threading.Lock()
        self._tokens = {}
        self._busy = set()

    def run(self, number):
        draw = random.Random(f"{self._seed}/{number}")
        client = harness.Client(self.address)
        while time.monotonic() < self.until:
            name = draw.choice(self.sessions)
            with self._lock:
                if name in self._busy:
                    continue
                self._busy.add(name)
            try:
                self._step(client, draw, name)
            finally:
                with self._lock:
                    self._busy.discard(name)
        client.close()

    def _step(self, client, draw, name):
        if name not in self._tokens:
            client.call("Sessions", "CreateSession", {"id": name})
            self._tokens[name] = 0
        if self._tokens[name] > SESSION_TOKENS or draw.random() < 0.02:
            client.call("Sessions", "DeleteSession", {"id": name})
            del self._tokens[name]
            with self._lock:
                self.deletes += 1
            return
        words = " ".join(draw.choices(("tea", "milk", "sugar", "kettle"), k=draw.randrange(2, 30)))
        request = {
            "session": name,
            "chat": {"messages": [{"role": "user", "parts": [{"text": words}]}]},
            "stopping": {"max_tokens": draw.randrange(1, 40)},
            "sampling": {"temperature": 0},
        }
        stream = client.call("Inference", "Generate", request)
        stop = draw.random() < 0.15
        try:
            for response in stream:
                kind = response.WhichOneof("event")
                if kind == "finished":
                    usage = response.finished.usage
                    self._tokens[name] = usage.prompt_tokens + usage.completion_tokens
                if stop and kind == "chunk":
                    stream.cancel()
        except harness.grpc.RpcError as error:
            with self._lock:
                if error.code() is harness.grpc.StatusCode.CANCELLED:
                    self.cancels += 1
                else:
                    self.refused += 1
            return
        with self._lock:
            self.turns += 1


def look(client, watch, found):
    cache = client.call("CacheStats", "GetCacheStats").workers[0]
    found.extend(violations(cache))
    return cache


def settled(client, watch, found):
    """The figures once the last events are told, a quarter of a second after the last turn."""
    deadline = time.monotonic() + 20
    cache = look(client, watch, found)
    while watch.differences(cache) and time.monotonic() < deadline:
        time.sleep(0.05)
        cache = look(client, watch, found)
    return cache


def churn(options, flags, title):
    """One worker with these flags under churn; prints its figures, answers whether all is well."""
    worker = harness.Server("pintle-worker-fake", *flags, listens=("listening", "metrics"))
    client = harness.Client(worker.address)
    watch = cache_ledger.Watch(client)
    load = Churn(worker.address, options.sessions, options.seed,
                 time.monotonic() + options.seconds)
    threads = [threading.Thread(target=load.run, args=(number,))
               for number in range(options.threads)]
    for thread in threads:
        thread.start()
    found, looks = [], 0
    while any(thread.is_alive() for thread in threads):
        look(client, watch, found)
        looks += 1
        time.sleep(0.05)
    cache = settled(client, watch, found)
    apart = watch.differences(cache)
    disagree = cache_ledger.counters_disagree(cache_ledger.metrics_of(worker.metrics), cache,
                                              cache_ledger.enums_of(cache))
    device, lower = cache.tiers[0], cache.tiers[1:]
    evictions = sum(row.evictions for row in cache.evictions)
    print(f"{title}: {options.seconds:.0f} s, {options.sessions} sessions, pool of"
          f" {device.blocks_total} blocks ({device.blocks_total * cache.block_tokens} tokens):"
          f" {load.turns} turns,"
          f" {load.cancels} cancelled, {load.deletes} sessions deleted, {load.refused} refused;"
          f" {evictions} evictions, {watch.ledger.events} events, {watch.gaps} gaps")
    for tier in lower:
        gone = sum(row.tokens for row in tier.removed)
        print(f"tier below: {tier.blocks_total} blocks, tokens stored {tier.tokens_stored}, moved"
              f" in {tier.tokens_moved_in}, moved out {tier.tokens_moved_out}, removed {gone},"
              f" resident {tier.tokens_resident}")
    print(f"ledger violations in {looks} looks: {len(found)} (bound 0)")
    print(f"figures in which events and GetCacheStats differ: {len(apart)} (bound 0)")
    print(f"figures in which Prometheus and GetCacheStats differ: {len(disagree)} (bound 0)")
    print(f"blocks in use afterwards: {device.blocks_in_use} (bound 0)")
    for line in (found + apart + disagree)[:10]:
        print(f"  {line}")
    for line in ([repr(watch.error)] if watch.error else []):
        print(f"  the watch ended: {line}")
    good = (not found and not apart and not disagree and device.blocks_in_use == 0
            and watch.error is None and watch.gaps == 0 and evictions > 0 and load.turns > 0
            and load.cancels > 0)
    good = good and all(tier.tokens_moved_in > 0 and tier.tokens_moved_out > 0 for tier in lower)
    watch.cancel()
    client.close()
    worker.stop()
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--sessions", type=int, default=500)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    # Bytes of one token's digests are asked from a first worker, so that the pool fits fifty.
    flags = ("--model", harness.MODEL, "--listen", "127.0.0.1:0", "--metrics-listen",
             "127.0.0.1:0")
    probe = harness.Server("pintle-worker-fake", *flags, listens=("listening", "metrics"))
    client = harness.Client(probe.address)
    token_bytes = client.call("CacheStats", "GetCacheStats").workers[0].bytes_per_token
    client.close()
    probe.stop()
    pool = 50 * (SESSION_TOKENS // 2) * token_bytes
    flags += ("--kv-bytes", str(pool))
    good = churn(options, flags, "no tier")
    # The tier is too small as well, so that it drops blocks of its own.
    with tempfile.TemporaryDirectory() as folder:
        size = TIER_POOLS * max(pool, SLOT_BYTES * pool // token_bytes // 16)
        # A fake that computes for nothing would find no block worth reading back.
        os.environ["PINTLE_FAKE_STEP_MICROS"] = "2000"
        good = churn(options, flags + ("--disk-tier", folder, "--disk-tier-size", str(size)),
                     "with a disk tier") and good
    print("PASS" if good else "FAIL")
    return 0 if good else 1


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    sys.exit(main())

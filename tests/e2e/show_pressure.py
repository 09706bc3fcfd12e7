# SPDX-License-Identifier: Apache-2.0
"""Sessions over a pool for half of their KV: {lru, session_aware} x {no tier, disk}, the real
model, one schedule. Prints what each arm prefilled again as its clients saw it, its time to first
token, the server's own regret figure, and the promised ratios with PASS or FAIL; exits accordingly.

Usage: show_pressure.py [--seed 1] [--sessions 40] [--json FILE]
"""

import argparse
import contextlib
import json
import pathlib
import random
import statistics
import sys
import tempfile
import threading
import time
import urllib.request

import harness

TURNS = 6
# A third of the sessions says nothing any more after this many turns. Nobody closes a session, nor
# do those that are through: a server is seldom told that a conversation is over.
ABANDONED_TURNS = 2
ANSWER_TOKENS = 24
# Heavy tails, as chats have them: one pause in ten is longer than six times the median, one in
# forty longer than fifteen times.
THINK_MEDIAN_SECONDS, THINK_SIGMA, THINK_MAX_SECONDS = 5.0, 1.4, 60.0
# A first message brings a text to talk about, later ones are of like length: the longest times to a
# first token are then those of lost history, not of what is new.
FIRST_WORDS, WORDS_MEDIAN, WORDS_SIGMA, WORDS_MAX = 100, 60, 0.5, 200
# All sessions have begun before half of them are through: they need far more than the pool's half
# of their KV while they last. Fewer seconds would make the processors the narrow place.
ARRIVALS_SECONDS = 50.0
TEMPLATE_TOKENS = 10
ARMS = [("lru", False), ("session_aware", False), ("lru", True), ("session_aware", True)]
VOCABULARY = (
    "river stone garden winter letter music bridge paper window silver travel morning market "
    "forest engine doctor island summer kitchen history picture village science library"
).split()


class Plan:
    """What one session will say and how long it waits before each turn; equal in every arm."""

    def __init__(self, number, draw, abandoned):
        self.name = f"session-{number}"
        turns = ABANDONED_TURNS if abandoned else TURNS
        self.arrival = draw.uniform(0, ARRIVALS_SECONDS)
        self.texts = []
        self.thinks = []
        for turn in range(turns):
            words = min(WORDS_MAX, int(draw.lognormvariate(0, WORDS_SIGMA) * WORDS_MEDIAN) + 5)
            words += FIRST_WORDS if turn == 0 else 0
            self.texts.append(f"{number} " + " ".join(draw.choices(VOCABULARY, k=words)))
            think = THINK_MEDIAN_SECONDS * draw.lognormvariate(0, THINK_SIGMA)
            self.thinks.append(min(THINK_MAX_SECONDS, think))


class Arm:
    """One run of the schedule against one worker."""

    def __init__(self, name):
        self.name = name
        self.lock = threading.Lock()
        self.again = 0
        self.history = 0
        self.turns_hit = 0
        self.ttft = []
        self.failures = []
        self.regret = None
        self.overflow = None
        self.preempted = 0

    def run(self, plans, address):
        began = time.monotonic()
        threads = [
            threading.Thread(target=self._session, args=(plan, address, began)) for plan in plans
        ]
        for thread in threads:
            thread.start()
        for done, thread in enumerate(threads):
            thread.join()
            if sys.stderr.isatty():
                print(f"\r{self.name}: {done + 1} of {len(threads)} sessions", end="",
                      file=sys.stderr, flush=True)

    def _session(self, plan, address, began):
        client = harness.Client(address)
        try:
            time.sleep(max(0.0, began + plan.arrival - time.monotonic()))
            client.call("Sessions", "CreateSession", {"id": plan.name})
            position = 0
            for turn, text in enumerate(plan.texts):
                if turn > 0:
                    time.sleep(plan.thinks[turn])
                position = self._turn(client, plan.name, text, position)
        except Exception as error:  # A failed session fails the arm, not the others' run.
            with self.lock:
                self.failures.append(f"{plan.name}: {error}")
        finally:
            client.close()

    def _turn(self, client, session, text, position):
        sent = time.monotonic()
        first = None
        started = usage = None
        for response in client.generate(
            timeout=300,
            session=session,
            chat={"messages": [{"role": "user", "parts": [{"text": text}]}]},
            stopping={"max_tokens": ANSWER_TOKENS, "ignore_eos": True},
            sampling={"temperature": 0},
        ):
            kind = response.WhichOneof("event")
            if kind == "started":
                started = response.started
            elif kind == "chunk" and first is None:
                first = time.monotonic() - sent
            elif kind == "finished":
                usage = response.finished.usage
        with self.lock:
            if position > 0:
                # The last token of the turn before was never computed: nobody could have kept it.
                self.history += position - 1
                lost = max(0, position - 1 - usage.cached_tokens)
                self.again += lost
                self.turns_hit += lost > 0
            self.ttft.append(first)
        return started.prompt_tokens + usage.completion_tokens

    def p95(self):
        return statistics.quantiles(self.ttft, n=20)[-1]


def metric(address, name, without=None):
    """Sum of a family over its labels, less the lines with that label; None when it has none."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    values = [float(line.rsplit(" ", 1)[1]) for line in lines
              if line.split("{")[0].split(" ")[0] == name and not (without and without in line)]
    return sum(values) if values else None


def worker(stack, kv_bytes, *flags):
    server = harness.Server(
        "pintle-worker", "--model", harness.MODEL, "--listen", "127.0.0.1:0",
        "--metrics-listen", "127.0.0.1:0", "--kv-bytes", kv_bytes, *flags,
        listens=("listening", "metrics"))
    stack.callback(server.kill)
    return server


def kv_bytes_needed(plans):
    """KV of all sessions at their ends, measured with the model's own tokenizer."""
    with contextlib.ExitStack() as stack:
        client = harness.Client(worker(stack, "64MiB").address)
        tokens = 0
        for plan in plans:
            for text in plan.texts:
                answer = client.call("Inference", "Tokenize", {"prompt": {"text": text}})
                tokens += len(answer.token_ids) + TEMPLATE_TOKENS + ANSWER_TOKENS
        per_token = client.call("CacheStats", "GetCacheStats").workers[0].bytes_per_token
        return tokens, tokens * per_token


def run_arm(plans, pool_bytes, policy, disk):
    arm = Arm(policy + (" + disk" if disk else ""))
    with contextlib.ExitStack() as stack:
        flags = ["--eviction-policy", policy]
        if disk:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pintle-tier-"))
            flags += ["--disk-tier", folder, "--disk-tier-size", str(8 * pool_bytes)]
        server = worker(stack, str(pool_bytes), *flags)
        arm.run(plans, server.address)
        # What a preempted turn computes again it had begun with: its client was told it was cached.
        arm.regret = metric(server.metrics, "pintle_kv_regret_tokens_total",
                            without='reason="PREEMPTED"')
        arm.preempted = metric(server.metrics, "pintle_kv_regret_tokens_total") - arm.regret
        arm.overflow = metric(server.metrics, "pintle_kv_regret_overflow_tokens_total") or 0
    return arm


def verdict(title, figure, bound, passed):
    print(f"{title}: {figure} (bound: {bound}) {'PASS' if passed else 'FAIL'}", flush=True)
    return passed


def check(arms):
    lru, aware = arms["lru"], arms["session_aware"]
    results = []
    base = max(1, lru.again)
    ratio = aware.again / base
    results.append(verdict("prefilled again, session_aware / lru", f"{ratio:.3f}", "<= 0.8",
                           ratio <= 0.8))
    for name in ("lru + disk", "session_aware + disk"):
        ratio = arms[name].again / base
        results.append(verdict(f"prefilled again, {name} / lru without tiers", f"{ratio:.3f}",
                               "<= 0.333", ratio <= 1 / 3))
    for name in ("session_aware", "session_aware + disk"):
        results.append(verdict(f"p95 TTFT, {name} / lru without tiers",
                               f"{arms[name].p95() / lru.p95():.3f}", "< 1",
                               arms[name].p95() < lru.p95()))
    for arm in arms.values():
        missing = arm.again - arm.regret
        equal = 0 <= missing <= arm.overflow
        results.append(verdict(
            f"{arm.name}: the server's regret / the clients' figure",
            f"{arm.regret:.0f} / {arm.again} tokens",
            f"equal but for the ghost list's overflow, {arm.overflow:.0f}", equal))
    return all(results)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sessions", type=int, default=40)
    parser.add_argument("--json", type=pathlib.Path)
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    order = list(range(arguments.sessions))
    draw.shuffle(order)
    abandoned = set(order[: arguments.sessions // 3])
    plans = [Plan(i, draw, i in abandoned) for i in range(arguments.sessions)]
    tokens, total = kv_bytes_needed(plans)
    pool = total // 2
    print(f"{len(plans)} sessions, {sum(len(plan.texts) for plan in plans)} turns, about {tokens} "
          f"tokens of KV; the pool takes {pool / 2**20:.0f} MiB, half of it", flush=True)
    arms = {}
    for policy, disk in ARMS:
        arm = run_arm(plans, pool, policy, disk)
        arms[arm.name] = arm
        print(f"{arm.name:<22} again {arm.again:>6} of {arm.history} history tokens "
              f"in {arm.turns_hit} turns, "
              f"TTFT median {1000 * statistics.median(arm.ttft):.0f} ms, "
              f"p95 {1000 * arm.p95():.0f} ms, regret {arm.regret:.0f}", flush=True)
        if arm.preempted:
            print(f"  and {arm.preempted:.0f} tokens of preempted turns, which no client sees")
        for failure in arm.failures:
            print(f"  failed: {failure}")
    if arguments.json:
        arguments.json.write_text(json.dumps({
            name: {"again": arm.again, "history": arm.history, "ttft": arm.ttft,
                   "regret": arm.regret} for name, arm in arms.items()}))
    failed = [failure for arm in arms.values() for failure in arm.failures]
    passed = check(arms)
    sys.exit(0 if passed and not failed else 1)


if __name__ == "__main__":
    main()

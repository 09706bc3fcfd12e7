# SPDX-License-Identifier: Apache-2.0
"""Our decoder beside transformers, interleaved: each round runs every measurement once on each.

Usage: compare.py --binary PINTLE_BENCH_DECODE --model DIR [--threads 2] [--rounds 5] [--check]

Prints one JSON object with the medians; --check prints the ratios that the project promises with
their bounds, PASS or FAIL, and exits 1 on a FAIL.
"""
import argparse
import json
import statistics
import subprocess
import sys
import time

import torch
from transformers import AutoModelForCausalLM

# Our name, operation, whether transformers runs it too.
MEASUREMENTS = [
    ("prefill_512", {"op": "prefill", "tokens": 512}, True),
    ("decode_1", {"op": "decode", "streams": 1, "prompt": 128, "tokens": 48}, True),
    ("decode_8", {"op": "decode", "streams": 8, "prompt": 128, "tokens": 24}, True),
    ("decode_32", {"op": "decode", "streams": 32, "prompt": 128, "tokens": 16}, True),
    ("cached_256", {"op": "decode", "streams": 1, "prompt": 128, "tokens": 256}, False),
    ("recomputed_256", {"op": "recompute", "prompt": 128, "tokens": 256}, False),
]

# A session of six turns, each 256 new tokens and 48 answered; the time to each turn's first token.
TURNS = {"turns": 6, "prompt": 256, "tokens": 48}
# Name, engine, whether the history's KV is kept between turns.
TURN_ROWS = [
    ("pintle, KV kept", "pintle", True),
    ("pintle, recomputed", "pintle", False),
    ("transformers, KV kept by hand", "transformers", True),
    ("transformers, recomputed", "transformers", False),
]

# What is promised: numerator, denominator, least ratio.
BOUNDS = [
    ("decode, 1 stream, against transformers", "pintle decode_1", "transformers decode_1", 2.0),
    ("decode, 32 streams, against transformers", "pintle decode_32", "transformers decode_32", 4.0),
    ("with KV cache, against without (256 tokens after 128)", "pintle cached_256",
     "pintle recomputed_256", 6.0),
]


class Pintle:
    def __init__(self, arguments):
        self.process = subprocess.Popen(
            [arguments.binary, "--model", arguments.model, "--threads", str(arguments.threads),
             "--dtype", "bf16"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.loaded = json.loads(self.process.stdout.readline())

    def run(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["tokens"], answer["seconds"]

    def turns(self, cached):
        self.process.stdin.write(json.dumps({"op": "turns", "cached": cached, **TURNS}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["ttft_seconds"]


class Transformers:
    def __init__(self, arguments):
        torch.set_num_threads(arguments.threads)
        self.model = AutoModelForCausalLM.from_pretrained(arguments.model,
                                                          dtype=torch.bfloat16).eval()

    @torch.inference_mode()
    def run(self, request):
        if request["op"] == "prefill":
            ids = torch.arange(1000, 1000 + request["tokens"])[None]
            start = time.monotonic()
            self.model(ids, use_cache=True, logits_to_keep=1)
            return request["tokens"], time.monotonic() - start
        streams = request["streams"]
        ids = torch.arange(1000, 1000 + streams * request["prompt"]).view(streams, -1)
        out = self.model(ids, use_cache=True, logits_to_keep=1)
        start = time.monotonic()
        for _ in range(request["tokens"]):
            ids = out.logits[:, -1:].argmax(-1)
            out = self.model(ids, past_key_values=out.past_key_values, use_cache=True,
                             logits_to_keep=1)
        return streams * request["tokens"], time.monotonic() - start

    @torch.inference_mode()
    def turns(self, cached):
        ttft = []
        past, history = None, torch.empty(1, 0, dtype=torch.long)
        for turn in range(TURNS["turns"]):
            new = torch.arange(1000 + turn, 1000 + turn + TURNS["prompt"])[None]
            history = torch.cat([history, new], dim=1)
            start = time.monotonic()
            # What the cache lacks: the new tokens and the last answer's last token.
            known = past.get_seq_length() if cached and past is not None else 0
            out = self.model(history[:, known:], past_key_values=past if cached else None,
                             use_cache=True, logits_to_keep=1)
            ids = out.logits[:, -1:].argmax(-1)
            ttft.append(time.monotonic() - start)
            for _ in range(TURNS["tokens"] - 1):
                history = torch.cat([history, ids], dim=1)
                out = self.model(ids, past_key_values=out.past_key_values, use_cache=True,
                                 logits_to_keep=1)
                ids = out.logits[:, -1:].argmax(-1)
            history = torch.cat([history, ids], dim=1)
            past = out.past_key_values
        return ttft


def measure(arguments):
    engines = {"pintle": Pintle(arguments), "transformers": Transformers(arguments)}
    rates = {}
    waits = {}
    for round_number in range(arguments.rounds + 1):
        for name, request, both in MEASUREMENTS:
            for engine in engines if both else ["pintle"]:
                tokens, seconds = engines[engine].run(request)
                # The first round warms caches and is not counted.
                if round_number > 0:
                    rates.setdefault(f"{engine} {name}", []).append(tokens / seconds)
        for name, engine, cached in TURN_ROWS:
            seconds = engines[engine].turns(cached)
            if round_number > 0:
                waits.setdefault(name, []).append(seconds)
        print(f"round {round_number} of {arguments.rounds}", file=sys.stderr, flush=True)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    by_turn = {name: [statistics.median(turn) for turn in zip(*rounds)]
               for name, rounds in waits.items()}
    return engines["pintle"].loaded, medians, by_turn


def print_turns(by_turn):
    print("time to first token by turn, milliseconds "
          f"({TURNS['prompt']} new tokens and {TURNS['tokens']} answered a turn)")
    print(f"{'turn':<32}" + "".join(f"{turn + 1:>8}" for turn in range(TURNS["turns"])))
    for name, seconds in by_turn.items():
        print(f"{name:<32}" + "".join(f"{1000 * second:>8.0f}" for second in seconds))


def check(medians):
    passed = True
    for title, numerator, denominator, bound in BOUNDS:
        ratio = medians[numerator] / medians[denominator]
        passed = passed and ratio >= bound
        print(f"{title}: {medians[numerator]:.1f} / {medians[denominator]:.1f} tokens/s = "
              f"{ratio:.2f}x, bound {bound:.0f}x: {'PASS' if ratio >= bound else 'FAIL'}")
    return passed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    loaded, medians, by_turn = measure(arguments)
    print(json.dumps({"load": loaded, "tokens_per_second": medians,
                      "ttft_seconds_by_turn": by_turn}, indent=1))
    print_turns(by_turn)
    if arguments.check and not check(medians):
        sys.exit(1)


main()

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


def measure(arguments):
    engines = {"pintle": Pintle(arguments), "transformers": Transformers(arguments)}
    rates = {}
    for round_number in range(arguments.rounds + 1):
        for name, request, both in MEASUREMENTS:
            for engine in engines if both else ["pintle"]:
                tokens, seconds = engines[engine].run(request)
                # The first round warms caches and is not counted.
                if round_number > 0:
                    rates.setdefault(f"{engine} {name}", []).append(tokens / seconds)
        print(f"round {round_number} of {arguments.rounds}", file=sys.stderr, flush=True)
    medians = {name: statistics.median(values) for name, values in rates.items()}
    return engines["pintle"].loaded, medians


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
    loaded, medians = measure(arguments)
    print(json.dumps({"load": loaded, "tokens_per_second": medians}, indent=1))
    if arguments.check and not check(medians):
        sys.exit(1)


main()

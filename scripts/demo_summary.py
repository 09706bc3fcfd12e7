#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the demo's figures say.

usage: demo_summary.py prompt SESSION.json            prints the ids of the last turn's whole prompt
       demo_summary.py summary 1.json 2.json cold.json [--check]
"""

import json
import sys

CACHED_SHARE_MIN = 0.95
TTFT_RATIO_MAX = 0.2


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def prompt_of_last_turn(session):
    """All ids of the transcript but the last turn's own output."""
    turns = session["transcript"]
    ids = [token for turn in turns for token in turn.get("tokenIds", [])]
    return ids[: len(ids) - turns[-1].get("outputTokens", 0)]


def row(name, turn):
    usage, timings = turn["usage"], turn["timings"]
    decode = timings["total_seconds"] - timings["ttft_seconds"]
    rate = (usage["completion_tokens"] - 1) / decode if decode > 0 else float("nan")
    return (
        f"{name:<22} {usage['prompt_tokens']:>8} {usage['cached_tokens']:>8} "
        f"{timings['ttft_seconds'] * 1e3:>9.0f} {rate:>9.1f}"
    )


def verdict(name, figure, bound, passed):
    print(f"{name}: {figure} (bound: {bound}) {'PASS' if passed else 'FAIL'}")
    return passed


def summary(first, second, cold, check):
    print(f"{'':<22} {'prompt':>8} {'cached':>8} {'TTFT ms':>9} {'tokens/s':>9}")
    print(row("turn 1", first))
    print(row("turn 2 (same session)", second))
    print(row("turn 2's prompt, cold", cold))
    # The last turn's final output token has no KV yet, so it cannot be cached.
    history = first["usage"]["prompt_tokens"] + first["usage"]["completion_tokens"]
    share = second["usage"]["cached_tokens"] / history
    ratio = second["timings"]["ttft_seconds"] / cold["timings"]["ttft_seconds"]
    print(f"\nturn 2 found {share:.1%} of its history cached; its TTFT is {ratio:.2f} of the cold")
    if not check:
        return True
    same = second["usage"]["prompt_tokens"] == cold["usage"]["prompt_tokens"]
    uncached = cold["usage"]["cached_tokens"] == 0
    return all(
        [
            verdict("two answered turns",
                    f"{len(first['text'])} and {len(second['text'])} characters", "> 0",
                    bool(first["text"].strip()) and bool(second["text"].strip())),
            verdict("turn 1's prompt", f"{first['usage']['prompt_tokens']} tokens", "about 1,000",
                    800 <= first["usage"]["prompt_tokens"] <= 1300),
            verdict("history cached at turn 2", f"{share:.3f}", f">= {CACHED_SHARE_MIN}",
                    share >= CACHED_SHARE_MIN),
            verdict("the one-shot is cold and equal", f"{cold['usage']['cached_tokens']} cached of "
                    f"{cold['usage']['prompt_tokens']}", f"0 of {second['usage']['prompt_tokens']}",
                    same and uncached),
            verdict("TTFT of turn 2 / cold", f"{ratio:.3f}", f"<= {TTFT_RATIO_MAX}",
                    ratio <= TTFT_RATIO_MAX),
        ]
    )


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "prompt":
        print(",".join(map(str, prompt_of_last_turn(load(arguments[1])))))
        return 0
    if len(arguments) in (4, 5) and arguments[0] == "summary":
        turns = [load(path) for path in arguments[1:4]]
        return 0 if summary(*turns, check=arguments[4:] == ["--check"]) else 1
    sys.stderr.write(__doc__)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

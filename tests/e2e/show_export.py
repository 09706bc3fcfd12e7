# SPDX-License-Identifier: Apache-2.0
"""Export from one worker, import into another: the next turn is bit-equal to no move at all. With
the real model, in f32 and in bf16. Prints each figure with its bound and PASS or FAIL."""

import contextlib
import sys

import archives
import harness

CONVERSATION = [
    "My name is Ada and I like green tea. Remember it, and tell me why tea is green.",
    "What is my name, and what do I like?",
]
QUESTION = "Write two sentences about it."


def worker(stack, dtype):
    server = harness.Server(
        "pintle-worker", "--listen", "127.0.0.1:0", "--model", harness.MODEL, "--threads", "1",
        "--dtype", dtype, "--kv-bytes", "256MiB",
    )
    stack.callback(server.kill)
    client = harness.Client(server.address)
    stack.callback(client.close)
    return client


def ask(client, session, text):
    return client.chat(text, session, max_tokens=32, output={"logprobs": True, "top_logprobs": 5})


def scores(turn):
    return [
        (entry.token_id, entry.logprob, [(top.token_id, top.logprob) for top in entry.top])
        for chunk in turn.chunks
        for entry in chunk.logprobs
    ]


def verdict(name, figure, bound, passed):
    print(f"{name}: {figure} (bound: {bound}) {'PASS' if passed else 'FAIL'}", flush=True)
    return passed


def show(dtype):
    with contextlib.ExitStack() as stack:
        source, target = worker(stack, dtype), worker(stack, dtype)
        source.call("Sessions", "CreateSession", {"id": "s"})
        for text in CONVERSATION:
            ask(source, "s", text)
        parts = archives.export(source, "s")
        answer = archives.import_(target, parts, "s")
        size = sum(map(len, parts))
        stayed, moved = ask(source, "s", QUESTION), ask(target, "s", QUESTION)
        equal = sum(a == b for a, b in zip(scores(stayed), scores(moved)))
        total = len(scores(stayed))
        return all([
            verdict(f"{dtype}: tokens whose KV moved ({size / 2**20:.1f} MiB)", answer.kv_tokens,
                    f"{answer.session.position - 1}, all but the last",
                    answer.kv_tokens == answer.session.position - 1),
            verdict(f"{dtype}: cached tokens of the next turn", moved.usage.cached_tokens,
                    f"{stayed.usage.cached_tokens}, as without a move",
                    moved.usage.cached_tokens == stayed.usage.cached_tokens > 0),
            verdict(f"{dtype}: tokens and top 5 log-probabilities, bit for bit",
                    f"{equal} of {total}", "all",
                    total > 0 and equal == total and moved.tokens == stayed.tokens),
        ])


if __name__ == "__main__":
    sys.exit(0 if all([show("f32"), show("bf16")]) else 1)

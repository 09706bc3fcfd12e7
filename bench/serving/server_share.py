# SPDX-License-Identifier: Apache-2.0
"""Decode speed of the server over gRPC against the bare engine's, on the same token counts."""

import processes
from processes import median, verdict

STREAMS = 32
PROMPT = 32
TOKENS = 192
SHARE_MIN = 0.90


def main():
    parser = processes.flags(__doc__)
    options = parser.parse_args()
    processes.print_load("at the start")
    model = ("--model", options.model, "--threads", options.threads)
    results = []
    with processes.Bench(options.binaries) as bench:
        load = bench.load()
        bare = bench.decode(*model)
        # Without drafts, as the bare engine: a step makes one token a stream.
        server = (*model, "--kv-bytes", "512MiB", "--speculation", "off")
        alone = bench.server("pintle-worker", *server)
        coordinator, joined = bench.cluster("pintle-worker", 1, *server, load=load)
        speeds = {"bare": [], "alone": [], "coordinator": []}
        worker_of = {"alone": alone, "coordinator": joined[0]}
        target_of = {"alone": alone, "coordinator": coordinator}

        def measure(name):
            if name == "bare":
                return bare.ask(op="decode", streams=STREAMS, prompt=PROMPT, tokens=TOKENS)
            run = load.ask(op="streams", targets=[target_of[name].address], streams=STREAMS,
                           prompt=PROMPT, tokens=TOKENS, pid=worker_of[name].pid)
            assert run["wrong"] == 0 and run["tokens"] > 0, run
            return run

        threads = {}
        names = list(speeds)
        for turn in range(-1, options.rounds):
            for name in names if turn % 2 == 0 else reversed(names):
                run = measure(name)
                if turn < 0:
                    continue
                speeds[name].append(run["tokens_per_second"])
                if name != "bare":
                    threads[name] = {thread: f"{seconds / run['tokens'] * 1e6:.1f}"
                                     for thread, seconds in run["thread_seconds"].items()
                                     if seconds / run["tokens"] > 1e-7}
        print(f"  bare engine {median(speeds['bare']):,.0f} tokens/s at {STREAMS} streams, "
              f"prompt {PROMPT}, {TOKENS} tokens, {options.threads} threads", flush=True)
        for name, what in (("alone", "a worker alone"), ("coordinator", "through a coordinator")):
            share = median([one / bare_one
                            for one, bare_one in zip(speeds[name], speeds["bare"])])
            print(f"  {what}: {median(speeds[name]):,.0f} tokens/s; CPU us a token by thread of "
                  f"the worker {threads[name]}", flush=True)
            results.append(verdict(f"decode speed at {STREAMS} streams, {what} / bare engine",
                                   f"{share:.3f}", f">= {SHARE_MIN:.2f}", share >= SHARE_MIN))
    processes.finish(results)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""What the coordinator costs: tokens relayed per CPU second of its process, what it adds to the
time to the first token, and, with the real model, to the time between tokens."""

import processes
from processes import median, verdict

STREAMS = 200
CONNECTIONS = 4
# Time of a worker's step: one at which the relay is mostly idle and each token goes to its client
# by itself, and one at which it is busy. The workers send each token in a message of its own.
STEP_MICROS = [10000, 2000]
TOKENS = 400
# Characters of ASCII: no token of the fake model is held back as half a character.
ASCII = {"PINTLE_FAKE_ASCII": "1", "PINTLE_FAKE_MERGE": "0"}
IDS = [1, 120]
FAKE = ("--model", "fake", "--kv-bytes", "64MiB")
PER_SECOND_MIN = 50_000
FIRST_TOKEN_MS_MAX = 0.5
GAP_MAX = 1.03


def relay(bench, load, options):
    results = []
    for micros in options.step_micros:
        rates = []
        environment = {**ASCII, "PINTLE_FAKE_STEP_MICROS": str(micros)}
        coordinator, workers = bench.cluster("pintle-worker-fake", 2, *FAKE,
                                             environment=environment, load=load, ids=IDS)
        for _ in range(options.rounds):
            run = load.ask(op="streams", targets=[coordinator.address], streams=STREAMS,
                           connections=CONNECTIONS, prompt=16, tokens=TOKENS,
                           pid=coordinator.pid, ids=IDS)
            assert run["wrong"] == 0 and run["tokens"] > 0, run
            rates.append(run["tokens"] / run["processor_seconds"])
            threads = {name: f"{seconds:.2f}" for name, seconds in run["thread_seconds"].items()
                       if seconds > 0.005}
            print(f"  a step each {micros} us: {run['tokens_per_second']:,.0f} tokens/s, "
                  f"{run['tokens'] / max(1, run['messages']):.2f} tokens a message to the client, "
                  f"{run['processor_seconds']:.2f} CPU s of {run['seconds']:.2f} s, "
                  f"{rates[-1]:,.0f} tokens per CPU s; threads {threads}", flush=True)
        for one in [*workers, coordinator]:
            bench.stop(one)
        results.append(verdict(
            f"tokens relayed per CPU second, {STREAMS} streams, one token a message, a step each "
            f"{micros} us", f"{median(rates):,.0f}", f">= {PER_SECOND_MIN:,}",
            median(rates) >= PER_SECOND_MIN))
    return all(results)


def first_token(bench, load, options):
    coordinator, workers = bench.cluster("pintle-worker-fake", 1, *FAKE, environment=ASCII,
                                         load=load, ids=IDS)
    alone = bench.server("pintle-worker-fake", *FAKE, environment=ASCII)
    load.ask(op="first", targets=[alone.address], turns=20, prompt=8, tokens=2, ids=IDS)
    run = load.ask(op="first", targets=[alone.address, coordinator.address],
                   turns=options.turns, prompt=16, tokens=2, ids=IDS)
    assert run["wrong"] == 0, run
    direct, through = (target["first_token"] for target in run["targets"])
    added = (through["p50"] - direct["p50"]) * 1e3
    print(f"  time to the first token, median of {options.turns}: direct {direct['p50'] * 1e3:.3f} "
          f"ms, through the coordinator {through['p50'] * 1e3:.3f} ms", flush=True)
    for one in [*workers, coordinator, alone]:
        bench.stop(one)
    return verdict("median time to the first token added by the coordinator",
                   f"{added:.3f} ms", f"<= {FIRST_TOKEN_MS_MAX} ms", added <= FIRST_TOKEN_MS_MAX)


def between_tokens(bench, load, options):
    # Without drafts: each token comes by itself.
    model = ("--model", options.model, "--kv-bytes", "256MiB", "--threads", options.threads,
             "--speculation", "off")
    coordinator, _ = bench.cluster("pintle-worker", 1, *model, load=load)
    alone = bench.server("pintle-worker", *model)
    results = []
    for streams in (1, 8):
        gaps = {"direct": [], "through": []}
        for turn in range(-1, options.rounds):
            targets = [("direct", alone), ("through", coordinator)]
            for name, server in targets if turn % 2 == 0 else reversed(targets):
                run = load.ask(op="streams", targets=[server.address], streams=streams, prompt=32,
                               tokens=192 if streams == 1 else 128)
                assert run["wrong"] == 0 and run["tokens"] > 0, run
                if turn >= 0:
                    gaps[name].append(run["gap"]["mean"])
        ratio = median([through / direct
                        for direct, through in zip(gaps["direct"], gaps["through"])])
        print(f"  {streams} stream(s), mean time between tokens: direct "
              f"{median(gaps['direct']) * 1e3:.2f} ms, through "
              f"{median(gaps['through']) * 1e3:.2f} ms", flush=True)
        results.append(verdict(f"inter-token latency through the coordinator / direct, "
                               f"{streams} stream(s), real model", f"{ratio:.3f}",
                               f"<= {GAP_MAX}", ratio <= GAP_MAX))
    return all(results)


def main():
    parser = processes.flags(__doc__)
    parser.add_argument("--turns", type=int, default=400)
    parser.add_argument("--step-micros", type=int, nargs="*", default=STEP_MICROS)
    parser.add_argument("--only", choices=["relay", "first", "gaps"])
    options = parser.parse_args()
    processes.print_load("at the start")
    parts = {"relay": relay, "first": first_token, "gaps": between_tokens}
    results = []
    with processes.Bench(options.binaries) as bench:
        load = bench.load()
        for name, part in parts.items():
            if options.only in (None, name):
                results.append(part(bench, load, options))
    processes.finish(results)


if __name__ == "__main__":
    main()

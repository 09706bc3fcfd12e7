# SPDX-License-Identifier: Apache-2.0
"""Running streams while a long prompt is computed: their inter-token latency beside it against
undisturbed, in one run, as a gRPC client sees it."""

import processes
from processes import median, verdict

STREAMS = 8
LONG_PROMPT = 4096
# The streams run undisturbed for so many tokens, and outlast the prompt.
UNDISTURBED = 100
TOKENS = 1500
RATIO_MAX = 2.5


def main():
    parser = processes.flags(__doc__)
    options = parser.parse_args()
    processes.print_load("at the start")
    ratios, first_tokens, alone_tokens = [], [], []
    with processes.Bench(options.binaries) as bench:
        load = bench.load()
        server = bench.server("pintle-worker", "--model", options.model, "--threads",
                              options.threads, "--kv-bytes", "1GiB", "--speculation", "off")
        load.ask(op="streams", targets=[server.address], streams=STREAMS, prompt=64, tokens=64)
        for _ in range(options.rounds):
            alone = load.ask(op="first", targets=[server.address], turns=1, prompt=LONG_PROMPT,
                             tokens=1)
            alone_tokens.append(alone["targets"][0]["first_token"]["p50"])
            run = load.ask(op="streams", targets=[server.address], streams=STREAMS, prompt=32,
                           tokens=TOKENS, beside_prompt=LONG_PROMPT, beside_after=UNDISTURBED)
            assert run["wrong"] == 0 and run["beside_covered"], run
            undisturbed, beside = run["undisturbed_gap"], run["beside_gap"]
            ratios.append(beside["p95"] / undisturbed["p95"])
            first_tokens.append(run["beside_first_token"])
            print(f"  p95 between tokens {undisturbed['p95'] * 1e3:.1f} ms, beside the prompt "
                  f"{beside['p95'] * 1e3:.1f} ms (median {undisturbed['p50'] * 1e3:.1f} and "
                  f"{beside['p50'] * 1e3:.1f}, longest {beside['max'] * 1e3:.1f}); the prompt's "
                  f"first token {first_tokens[-1]:.2f} s, alone {alone_tokens[-1]:.2f} s",
                  flush=True)
        print(f"  the prompt's time to its first token: {median(first_tokens):.2f} s beside "
              f"{STREAMS} streams, {median(alone_tokens):.2f} s alone", flush=True)
    processes.finish([verdict(
        f"p95 inter-token latency of {STREAMS} streams beside a {LONG_PROMPT}-token prompt / "
        "undisturbed", f"{median(ratios):.2f}", f"<= {RATIO_MAX}", median(ratios) <= RATIO_MAX)])


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""The run as text: the machine, a table of medians, the lines with their verdicts."""

import statistics

import ceilings
import lines

# Above this share of the processor in others' hands a run's figures are no measurement.
NOISY_SHARE = 0.05


def print_run(run):
    print_machine(run)
    if run["samples"]:
        print_table(run)
    for name, reason in run["unavailable"].items():
        print(f"NOT THERE: {name}: {reason}")
    if run["unavailable"]:
        print()
    print_verdicts(run["verdicts"])


def print_machine(run):
    machine = run["machine"]
    print(f"machine    {machine['processor']} ({machine['family']}), {machine['cores']} cores, "
          f"{machine['memory_gib']} GiB, {' '.join(machine['isa'])}")
    print(f"model      {run['model']}, bf16, {run['threads']} threads, "
          f"median of {run['rounds']} interleaved rounds"
          + (", fewer tokens (a large model)" if run.get("large") else ""))
    versions = {about["version"]: name for name, about in run["about"].items()
                if "version" in about}
    if versions:
        print("peers      " + ", ".join(f"{name.split()[0]} {version}"
                                        for version, name in versions.items()))
    limits = run["limits"]
    if limits:
        print(f"limits     reads {limits['read_bytes_per_second'] / 1e9:.1f} GB/s, bf16 peak "
              f"{limits['bf16_operations_per_second'] / 1e9:.0f} GFLOP/s, in the same process")
    busy = [stage["others_busy"] for stage in run["load"]]
    loads = [stage["load_average"] for stage in run["load"]]
    print(f"quiet?     load average {min(loads):.2f} to {max(loads):.2f}; with all engines stopped "
          f"{100 * max(busy):.0f} % of the processor was in use at most")
    if max(busy) > NOISY_SHARE:
        print("           NOISY: others worked meanwhile; only the ratios say anything")
    print()


def print_table(run):
    engines = list(dict.fromkeys(name for task in run["tasks"] for name in task.engines
                                 if name in run["about"] or name in run["unavailable"]))
    width = max(len(task.title) for task in run["tasks"]) + 1
    print("tokens per second")
    print(" " * width + "".join(f"{name:>20}" for name in short_names(engines)) + f"{'limit':>9}")
    for task in run["tasks"]:
        row = f"{task.title:<{width}}"
        for engine in engines:
            values = lines.rates(run["samples"], task.name, engine)
            row += f"{statistics.median(values):>20,.1f}" if values else f"{'-':>20}"
        if task.kind != "chat" and run["limits"]:
            row += f"{ceilings.tokens_per_second(task, run['shape'], run['limits']):>9,.0f}"
        print(row.rstrip())
    print_turns(run, engines)
    print()


def print_turns(run, engines):
    chats = [task for task in run["tasks"] if task.kind == "chat"]
    if not chats:
        return
    print("\ntime to the first token by turn, median, ms")
    for task in chats:
        for engine in engines:
            turns = lines.rates(run["samples"], task.name, engine, "ttft_seconds")
            if turns:
                medians = [statistics.median(values) for values in zip(*turns)]
                print(f"{task.title:<28}{engine:<34}"
                      + "".join(f"{1000 * value:>8.0f}" for value in medians))


def short_names(names):
    return [name.replace("coordinator + worker", "c+w").replace(" server", "") for name in names]


def print_verdicts(verdicts):
    width = max((len(verdict.title) for verdict in verdicts), default=0)
    for verdict in verdicts:
        figure = "-" if verdict.figure is None else f"{verdict.figure:.2f}x"
        sign = "<=" if verdict.at_most else ">="
        print(f"{verdict.title:<{width}}  {figure:>7}  bound {sign} {verdict.bound:.2f}x  "
              f"{verdict.word:<7}  {verdict.note}")

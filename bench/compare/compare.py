# SPDX-License-Identifier: Apache-2.0
"""Pintle beside llama.cpp, vLLM and transformers in one run: see README.md."""

import argparse
import dataclasses
import json
import os
import pathlib
import signal
import sys

import ceilings
import chart
import chat_rounds
import engines
import lines
import machine
import places
import report
import tasks
from progress import Progress
from rounds import Rounds
from shape import Shape

GROUPS = (*tasks.GROUPS, "chat")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=pathlib.Path, help="a Hugging Face folder")
    parser.add_argument("--synthetic", action="store_true",
                        help="the 1.1B Llama of random weights, with its own bounds, no chat")
    parser.add_argument("--only", default="",
                        help=f"groups, separated by commas: {', '.join(GROUPS)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--bin", type=pathlib.Path, default=places.ROOT / "build/release/bin",
                        help="where Pintle's binaries are")
    parser.add_argument("--json", type=pathlib.Path, help="writes the run, each sample too")
    parser.add_argument("--svg", type=pathlib.Path, help="writes the picture")
    options = parser.parse_args()
    if options.rounds < 1 or options.threads < 1:
        parser.error("--rounds and --threads are at least 1")
    options.groups = [group for group in options.only.split(",") if group] or list(GROUPS)
    unknown = set(options.groups) - set(GROUPS)
    if unknown:
        parser.error(f"no group {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    if options.synthetic and "chat" in options.groups:
        options.groups.remove("chat")
    options.model = options.model or (places.SYNTHETIC if options.synthetic else places.SMOLLM2)
    if not (options.model / "config.json").exists():
        parser.error(f"{options.model.name} is not there; run make "
                     + ("bench-compare-synthetic" if options.synthetic else "setup"))
    options.large = Shape(options.model).parameters_read > tasks.LARGE_PARAMETERS
    return options


def phases(options):
    """(tasks, engines) that are loaded together: those of the chat are servers of their own."""
    offline = tasks.tasks_of(options.groups, options.large)
    if offline:
        binary = str(options.bin / "pintle-bench-decode")
        yield offline, [engines.create(name, options.model, options.threads, binary)
                        for name in tasks.engines_of(offline)]
    if "chat" in options.groups:
        yield (chat_rounds.chat_tasks(tasks.Task),
               chat_rounds.create_engines(options.model, options.threads, options.bin))


class Run:
    """Gathers the phases into what is printed and written."""

    def __init__(self, options):
        self._options = options
        self.result = {
            "machine": machine.describe(), "model": options.model.name,
            "threads": options.threads, "rounds": options.rounds, "large": options.large,
            "tasks": [], "samples": {},
            "about": {}, "unavailable": {}, "load": [], "shape": Shape(options.model),
            "limits": None, "verdicts": [],
        }

    def measure(self):
        for its_tasks, its_engines in phases(self._options):
            self._phase(its_tasks, its_engines)
        self._judge()

    def _phase(self, its_tasks, its_engines):
        progress = Progress(self._options.rounds)
        rounds = Rounds(self._options.rounds, progress, self._options.large)
        self.result["tasks"] += its_tasks
        try:
            ready = rounds.start(its_engines)
            for _ in rounds.run(its_tasks, ready):
                self._take(rounds)
        finally:
            for engine in its_engines:
                engine.stop()
        self._take(rounds)
        self.result["load"] += rounds.load

    def _take(self, rounds):
        """After every round, so that a run that is broken off leaves its figures."""
        self.result["samples"].update(rounds.samples)
        self.result["about"].update(rounds.about)
        self.result["unavailable"].update(rounds.unavailable)
        self.result["limits"] = ceilings.of_run(self.result["samples"])
        self.write()

    def _judge(self):
        result, options = self.result, self._options
        result["verdicts"] = [
            lines.judge(line, result["samples"], result["unavailable"], options.rounds,
                        result["shape"].weight_bytes(), options.synthetic, options.large)
            for line in lines.LINES if line.group in options.groups]
        if "chat" in options.groups:
            result["verdicts"] += chat_rounds.judge(result["samples"], result["unavailable"],
                                                    options.rounds)
        self.write()

    def write(self):
        if self._options.json:
            plain = {**self.result, "shape": vars(self.result["shape"]),
                     "tasks": [dataclasses.asdict(task) for task in self.result["tasks"]],
                     "verdicts": [dataclasses.asdict(v) for v in self.result["verdicts"]]}
            self._options.json.parent.mkdir(parents=True, exist_ok=True)
            self._options.json.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
        if self._options.svg and self.result["samples"]:
            self._options.svg.parent.mkdir(parents=True, exist_ok=True)
            self._options.svg.write_text(chart.svg(self.result), encoding="utf-8")


def main():
    run = Run(arguments())
    # Ends by way of `finally`, so that no engine stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run.measure()
    report.print_run(run.result)
    kept = [verdict.word == lines.PASS for verdict in run.result["verdicts"]]
    print(f"\n{sum(kept)} of {len(kept)} lines kept")
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""Interleaves: each round runs every task once on every engine, one engine at a time, all others
stopped; every other round in the opposite order, so that a drift of the machine cancels out."""

import lines
import machine
from driven import Unavailable


class Rounds:
    """Collects samples[task][engine] = one result per counted round, None where it failed."""

    def __init__(self, rounds, progress, large=False):
        self._rounds = rounds
        # Of a large model: no trial round, and once is enough for a peer that decides no line.
        self._large = large
        self._warm = set()
        self._progress = progress
        self.samples = {}
        self.unavailable = {}
        self.about = {}
        self.load = []

    def start(self, engines):
        """Loads them one by one; each sleeps afterwards. Returns those that are there."""
        ready = {}
        for engine in engines:
            self._progress.say(f"loading {engine.name} ...")
            try:
                self.about[engine.name] = engine.start()
            except Unavailable as error:
                self.unavailable[engine.name] = str(error)
                self._progress.say(f"  NOT THERE: {engine.name}: {error}")
                continue
            engine.sleep()
            ready[engine.name] = engine
        return ready

    def run(self, tasks, engines):
        """Round 0 is a trial: it warms caches and lets engines choose settings. Without it, a
        short request before an engine's first sample of a task does."""
        numbers = range(1 if self._large else 0, self._rounds + 1)
        steps = [(task, engine) for task in tasks for engine in task.engines if engine in engines]
        names = {step: f"{step[0].title}: {step[1]}" for step in steps}
        self._progress.plan([(number, names[step]) for number in numbers
                             for step in self._order(steps, number)])
        for number in numbers:
            self.load.append({"round": number, "load_average": machine.load_average(),
                              "others_busy": round(machine.busy_share(1.0), 3)})
            for task, name in self._order(steps, number):
                if name in self.unavailable:
                    continue
                if self._large and lines.is_settled(task.name, name, self.samples):
                    self._progress.leave_out(number, names[(task, name)])
                    continue
                self._step(number, task, engines[name], names[(task, name)])
            yield number

    @staticmethod
    def _order(steps, number):
        return steps if number % 2 == 0 else steps[::-1]

    def _step(self, number, task, engine, name):
        self._progress.begin(number, name)
        engine.wake()
        try:
            if self._large and (task.name, engine.name) not in self._warm:
                self._warm.add((task.name, engine.name))
                engine.warm(task)
            result = engine.run(task)
            text = f"{result['tokens_per_second']:.1f} tokens/s"
        except Unavailable as error:
            # An engine that failed once is out: a median of the rest would be another load.
            self.unavailable[engine.name] = str(error)
            result, text = None, f"FAILED: {error}"
        finally:
            engine.sleep()
        self._progress.end(number, name, text)
        if number and result:
            self.samples.setdefault(task.name, {}).setdefault(engine.name, []).append(
                {**result, "round": number})

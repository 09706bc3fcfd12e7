# SPDX-License-Identifier: Apache-2.0
"""Says what runs now, how far the run is and about how long it will take."""

import sys
import time


class Progress:
    """Learns each step's duration from its last time; unknown steps count as the mean."""

    def __init__(self, rounds):
        self._rounds = rounds
        self._seconds = {}
        self._steps = []

    def plan(self, steps):
        """All steps of the whole run, in order: (round, name)."""
        self._steps = list(steps)

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def begin(self, number, name):
        self._started = time.monotonic()
        stage = f"round {number} of {self._rounds}" if number else "trial round"
        print(f"{stage}: {name} ...", end=" ", file=sys.stderr, flush=True)

    def leave_out(self, number, name):
        """A step of the plan that is not run after all."""
        self._steps = [step for step in self._steps if step != (number, name)]

    def end(self, number, name, result):
        self._seconds[name] = time.monotonic() - self._started
        if (number, name) in self._steps:
            self._steps = self._steps[self._steps.index((number, name)) + 1:]
        print(f"{result}; {self._left()}", file=sys.stderr, flush=True)

    def _left(self):
        mean = sum(self._seconds.values()) / len(self._seconds)
        left = sum(self._seconds.get(name, mean) for _, name in self._steps)
        if not self._steps:
            return "done"
        return f"about {left / 60:.0f} min left" if left >= 90 else f"about {left:.0f} s left"

# SPDX-License-Identifier: Apache-2.0
"""One engine is awake at a time; a failure costs its engine the run, not the others."""

import machine
import pytest
import rounds
import tasks
from driven import Unavailable
from progress import Progress


class FakeEngine:
    def __init__(self, name, journal, refuses=False, fails_in_run=None):
        self.name = name
        self._journal = journal
        self._refuses = refuses
        self._fails_in_run = fails_in_run
        self._runs = 0
        self.rate = None

    def start(self):
        if self._refuses:
            raise Unavailable("not installed")
        return {"version": "1"}

    def run(self, task):
        self._runs += 1
        self._journal.append(("run", self.name, task.name))
        if self._runs == self._fails_in_run:
            raise Unavailable("it ended")
        return {"tokens_per_second": self.rate or 10.0 * self._runs}

    def warm(self, task):
        self._journal.append(("warm", self.name, task.name))

    def wake(self):
        self._journal.append(("wake", self.name))

    def sleep(self):
        self._journal.append(("sleep", self.name))


def task_of(name, engines):
    return tasks.Task(name, name, "decode", 1, 1, 1, tuple(engines))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(machine, "busy_share", lambda seconds=0: 0.0)


def run(engines, its_tasks, count=2, large=False):
    journal = engines[0]._journal  # pylint: disable=protected-access
    its = rounds.Rounds(count, Progress(count), large)
    ready = its.start(engines)
    journal.clear()
    for _ in its.run(its_tasks, ready):
        pass
    return its


def test_the_trial_round_is_not_counted():
    journal = []
    its = run([FakeEngine("a", journal)], [task_of("t", "a")])
    assert [sample["tokens_per_second"] for sample in its.samples["t"]["a"]] == [20.0, 30.0]


def test_who_is_awake_is_alone():
    journal = []
    run([FakeEngine("a", journal), FakeEngine("b", journal)],
        [task_of("t", "ab"), task_of("u", "ab")])
    awake = set()
    for word, name, *_ in journal:
        if word == "wake":
            assert not awake
            awake.add(name)
        elif word == "run":
            assert awake == {name}
        else:
            awake.discard(name)
    assert not awake


def test_every_other_round_goes_the_other_way():
    journal = []
    run([FakeEngine("a", journal), FakeEngine("b", journal)], [task_of("t", "ab")])
    order = "".join(entry[1] for entry in journal if entry[0] == "run")
    assert order == "ab" + "ba" + "ab"


def test_an_engine_that_is_not_there_is_named_and_the_others_run():
    journal = []
    its = run([FakeEngine("a", journal), FakeEngine("b", journal, refuses=True)],
              [task_of("t", "ab")])
    assert its.unavailable == {"b": "not installed"}
    assert list(its.samples["t"]) == ["a"]


def test_an_engine_that_fails_once_is_not_asked_again():
    journal = []
    its = run([FakeEngine("a", journal, fails_in_run=2), FakeEngine("b", journal)],
              [task_of("t", "ab")])
    assert its.unavailable == {"a": "it ended"}
    assert [entry[1] for entry in journal if entry[0] == "run"].count("a") == 2
    assert len(its.samples["t"]["b"]) == 2


def test_a_large_model_has_a_short_request_in_place_of_the_trial_round():
    journal = []
    its = run([FakeEngine(tasks.PINTLE, journal)], [task_of("decode_64", [tasks.PINTLE])],
              large=True)
    assert [entry[0] for entry in journal if entry[0] in ("run", "warm")] == ["warm", "run", "run"]
    rates = [sample["tokens_per_second"] for sample in its.samples["decode_64"][tasks.PINTLE]]
    assert rates == [10.0, 20.0]


def test_of_a_large_model_a_peer_that_decides_nothing_is_measured_once():
    journal = []
    engines = [FakeEngine(name, journal) for name in (tasks.PINTLE, *tasks.PEERS)]
    for engine, rate in zip(engines, (90.0, 20.0, 40.0, 19.0)):
        engine.rate = rate
    its = run(engines, [task_of("decode_8", [engine.name for engine in engines])], large=True)
    counts = {name: len(values) for name, values in its.samples["decode_8"].items()}
    assert counts == {tasks.PINTLE: 2, tasks.LLAMA: 2, tasks.VLLM: 2, tasks.TRANSFORMERS: 1}

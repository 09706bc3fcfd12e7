# SPDX-License-Identifier: Apache-2.0
"""Set-up goes on where it stopped, names what failed and does not try what needs it."""

import install
import pytest


@pytest.fixture(name="steps")
def three_steps(monkeypatch, tmp_path):
    """base <- middle <- top; the journal of those that ran, and those that shall fail."""
    journal, failing = [], set()

    def step(name):
        def work():
            journal.append(name)
            if name in failing:
                raise install.Failed(f"{name} is broken")
        work.__name__ = name
        return work

    monkeypatch.setattr(install.places, "STAMPS", tmp_path)
    monkeypatch.setattr(install, "STEPS", {
        "base": (step("base"), (), ()), "middle": (step("middle"), ("base",), ()),
        "top": (step("top"), ("middle",), ())})
    return journal, failing


def run_all():
    failed = {}
    for name in install.STEPS:
        install.run(name, failed)
    return failed


def test_a_finished_step_is_not_repeated(steps):
    journal, _ = steps
    assert run_all() == {} and run_all() == {}
    assert journal == ["base", "middle", "top"]


def test_what_needs_a_failed_step_is_named_and_not_tried(steps):
    journal, failing = steps
    failing.add("middle")
    assert run_all() == {"middle": "middle is broken", "top": "top needs middle"}
    failing.clear()
    assert run_all() == {}
    assert journal == ["base", "middle", "middle", "top"]


def test_a_step_brings_all_that_it_needs(steps):
    assert steps and install.with_needs(["top"]) == {"base", "middle", "top"}

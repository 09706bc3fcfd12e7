# SPDX-License-Identifier: Apache-2.0
"""A driven process answers, stands still while it sleeps, and leaves nothing behind."""

import pathlib
import subprocess
import sys

import driven
import pytest
from driven import Driven, Unavailable

DRIVEN = pathlib.Path(driven.__file__).parent

ECHO = """
import json, sys
print("noise")
print(json.dumps({"op": "load", "version": "7"}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["op"] == "die":
        sys.exit("the disk is full")
    print(json.dumps({"error": "no"} if request["op"] == "refuse" else request), flush=True)
"""


@pytest.fixture(name="echo")
def start_echo(tmp_path):
    engine = Driven([sys.executable, "-c", ECHO], tmp_path / "log")
    yield engine
    engine.stop()


def state_of(engine):
    text = pathlib.Path(f"/proc/{engine.process.pid}/stat").read_text(encoding="utf-8")
    return text.rpartition(")")[2].split()[0]


def test_it_says_what_it_loaded_and_answers(echo):
    assert echo.loaded["version"] == "7"
    assert echo.ask({"op": "x", "tokens": 3}) == {"op": "x", "tokens": 3}


def test_it_stands_still_while_it_sleeps_and_answers_when_woken(echo):
    echo.sleep()
    echo.process.stdin.write('{"op": "late"}\n')
    echo.process.stdin.flush()
    while state_of(echo) != "T":
        pass
    echo.wake()
    assert echo.ask({"op": "next"}) == {"op": "late"}


def test_an_error_it_answers_is_the_reason(echo):
    with pytest.raises(Unavailable, match="^no$"):
        echo.ask({"op": "refuse"})


def test_its_last_words_are_the_reason_when_it_ends(echo):
    with pytest.raises(Unavailable, match="the disk is full"):
        echo.ask({"op": "die"})


def test_a_program_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(Unavailable, match="no-such-program"):
        Driven(["/no-such-program"], tmp_path / "log")


def test_it_dies_with_its_runner_even_asleep(tmp_path):
    runner = subprocess.run(
        [sys.executable, "-c", f"""
import sys
sys.path.append({str(DRIVEN)!r})
import os, pathlib
from driven import Stoppable
engine = Stoppable(["sleep", "600"], pathlib.Path({str(tmp_path / 'log')!r}))
engine.sleep()
print(engine.process.pid, flush=True)
os._exit(1)
"""], capture_output=True, text=True, check=False)
    stat = pathlib.Path(f"/proc/{int(runner.stdout)}/stat")
    while stat.exists() and stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z":
        pass


def test_it_is_gone_after_stop_even_out_of_its_sleep(echo):
    echo.sleep()
    echo.stop()
    assert echo.process.returncode is not None
    echo.stop()

# SPDX-License-Identifier: Apache-2.0
"""What a reader sees: who ran, who did not, under which load, and every line's verdict."""

import report
import tasks
from lines import not_run, verdict
from shape import Shape
from test_sizes import folder_of


def run_of(path, busy=0.0):
    task = tasks.Task("t", "decode", "decode", 1, 0, 1, (tasks.PINTLE, tasks.LLAMA, tasks.VLLM))
    limits = {"read_bytes_per_second": 3e10, "bf16_operations_per_second": 4e11}
    return {
        "machine": {"processor": "A processor", "family": "f", "cores": 2, "memory_gib": 1.0,
                    "isa": ["avx2"]},
        "model": "a model", "threads": 2, "rounds": 3, "tasks": [task], "limits": limits,
        "shape": Shape(folder_of(path, True)),
        "load": [{"load_average": 0.5, "others_busy": busy}],
        "about": {tasks.PINTLE: {}, tasks.LLAMA: {"version": "b1"}},
        "unavailable": {tasks.VLLM: "it is not installed"},
        "samples": {"t": {tasks.PINTLE: [{"tokens_per_second": 1234.5, **limits}] * 3,
                          tasks.LLAMA: [{"tokens_per_second": 99.0}] * 3}},
        "verdicts": [verdict("fast", 1.5, 1.2, "1 / 2"), not_run("slow", 2.0, "nobody")],
    }


def printed(run, capsys):
    report.print_run(run)
    return capsys.readouterr().out


def test_machine_medians_and_verdicts_are_there(tmp_path, capsys):
    text = printed(run_of(tmp_path), capsys)
    for part in ("A processor", "30.0 GB/s", "400 GFLOP/s", "1,234.5", "99.0", "llama.cpp b1",
                 "load average 0.50"):
        assert part in text, part
    assert "1.50x  bound >= 1.20x  PASS" in text
    assert "NOT RUN  nobody" in text


def test_who_is_not_there_is_named(tmp_path, capsys):
    assert f"NOT THERE: {tasks.VLLM}: it is not installed" in printed(run_of(tmp_path), capsys)


def test_a_noisy_run_says_so(tmp_path, capsys):
    assert "NOISY" in printed(run_of(tmp_path, busy=0.4), capsys)
    assert "NOISY" not in printed(run_of(tmp_path, busy=0.01), capsys)

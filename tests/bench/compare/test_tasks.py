# SPDX-License-Identifier: Apache-2.0
"""What a large model is spared, and how llama.cpp's settings are found for it."""

import json

import llama_cpp
import pytest
import tasks
from llama_cpp import LlamaCpp


def named(name, large=True):
    (task,) = [task for task in tasks.tasks_of(tasks.GROUPS, large) if task.name == name]
    return task


def test_a_large_model_has_fewer_steps_and_repeats_and_the_same_prompts():
    for small, large in zip(tasks.tasks_of(tasks.GROUPS), tasks.tasks_of(tasks.GROUPS, True)):
        assert (small.name, small.streams, small.prompt) == (large.name, large.streams,
                                                             large.prompt)
        assert small.engines == large.engines
        assert large.tokens <= small.tokens and large.repeats <= small.repeats
        if small.kind == "decode":
            assert large.streams * large.tokens >= min(32, small.tokens)


def test_a_warm_up_is_short_and_of_the_same_batch():
    assert named("decode_32").warm_up == {"op": "decode", "streams": 32, "prompt": 16, "tokens": 2}
    assert named("prefill_4096").warm_up == {"op": "prefill", "tokens": 64}


@pytest.fixture(name="calls")
def fake_programs(monkeypatch):
    """llama.cpp's programs as their arguments; without flash attention they are slower."""
    calls = []

    def answer(_self, program, *arguments):
        words = [str(argument) for argument in arguments]
        calls.append([program, *words])
        rate = 5.0 if words[words.index("-fa") + 1] == "off" else 10.0
        if program == "llama-batched-bench":
            return [json.dumps({"speed_tg": rate})]
        prompts = words[words.index("-p") + 1].split(",")
        return [json.dumps([{"n_prompt": int(n), "avg_ts": rate * int(n)} for n in prompts])]

    monkeypatch.setattr(llama_cpp.LlamaCpp, "_call", answer)
    return calls


def test_settings_are_chosen_on_a_quarter_and_two_go_on(calls):
    engine = LlamaCpp(tasks.LLAMA, "model", 2)
    task = named("decode_32")
    engine.warm(task)
    assert len(calls) == len(LlamaCpp.VARIANTS["decode"])
    assert all(call[call.index("-npp") + 1] == "32" for call in calls)
    calls.clear()
    assert engine.run(task)["tokens_per_second"] == 10.0
    assert len(calls) == 2 and not any("off" in call for call in calls)
    assert all(call[call.index("-npp") + 1] == "128" for call in calls)


def test_a_long_prompt_of_a_large_model_is_read_once(calls):
    engine = LlamaCpp(tasks.LLAMA, "model", 2)
    rate = engine.run(named("prefill_4096"))["tokens_per_second"]
    assert rate == 10.0 * 4096
    assert all("64,4096" in call and "--no-warmup" in call for call in calls)
    calls.clear()
    engine.run(named("prefill_4096", large=False))
    engine.run(named("prefill_512"))
    assert not any("--no-warmup" in call for call in calls)

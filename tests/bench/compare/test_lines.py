# SPDX-License-Identifier: Apache-2.0
"""A line counts only what ran, and the best peer decides."""

import chat_rounds
import lines
import tasks

WEIGHTS = 1_000_000


def samples_of(task, **rates):
    """rates: one list of tokens/s per engine."""
    names = {"ours": tasks.PINTLE, "llama": tasks.LLAMA, "vllm": tasks.VLLM,
             "hf": tasks.TRANSFORMERS}
    return {task: {names[name]: [{"tokens_per_second": rate} for rate in values]
                   for name, values in rates.items()}}


def line_of(task, against=tasks.PEERS, **more):
    return lines.Line("batch", "a line", task, tasks.PINTLE, against, 2.0, 1.0, **more)


def judge(line, samples, unavailable=None, rounds=3, **more):
    return lines.judge(line, samples, unavailable or {}, rounds, WEIGHTS, **more)


def test_the_best_peer_decides():
    samples = samples_of("t", ours=[30] * 3, llama=[10] * 3, vllm=[20] * 3, hf=[1] * 3)
    verdict = judge(line_of("t"), samples)
    assert verdict.figure == 1.5 and verdict.word == lines.FAIL and tasks.VLLM in verdict.note
    assert judge(line_of("t"), samples, synthetic=True).word == lines.PASS


def test_a_round_is_compared_with_itself():
    samples = samples_of("t", ours=[20, 40, 60], llama=[10, 20, 30])
    assert judge(line_of("t", (tasks.LLAMA,)), samples).figure == 2.0


def test_a_peer_that_is_not_there_makes_the_line_fail():
    samples = samples_of("t", ours=[90] * 3, llama=[10] * 3, hf=[1] * 3)
    verdict = judge(line_of("t"), samples, {tasks.VLLM: "it is not installed"})
    assert verdict.word == lines.NOT_RUN and "not installed" in verdict.note


def test_a_peer_that_ended_half_way_makes_the_line_fail():
    samples = samples_of("t", ours=[90] * 3, llama=[10] * 2)
    assert judge(line_of("t", (tasks.LLAMA,)), samples).word == lines.NOT_RUN


def test_of_a_large_model_a_peer_left_far_behind_needs_one_sample():
    samples = samples_of("t", ours=[90] * 3, llama=[9], vllm=[20] * 3, hf=[1] * 3)
    assert judge(line_of("t"), samples).word == lines.NOT_RUN
    assert judge(line_of("t"), samples, large=True).figure == 4.5
    close = samples_of("t", ours=[90] * 3, llama=[10], vllm=[20] * 3, hf=[1] * 3)
    assert judge(line_of("t"), close, large=True).word == lines.NOT_RUN


def test_whoever_a_line_is_about_is_never_settled():
    slow = {"decode_1": {tasks.PINTLE: [{"tokens_per_second": 1}],
                         tasks.LLAMA: [{"tokens_per_second": 1}],
                         tasks.VLLM: [{"tokens_per_second": 99}]},
            "prefill_512": {tasks.PINTLE: [{"tokens_per_second": 1}],
                            tasks.PINTLE_W8A8: [{"tokens_per_second": 99}]}}
    assert not lines.is_settled("decode_1", tasks.PINTLE, slow)
    assert not lines.is_settled("decode_1", tasks.LLAMA, slow)
    assert lines.is_settled("decode_1", tasks.VLLM, slow)  # no line compares one stream with it
    assert not lines.is_settled("prefill_512", tasks.PINTLE, slow)
    assert not lines.is_settled("prefill_512", tasks.PINTLE_W8A8, slow)
    assert not lines.is_settled("decode_1", tasks.TRANSFORMERS, slow)  # not measured yet


def test_nothing_measured_is_no_pass():
    assert all(judge(line, {}).word == lines.NOT_RUN for line in lines.LINES)
    assert all(verdict.word == lines.NOT_RUN for verdict in chat_rounds.judge({}, {}, 3))


def test_the_roofline_is_of_the_same_measurement():
    samples = {"t": {tasks.PINTLE: [
        {"tokens_per_second": 80, "read_bytes_per_second": 100 * WEIGHTS},
        {"tokens_per_second": 45, "read_bytes_per_second": 50 * WEIGHTS},
        {"tokens_per_second": 85, "read_bytes_per_second": 100 * WEIGHTS}]}}
    assert judge(line_of("t", (), roofline=True), samples).figure == 0.85


def test_another_task_may_be_the_other_side():
    samples = {**samples_of("wide", ours=[50] * 3), **samples_of("narrow", ours=[40] * 3)}
    line = line_of("wide", (tasks.PINTLE,), base="narrow")
    assert judge(line, samples).figure == 1.25


def test_every_line_is_about_a_task_that_measures_its_engines():
    measured = {task.name: task.engines for group in tasks.GROUPS.values() for task in group}
    for line in lines.LINES:
        assert line.engine in measured[line.task]
        assert set(line.against) <= set(measured[line.base or line.task])
        assert line.task in {task.name for task in tasks.GROUPS[line.group]}


def test_a_chat_is_held_to_speed_and_to_the_last_turns_wait():
    def sample(rate, wait):
        return [{"tokens_per_second": rate, "ttft_last_turn": wait}] * 3

    samples = {f"chat_{k}": {chat_rounds.PINTLE_SERVER: sample(200, 0.1),
                             chat_rounds.CHAT_PEERS[0]: sample(100, 0.5),
                             chat_rounds.CHAT_PEERS[1]: sample(50, 0.125)} for k in (1, 8, 16)}
    verdicts = chat_rounds.judge(samples, {}, 3)
    assert [verdict.word for verdict in verdicts] == [lines.PASS, lines.FAIL] * 3
    assert [verdict.figure for verdict in verdicts[:2]] == [2.0, 0.8]

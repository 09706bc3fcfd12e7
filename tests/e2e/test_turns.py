# SPDX-License-Identifier: Apache-2.0
"""Turns through coordinator and worker processes: what a caller may rely on."""

import threading

import grpc
import pytest

from harness import Turn, failure_of, wait_until


@pytest.fixture
def client(shared_cluster):
    return shared_cluster.client()


def session(client, name):
    return client.call("Sessions", "CreateSession", {"id": name}).session


def test_a_one_shot_answers_with_gap_free_tokens(client):
    turn = client.chat("Hello there", max_tokens=20)
    assert len(turn.tokens[0]) == 20 and turn.reasons[0] == "LENGTH"
    assert turn.usage.completion_tokens == 20
    assert turn.usage.prompt_tokens == turn.started.prompt_tokens > 0


def test_the_next_turn_reuses_the_sessions_kv(client):
    session(client, "reuse")
    first = client.chat("A first message that is long enough to fill some blocks. " * 4, "reuse")
    second = client.chat("And a second.", "reuse")
    history = first.usage.prompt_tokens + first.usage.completion_tokens
    # The last output token of a turn has no KV yet.
    assert second.usage.cached_tokens >= history - 1
    assert second.started.cached_tokens.session == second.usage.cached_tokens
    state = client.call("Sessions", "GetSession", {"id": "reuse"}).session
    assert state.turns == 2
    assert state.position == second.usage.prompt_tokens + second.usage.completion_tokens


def test_append_and_replace_give_equal_tokens(client):
    said = ["One.", "Two, please.", "Three and a half."]
    session(client, "by-append")
    session(client, "by-replace")
    conversation = []
    for text in said:
        appended = client.chat(text, "by-append")
        conversation.append({"role": "user", "parts": [{"text": text}]})
        replaced = client.turn(
            session="by-replace",
            chat={"messages": conversation, "history": "REPLACE"},
            stopping={"max_tokens": 16},
            sampling={"temperature": 0},
        )
        assert replaced.tokens[0] == appended.tokens[0]
        conversation.append({"role": "assistant", "parts": [{"text": replaced.text[0]}]})


def test_a_seed_draws_the_same_tokens_again_and_is_returned_when_unset(client):
    drawn = client.turn(text="Draw", stopping={"max_tokens": 12}, sampling={"temperature": 1})
    again = client.turn(
        text="Draw",
        stopping={"max_tokens": 12},
        sampling={"temperature": 1, "seed": drawn.started.seed},
    )
    assert again.tokens[0] == drawn.tokens[0]


def test_choices_differ_and_share_the_prompt(client):
    turn = client.turn(
        text="Several answers", n=3, stopping={"max_tokens": 10},
        sampling={"temperature": 1, "seed": 7},
    )
    assert set(turn.tokens) == {0, 1, 2}
    assert len({tuple(tokens) for tokens in turn.tokens.values()}) > 1
    assert turn.usage.completion_tokens == 30


def test_a_turn_commits_only_with_finished(client):
    session(client, "atomic")
    client.chat("Before.", "atomic")
    before = client.call("Sessions", "GetSession", {"id": "atomic"}).session.position
    stream = client.generate(
        session="atomic", text="never finished", stopping={"max_tokens": 4000},
        sampling={"temperature": 0},
    )
    next(stream)
    stream.cancel()
    wait_until(
        lambda: client.call("Sessions", "GetSession", {"id": "atomic"}).session.state != 1,
        "the turn to end",
    )
    after = client.call("Sessions", "GetSession", {"id": "atomic"}).session
    assert (after.position, after.turns) == (before, 1)
    assert client.chat("After.", "atomic").usage.cached_tokens >= before - 1


def test_cancel_generate_can_keep_what_was_delivered(client):
    session(client, "partial")
    stream = client.generate(
        session="partial", request_id="keep-me", text="go on", stopping={"max_tokens": 4000},
        sampling={"temperature": 0},
    )
    responses = [next(stream) for _ in range(3)]
    answer = client.call(
        "Inference", "CancelGenerate", {"session": "partial", "keep": "COMMIT_PARTIAL"}
    )
    assert answer.found
    turn = Turn(responses + list(stream))
    assert turn.reasons[0] == "CANCELLED"
    kept = client.call("Sessions", "GetSession", {"id": "partial"}).session
    assert kept.turns == 1
    assert kept.position == turn.usage.prompt_tokens + len(turn.tokens[0])


def test_cancel_generate_rolls_back_by_request_id(client):
    session(client, "rollback")
    stream = client.generate(
        session="rollback", request_id="drop-me", text="go on", stopping={"max_tokens": 4000},
    )
    next(stream)
    assert client.call("Inference", "CancelGenerate", {"request_id": "drop-me"}).found
    with pytest.raises(grpc.RpcError) as caught:
        list(stream)
    assert failure_of(caught.value).code == "CANCELLED"
    assert client.call("Sessions", "GetSession", {"id": "rollback"}).session.turns == 0
    assert not client.call("Inference", "CancelGenerate", {"request_id": "drop-me"}).found


def test_batch_answers_every_item_and_goes_on_after_a_failed_one(client):
    session(client, "batched")
    busy = threading.Event()

    def items():
        for name, request in {
            "good": {"text": "one", "stopping": {"max_tokens": 5}},
            "bad": {"text": "two", "sampling": {"temperature": "NaN"}},
            "first": {"text": "three", "session": "batched", "stopping": {"max_tokens": 3000}},
        }.items():
            item = {"generate": {"request_id": name, **request}}
            yield client.message("GenerateBatchRequest", item)
        busy.wait(30)
        yield client.message(
            "GenerateBatchRequest",
            {"generate": {"request_id": "second", "text": "four", "session": "batched"}},
        )
        yield client.message("GenerateBatchRequest", {"cancel": {"request_id": "first"}})
        yield client.message(
            "GenerateBatchRequest",
            {"generate": {"request_id": "late", "text": "five", "stopping": {"max_tokens": 5}}},
        )

    ends = {}
    for response in client.call("Inference", "GenerateBatch", items()):
        if response.WhichOneof("item") == "error":
            ends[response.request_id] = response.error.code
        elif response.response.WhichOneof("event") == "finished":
            ends[response.request_id] = 0
        elif response.request_id == "first":
            busy.set()
    codes = {name: code for name, code in ends.items()}
    assert codes == {
        "good": 0,
        "bad": grpc.StatusCode.INVALID_ARGUMENT.value[0],
        "first": grpc.StatusCode.CANCELLED.value[0],
        "second": grpc.StatusCode.ABORTED.value[0],
        "late": 0,
    }


def test_tokenize_and_list_models(client):
    models = client.call("Inference", "ListModels").models
    assert len(models) == 1 and models[0].context_tokens > 0
    ids = client.call("Inference", "Tokenize", {"prompt": {"text": "abc"}}).token_ids
    text = client.call("Inference", "Tokenize", {"tokens": {"ids": list(ids)}}).text
    assert "abc" in text


def test_cache_stats_balance_over_workers(client):
    client.chat("Fill a block or two with this sentence, please. " * 3)
    stats = client.call("CacheStats", "GetCacheStats", {})
    assert len(stats.workers) == 2
    for worker in stats.workers:
        for tier in worker.tiers:
            used = tier.blocks_in_use + tier.blocks_evictable + tier.blocks_pinned
            assert tier.blocks_free + used == tier.blocks_total
            removed = sum(entry.tokens for entry in tier.removed)
            assert tier.tokens_stored - removed == tier.tokens_resident
    assert sum(t.blocks_total for t in stats.total) == sum(
        t.blocks_total for w in stats.workers for t in w.tiers
    )


@pytest.mark.parametrize(
    "service, method, request_",
    [
        ("Fleet", "DrainWorker", {"worker": "w0"}),
        ("Fleet", "ResumeWorker", {"worker": "w0"}),
        ("Fleet", "MigrateSession", {}),
        ("Inference", "Generate", {"text": "x", "resume_from_index": 3}),
        ("Inference", "Generate", {"text": "x", "on_disconnect": "CONTINUE", "request_id": "r"}),
    ],
)
def test_what_is_not_there_yet_says_so(client, service, method, request_):
    failure = client.failure(service, method, request_)
    assert (failure.code, failure.reason) == ("UNIMPLEMENTED", "NOT_YET")

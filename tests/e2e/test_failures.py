# SPDX-License-Identifier: Apache-2.0
"""The failure list: each cause with the outcome a caller or an operator sees."""

import concurrent.futures
import hashlib
import json
import shutil
import signal
import socket
import threading
import time

import grpc
import pytest

import harness
from harness import Turn, failure_of, wait_until

SLOW = {"PINTLE_FAKE_STEP_MICROS": "20000"}


@pytest.fixture
def client(shared_cluster):
    return shared_cluster.client()


# --- Requests -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_, field",
    [
        ({"text": "x", "sampling": {"temperature": "NaN"}}, "sampling.temperature"),
        ({"text": "x", "sampling": {"temperature": -1}}, "sampling.temperature"),
        ({"text": "x", "sampling": {"top_p": 0}}, "sampling.top_p"),
        ({"text": "x", "n": 9}, "n"),
        ({"text": "x", "stopping": {"stop": ["y" * 65]}}, "stopping.stop[0]"),
        ({"text": "x", "output": {"top_logprobs": 21, "logprobs": True}}, "output.top_logprobs"),
        ({"text": "x", "session": "not/allowed"}, "session"),
        ({}, "input"),
    ],
)
def test_a_faulty_field_is_named(client, request_, field):
    failure = client.failure("Inference", "Generate", request_)
    assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD"), failure
    assert failure.fields == [field]


def test_a_prompt_of_10_mb_is_refused_at_once(client):
    failure = client.failure("Inference", "Generate", {"text": "x" * 10_000_000})
    assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", "PROMPT_TOO_LONG"), failure
    assert failure.fields
    assert "xxx" not in failure.message


def test_a_message_above_the_receive_limit_is_grpcs_own_refusal(client):
    failure = client.failure("Inference", "Generate", {"text": "x" * (17 << 20)})
    assert (failure.code, failure.reason) == ("RESOURCE_EXHAUSTED", None)


def test_a_prompt_beyond_the_context_is_refused(client):
    failure = client.failure("Inference", "Generate", {"text": "word " * 100_000})
    assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", "PROMPT_TOO_LONG"), failure


def test_an_unknown_session_is_not_found(client):
    for service, method, request_ in [
        ("Inference", "Generate", {"text": "x", "session": "nobody"}),
        ("Sessions", "GetSession", {"id": "nobody"}),
        ("Sessions", "DeleteSession", {"id": "nobody"}),
        ("Sessions", "UpdateSession", {"id": "nobody"}),
    ]:
        failure = client.failure(service, method, request_)
        assert (failure.code, failure.reason) == ("NOT_FOUND", "SESSION_NOT_FOUND"), method


def test_an_unknown_model_is_not_found(client):
    failure = client.failure("Inference", "Generate", {"text": "x", "model": "no-such-model"})
    assert (failure.code, failure.reason) == ("NOT_FOUND", "MODEL_NOT_FOUND")


def test_a_session_that_exists_cannot_be_created(client):
    client.call("Sessions", "CreateSession", {"id": "twice"})
    failure = client.failure("Sessions", "CreateSession", {"id": "twice"})
    assert (failure.code, failure.reason) == ("ALREADY_EXISTS", "SESSION_EXISTS")


def test_a_wrong_expected_position_is_a_mismatch_that_tells_the_right_one(client):
    client.call("Sessions", "CreateSession", {"id": "position"})
    turn = client.chat("one", "position")
    position = turn.usage.prompt_tokens + turn.usage.completion_tokens
    failure = client.failure(
        "Inference", "Generate", {"text": "x", "session": "position", "expected_position": 1}
    )
    assert (failure.code, failure.reason) == ("FAILED_PRECONDITION", "POSITION_MISMATCH")
    assert str(position) in failure.metadata.values()
    assert client.chat("two", "position", expected_position=position).finished


def test_a_full_context_says_so(client):
    client.call("Sessions", "CreateSession", {"id": "full"})
    context = client.call("Inference", "ListModels").models[0].context_tokens
    client.turn(session="full", tokens={"ids": [65] * (context - 40)}, stopping={"max_tokens": 30})
    failure = client.failure("Inference", "Generate", {"session": "full", "text": "y" * 100})
    assert (failure.code, failure.reason) == ("FAILED_PRECONDITION", "CONTEXT_FULL"), failure


def test_two_turns_at_once_on_one_session_are_one_too_many(make_cluster):
    cluster = make_cluster(1, environment=SLOW)
    client = cluster.client()
    client.call("Sessions", "CreateSession", {"id": "busy"})
    stream = client.generate(session="busy", text="long", stopping={"max_tokens": 2000})
    next(stream)
    failure = client.failure("Inference", "Generate", {"session": "busy", "text": "second"})
    assert (failure.code, failure.reason) == ("ABORTED", "SESSION_BUSY")
    stream.cancel()


def test_deleting_a_session_ends_its_turn(make_cluster):
    client = make_cluster(1, environment=SLOW).client()
    client.call("Sessions", "CreateSession", {"id": "doomed"})
    stream = client.generate(session="doomed", text="long", stopping={"max_tokens": 2000})
    next(stream)
    client.call("Sessions", "DeleteSession", {"id": "doomed"})
    with pytest.raises(grpc.RpcError) as caught:
        list(stream)
    failure = failure_of(caught.value)
    assert (failure.code, failure.reason) == ("ABORTED", "SESSION_DELETED")


# --- Time and readers -----------------------------------------------------------------------


def blocks_in_use(client):
    return sum(
        tier.blocks_in_use
        for worker in client.call("CacheStats", "GetCacheStats", {}).workers
        for tier in worker.tiers
    )


@pytest.mark.parametrize("after", [0, 1, 2, 5])
def test_a_cancel_at_any_stage_frees_all_blocks(make_cluster, after):
    cluster = make_cluster(1, environment=SLOW)
    client = cluster.client()
    stream = client.generate(text="cancel me " * 50, stopping={"max_tokens": 3000})
    for _ in range(after):
        next(stream)
    stream.cancel()
    wait_until(lambda: blocks_in_use(client) == 0, "no block in use")


def test_a_deadline_ends_the_turn_and_frees_its_blocks(make_cluster):
    cluster = make_cluster(1, environment=SLOW)
    client = cluster.client()
    client.call("Sessions", "CreateSession", {"id": "late"})
    failure = client.failure(
        "Inference",
        "Generate",
        {"session": "late", "text": "slow", "stopping": {"max_tokens": 3000}},
        timeout=1,
    )
    assert (failure.code, failure.reason) == ("DEADLINE_EXCEEDED", None)
    wait_until(lambda: blocks_in_use(client) == 0, "no block in use")
    assert client.call("Sessions", "GetSession", {"id": "late"}).session.turns == 0


def test_a_slow_reader_is_ended_and_others_go_on(make_cluster):
    cluster = make_cluster(
        1,
        ("--slow-reader-seconds", "1"),
        worker_flags=("--slow-reader-seconds", "1", "--kv-bytes", "64MiB"),
    )
    client = cluster.client()
    client.call("Sessions", "CreateSession", {"id": "asleep"})
    # Some 15 MB of output: enough to fill every buffer on the way.
    stream = client.generate(
        session="asleep",
        text="x",
        n=8,
        stopping={"max_tokens": 7000},
        output={"logprobs": True, "top_logprobs": 20},
    )
    next(stream)
    other = client.chat("quick", max_tokens=200)
    assert len(other.tokens[0]) == 200
    wait_until(lambda: blocks_in_use(client) == 0, "the slow reader's turn to be rolled back")
    # Its session is free while it still sleeps.
    wait_until(
        lambda: client.call("Sessions", "GetSession", {"id": "asleep"}).session.state != 1,
        "the session to be free", 30,
    )
    with pytest.raises(grpc.RpcError) as caught:
        list(stream)
    failure = failure_of(caught.value)
    assert (failure.code, failure.reason) == ("RESOURCE_EXHAUSTED", "SLOW_READER")
    assert failure.retry is not None
    assert client.call("Sessions", "GetSession", {"id": "asleep"}).session.turns == 0


# --- Tenants and identity -------------------------------------------------------------------


def tenants_file(folder, **tokens):
    path = folder / "tenants"
    path.write_text(
        "".join(
            f"{name} {hashlib.sha256(token.encode()).hexdigest()}\n"
            for name, token in tokens.items()
        ),
        encoding="utf-8",
    )
    return path


def test_tenants_share_nothing(make_cluster, tmp_path):
    tenants = tenants_file(tmp_path, red="red-token", blue="blue-token")
    cluster = make_cluster(1, ("--tenants", tenants), token="red-token")
    red, blue = cluster.client(token="red-token"), cluster.client(token="blue-token")
    prompt = "The same prompt of two tenants, long enough for several blocks. " * 4
    for client in (red, blue):
        client.call("Sessions", "CreateSession", {"id": "same-name"})
    first = red.chat(prompt, "same-name")
    assert blue.chat(prompt).usage.cached_tokens == 0, "a tenant never sees another's KV"
    assert red.chat(prompt).usage.cached_tokens > 0, "the same tenant does"
    assert blue.call("Sessions", "GetSession", {"id": "same-name"}).session.turns == 0
    assert blue.chat(prompt, "same-name").tokens[0] == first.tokens[0]
    assert [s.id for s in blue.call("Sessions", "ListSessions").sessions] == ["same-name"]


@pytest.mark.parametrize("token", [None, "wrong", ""])
def test_a_wrong_token_is_unauthenticated(make_cluster, tmp_path, token):
    cluster = make_cluster(
        1, ("--tenants", tenants_file(tmp_path, red="red-token")), token="red-token"
    )
    failure = cluster.client().failure("Inference", "ListModels") if token is None else (
        cluster.client(metadata=[("authorization", f"Bearer {token}")]).failure(
            "Inference", "ListModels"
        )
    )
    assert (failure.code, failure.reason) == ("UNAUTHENTICATED", "BAD_TOKEN")


def test_a_worker_of_a_cluster_sends_clients_to_the_coordinator(make_cluster, tmp_path):
    token = tmp_path / "cluster"
    token.write_text("cluster-secret", encoding="utf-8")
    cluster = make_cluster(
        1,
        ("--cluster-token-file", token),
        worker_flags=("--cluster-token-file", token),
    )
    direct = harness.Client(cluster.workers["w0"].address)
    failure = direct.failure("Inference", "Generate", {"text": "x"})
    assert (failure.code, failure.reason) == ("FAILED_PRECONDITION", "USE_COORDINATOR")
    turn = {"tenant": "default", "request": {"text": "x"}}
    failure = direct.failure("Execution", "RunTurn", turn)
    assert (failure.code, failure.reason) == ("PERMISSION_DENIED", "NOT_CLUSTER")
    assert direct.call("CacheStats", "GetCacheStats", {}).workers
    direct.close()


# --- Processes ------------------------------------------------------------------------------


def test_workers_join_and_leave(make_cluster):
    cluster = make_cluster(1)
    client = cluster.admin
    client.call("Sessions", "CreateSession", {"id": "moving"})
    first = client.chat("stay with me", "moving")
    cluster.add_worker("late")
    cluster.wait_for_workers(client, 2)
    second = client.chat("still the same worker", "moving")
    assert second.started.worker == first.started.worker == "w0"
    assert cluster.workers["w0"].stop() == 0
    cluster.wait_for_workers(client, 1)
    third = client.chat("now another", "moving")
    assert third.started.worker == "late"
    assert cluster.workers["late"].stop() == 0
    cluster.wait_for_workers(client, 0)
    failure = client.failure("Inference", "Generate", {"session": "moving", "text": "alone"})
    assert (failure.code, failure.reason) == ("UNAVAILABLE", "NO_WORKER")
    assert failure.retry is not None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_worker_ends_its_streams_and_sessions_go_on_elsewhere(make_cluster, number):
    cluster = make_cluster(2, ("--worker-timeout", "2"), environment=SLOW)
    client = cluster.admin
    sessions, first = {}, {}
    for name in ("a", "b", "c", "d"):
        client.call("Sessions", "CreateSession", {"id": name})
        first[name] = client.chat(f"hello {name}", name)
        sessions.setdefault(first[name].started.worker, []).append(name)
    assert len(sessions) == 2, "idle workers share the sessions"
    lost, kept = "w0", "w1"
    stream = client.generate(
        session=sessions[lost][0], text="interrupted", stopping={"max_tokens": 3000}
    )
    next(stream)
    other = client.generate(
        session=sessions[kept][0], text="undisturbed", stopping={"max_tokens": 150}
    )
    began = time.monotonic()
    cluster.workers[lost].signal(number)
    with pytest.raises(grpc.RpcError) as caught:
        list(stream)
    noticed = time.monotonic() - began
    failure = failure_of(caught.value)
    assert (failure.code, failure.reason) == ("UNAVAILABLE", "WORKER_LOST")
    assert failure.retry is not None
    # The timeout is 2 s; the rest is room for two loaded cores.
    assert noticed < 10
    assert Turn(other).reasons[0] == "LENGTH"
    cluster.wait_for_workers(client, 1)
    name = sessions[lost][0]
    assert client.call("Sessions", "GetSession", {"id": name}).session.turns == 1
    moved = client.chat("and again", name)
    assert moved.started.worker == kept
    # The same conversation undisturbed gives the same tokens.
    client.call("Sessions", "CreateSession", {"id": "reference"})
    assert client.chat(f"hello {name}", "reference").tokens[0] == first[name].tokens[0]
    assert client.chat("and again", "reference").tokens[0] == moved.tokens[0]


def test_sigterm_lets_running_turns_finish_and_takes_no_new_ones(start):
    worker = start("pintle-worker-fake", "--model", harness.MODEL, "--listen", "127.0.0.1:0",
                   "--kv-bytes", "16MiB", environment=SLOW)
    client = harness.Client(worker.address)
    stream = client.generate(text="finish me", stopping={"max_tokens": 100})
    first = next(stream)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        code = pool.submit(worker.stop)
        time.sleep(0.3)
        failure = client.failure("Inference", "Generate", {"text": "too late"})
        assert failure.code == "UNAVAILABLE"
        turn = Turn([first, *stream])
        assert len(turn.tokens[0]) == 100
        assert code.result() == 0


def test_sigterm_ends_what_outlives_the_grace_time(start):
    worker = start("pintle-worker-fake", "--model", harness.MODEL, "--listen", "127.0.0.1:0",
                   "--grace-seconds", "0.5", "--kv-bytes", "16MiB", environment=SLOW)
    client = harness.Client(worker.address)
    stream = client.generate(text="too long", stopping={"max_tokens": 5000})
    next(stream)
    ended = []

    def read():
        try:
            list(stream)
        except grpc.RpcError as error:
            ended.append(failure_of(error).code)

    reader = threading.Thread(target=read)
    reader.start()
    assert worker.stop() == 0
    reader.join(10)
    assert ended == ["UNAVAILABLE"]


def test_a_port_in_use_is_named(start):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for arguments in (
            ("pintle-coordinator", "--listen", address),
            ("pintle-worker-fake", "--model", harness.MODEL, "--listen", address),
        ):
            code, errors = harness.run_to_end(*arguments)
            assert code == 1 and address in errors, errors


def test_plaintext_off_loopback_is_refused():
    for binary, flags in (
        ("pintle-coordinator", ()),
        ("pintle-worker-fake", ("--model", harness.MODEL)),
    ):
        code, errors = harness.run_to_end(binary, *flags, "--listen", "0.0.0.0:0")
        assert code == 1, errors
        assert "--tls-cert" in errors and "--allow-plaintext" in errors


def test_a_coordinator_off_loopback_needs_the_clusters_token():
    code, errors = harness.run_to_end(
        "pintle-coordinator", "--listen", "0.0.0.0:0", "--allow-plaintext"
    )
    assert code == 1 and "--cluster-token-file" in errors


def damaged_model(folder, damage):
    """A copy of the model's small files, with weights as damage() leaves them."""
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (harness.MODEL / name).exists():
            shutil.copy(harness.MODEL / name, folder / name)
    damage(folder)
    return folder


def truncated_weights(folder):
    with open(harness.MODEL / "model.safetensors", "rb") as weights:
        (folder / "model.safetensors").write_bytes(weights.read(1 << 20))


def missing_field(folder):
    truncated_weights(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    del config["num_hidden_layers"]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def foreign_architecture(folder):
    truncated_weights(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["architectures"] = ["MambaForCausalLM"]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


@pytest.mark.parametrize(
    "damage, named",
    [
        (truncated_weights, "model.safetensors"),
        (missing_field, "num_hidden_layers"),
        (foreign_architecture, "MambaForCausalLM"),
        (lambda folder: None, "safetensors"),
    ],
)
def test_a_damaged_model_is_refused_by_name(tmp_path, damage, named):
    code, errors = harness.run_to_end(
        "pintle-worker", "--model", damaged_model(tmp_path, damage), "--listen", "127.0.0.1:0"
    )
    assert code == 1 and named in errors, errors


def test_a_missing_model_folder_is_named(tmp_path):
    code, errors = harness.run_to_end(
        "pintle-worker", "--model", tmp_path / "not-here", "--listen", "127.0.0.1:0"
    )
    assert code == 1 and "not-here" in errors


@pytest.mark.parametrize(
    "flags, named",
    [
        (("--kv-bytes", "12 parsecs"), "--kv-bytes"),
        (("--kv-bytes", "256B"), "--kv-bytes"),
        (("--dtype", "int3"), "--dtype"),
        (("--no-such-flag",), "--no-such-flag"),
        (("--listen", "nonsense"), "nonsense"),
    ],
)
def test_a_faulty_flag_is_named(flags, named):
    code, errors = harness.run_to_end(
        "pintle-worker-fake", "--model", harness.MODEL, "--listen", "127.0.0.1:0", *flags
    ) if flags[0] != "--listen" else harness.run_to_end(
        "pintle-worker-fake", "--model", harness.MODEL, *flags
    )
    assert code != 0 and named in errors, errors

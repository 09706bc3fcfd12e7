# SPDX-License-Identifier: Apache-2.0
"""The real model through coordinator and worker, as a stranger would use it: plain grpcio, the API
learned through reflection, nothing of this repository imported but the process helper."""

import json
import subprocess
import urllib.request

import grpc
import pytest
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

import harness


@pytest.fixture(scope="module")
def coordinator():
    servers = []
    try:
        server = harness.Server("pintle-coordinator", "--listen", "127.0.0.1:0")
        servers.append(server)
        for name in ("one", "two"):
            servers.append(
                harness.Server(
                    "pintle-worker", "--model", harness.MODEL, "--listen", "127.0.0.1:0",
                    "--coordinator", server.address, "--name", name, "--threads", "1",
                    "--dtype", "f32", "--kv-bytes", "256MiB", "--metrics-listen", "127.0.0.1:0",
                    listens=("listening", "metrics"),
                )
            )
        client = harness.Client(server.address)
        harness.wait_until(
            lambda: len(client.call("Fleet", "ListWorkers").workers) == 2, "two workers"
        )
        client.close()
        server.workers = servers[1:]
        yield server
    finally:
        for server in servers:
            if server.process.poll() is None:
                server.kill()


def test_a_two_turn_chat_with_nothing_but_reflection(coordinator):
    channel = grpc.insecure_channel(coordinator.address, [("grpc.enable_http_proxy", 0)])
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))

    def kind(name):
        return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"pintle.v1.{name}"))

    create = channel.unary_unary(
        "/pintle.v1.Sessions/CreateSession",
        request_serializer=kind("CreateSessionRequest").SerializeToString,
        response_deserializer=kind("CreateSessionResponse").FromString,
    )
    generate = channel.unary_stream(
        "/pintle.v1.Inference/Generate",
        request_serializer=kind("GenerateRequest").SerializeToString,
        response_deserializer=kind("GenerateResponse").FromString,
    )

    def ask(text):
        request = json_format.ParseDict(
            {
                "session": "stranger",
                "chat": {"messages": [{"role": "user", "parts": [{"text": text}]}]},
                "sampling": {"temperature": 0},
                "stopping": {"max_tokens": 40},
            },
            kind("GenerateRequest")(),
        )
        answer, usage = "", None
        for response in generate(request, timeout=120):
            if response.HasField("chunk"):
                answer += response.chunk.text
            elif response.HasField("finished"):
                usage = response.finished.usage
        return answer, usage

    assert create(kind("CreateSessionRequest")(id="stranger")).session.id == "stranger"
    answer, first = ask("What is the capital of France?")
    assert "Paris" in answer
    answer, second = ask("And of Italy?")
    assert answer.strip()
    history = first.prompt_tokens + first.completion_tokens
    assert second.cached_tokens >= history - 1
    channel.close()


def test_a_lost_sessions_next_turn_gives_the_tokens_of_an_undisturbed_run(coordinator):
    client = harness.Client(coordinator.address)
    conversation = ["My name is Ada and I like tea.", "What is my name?", "And what do I like?"]

    def run(session, disturb):
        client.call("Sessions", "CreateSession", {"id": session})
        tokens = []
        for number, text in enumerate(conversation):
            if disturb and number == 1:
                victim = next(
                    worker for worker in coordinator.workers
                    if f"--name {last.started.worker}" in " ".join(worker.process.args)
                )
                victim.kill()
                harness.wait_until(
                    lambda: len(client.call("Fleet", "ListWorkers").workers) == 1, "one worker"
                )
            last = client.chat(text, session, max_tokens=24)
            tokens.append(list(last.tokens[0]))
        return tokens

    undisturbed = run("undisturbed", False)
    assert run("disturbed", True) == undisturbed
    client.close()


def test_metrics_are_there_for_a_scraper(coordinator):
    worker = next(w for w in coordinator.workers if w.process.poll() is None)
    with urllib.request.urlopen(f"http://{worker.metrics}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    for name in ("pintle_kv_blocks", "pintle_requests_running", "pintle_build_info"):
        assert f"\n{name}{{" in "\n" + text
    assert "Ada" not in text and "disturbed" not in text


def test_serve_is_a_whole_service_in_one_process():
    server = harness.Server(
        "pintle", "serve", "--model", harness.MODEL, "--listen", "127.0.0.1:0",
        "--kv-bytes", "128MiB", "--threads", "1",
    )
    try:
        def generate(*flags):
            result = subprocess.run(
                [str(harness.BIN / "pintle"), "generate", "--target", server.address,
                 "--temperature", "0", "--max-tokens", "16", "--json", *flags],
                capture_output=True, text=True, timeout=harness.PATIENCE_SECONDS, check=False,
            )
            assert result.returncode == 0, result.stderr
            return json.loads(result.stdout)

        client = harness.Client(server.address)
        harness.wait_until(
            lambda: len(client.call("Fleet", "ListWorkers").workers) == 1, "the worker"
        )
        client.close()
        first = generate("--session", "s", "--chat", "What is the capital of France?")
        assert "Paris" in first["text"]
        assert set(first["usage"]) >= {"prompt_tokens", "cached_tokens", "completion_tokens"}
        assert first["timings"]["ttft_seconds"] <= first["timings"]["total_seconds"]
        second = generate("--session", "s", "--chat", "And of Spain?")
        history = first["usage"]["prompt_tokens"] + first["usage"]["completion_tokens"]
        assert second["usage"]["cached_tokens"] >= history - 1
        ids = ",".join(map(str, first["token_ids"]))
        assert generate("--tokens", ids)["usage"]["prompt_tokens"] == len(first["token_ids"])
        assert server.stop() == 0
    finally:
        if server.process.poll() is None:
            server.kill()

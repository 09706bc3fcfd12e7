# SPDX-License-Identifier: Apache-2.0
"""Limits as a stranger meets them: the pin budget, tenants' quotas, tokens held and released."""

import hashlib
import pathlib
import re
import signal

import grpc
import pytest

import harness

FAKE = ("pintle-worker-fake", "--model", harness.MODEL, "--listen", "127.0.0.1:0")
# A pool for a few turns, so that sessions push each other out.
SMALL = ("--kv-bytes", "4KiB")
# A step of 20 ms: a turn of a hundred tokens can be met while it runs.
SLOW = {"PINTLE_FAKE_STEP_MICROS": "20000"}
LONG = "A message that is long enough to fill a few blocks of the cache. " * 4


def session_of(client, name):
    return client.call("Sessions", "GetSession", {"id": name}).session


def state_of(client, name):
    session = session_of(client, name)
    states = client.message("Session").DESCRIPTOR.fields_by_name["state"].enum_type
    return states.values_by_number[session.state].name


def talk(client, name, text=LONG):
    client.call("Sessions", "CreateSession", {"id": name})
    return client.chat(text, session=name)


def held_until_deleted(client, name):
    """A turn's KV but for its last token, told while it is held and when it is released."""
    talk(client, name)
    session = session_of(client, name)
    assert session.HasField("held_tokens")
    assert session.held_tokens == session.position - 1
    assert state_of(client, name) == "IDLE"
    listed = client.call("Sessions", "ListSessions", {}).sessions
    assert [one.held_tokens for one in listed if one.id == name] == [session.held_tokens]
    deleted = client.call("Sessions", "DeleteSession", {"id": name})
    assert (deleted.released_tokens, deleted.released_unknown) == (session.held_tokens, False)


def is_stopped(process):
    """A signal is under way for a moment: whether it has reached every thread."""
    threads = pathlib.Path(f"/proc/{process}/task").glob("*/stat")
    return all(thread.read_text().rpartition(")")[2].split()[0] == "T" for thread in threads)


def test_a_lone_worker_tells_what_an_idle_session_holds(start):
    client = harness.Client(start(*FAKE, *SMALL).address)
    held_until_deleted(client, "tea")
    talk(client, "lost")
    for number in range(12):
        client.turn(tokens={"ids": [number + 1] * 300}, stopping={"max_tokens": 1})
    assert session_of(client, "lost").held_tokens == 0
    assert state_of(client, "lost") == "COLD"
    deleted = client.call("Sessions", "DeleteSession", {"id": "lost"})
    assert (deleted.released_tokens, deleted.released_unknown) == (0, False)
    client.close()


def test_a_coordinator_asks_the_worker_and_does_not_wait_for_a_silent_one(make_cluster):
    cluster = make_cluster(workers=1, worker_flags=SMALL)
    client = cluster.admin
    held_until_deleted(client, "tea")
    talk(client, "stuck")
    worker = cluster.workers["w0"]
    worker.signal(signal.SIGSTOP)
    harness.wait_until(lambda: is_stopped(worker.process.pid), "the worker to stand still")
    try:
        session = client.call("Sessions", "GetSession", {"id": "stuck"}, timeout=10).session
        assert not session.HasField("held_tokens"), "unknown is not zero"
        deleted = client.call("Sessions", "DeleteSession", {"id": "stuck"}, timeout=10)
        assert deleted.released_unknown
    finally:
        worker.signal(signal.SIGCONT)


def test_kv_on_disk_is_held_also_by_the_process_that_comes_after(make_cluster, tmp_path):
    flags = (*SMALL, "--disk-tier", tmp_path / "kv", "--disk-tier-size", "4MiB")
    cluster = make_cluster(workers=1, worker_flags=flags)
    client = cluster.admin
    talk(client, "kept")
    before = session_of(client, "kept").held_tokens
    assert before > 0
    cluster.workers["w0"].stop()
    cluster.add_worker("w0", *flags)
    harness.wait_until(
        lambda: session_of(client, "kept").held_tokens > 0, "the session's KV on the disk"
    )
    assert state_of(client, "kept") == "IDLE"


def test_a_pin_budget_is_printed_as_given_and_refused_when_no_turn_would_fit(start):
    server = start(*FAKE, "--kv-bytes", "16MiB", "--pin-budget", "12.5%",
                   "--metrics-listen", "127.0.0.1:0", listens=("listening", "metrics"))
    client = harness.Client(server.address)
    cache = client.call("CacheStats", "GetCacheStats", {}).workers[0]
    blocks = cache.tiers[0].blocks_total
    assert cache.pin_budget.limit_tokens == blocks // 8 * cache.block_tokens
    said = re.search(r"guarantees up to (\d+) tokens", server.error_text())
    assert int(said[1]) == cache.pin_budget.limit_tokens
    client.close()
    code, errors = harness.run_to_end(*FAKE, "--kv-bytes", "16MiB", "--pin-budget", "100%")
    assert code == 1 and "--pin-budget comes to" in errors, errors
    code, errors = harness.run_to_end(*FAKE, "--pin-budget", "half")
    assert code == 1 and "--pin-budget is 'half'" in errors, errors


def tenants(folder, **limits):
    path = folder / "tenants"
    path.write_text("".join(
        f"{name} {hashlib.sha256(f'{name}-token'.encode()).hexdigest()} {words}\n"
        for name, words in limits.items()
    ))
    return path


def test_a_tenant_at_its_quota_is_told_so_and_delays_nobody(start, tmp_path):
    path = tenants(tmp_path, small="kv_quota_tokens=512", other="")
    server = start(*FAKE, "--kv-bytes", "16MiB", "--tenants", path, "--queue-seconds", "1",
                   environment=SLOW)
    small, other = (harness.Client(server.address, token=f"{name}-token")
                    for name in ("small", "other"))
    running = small.generate(tokens={"ids": [7] * 300},
                             stopping={"max_tokens": 150, "ignore_eos": True})
    next(running)
    with pytest.raises(grpc.RpcError) as error:
        small.turn(tokens={"ids": [8] * 300}, stopping={"max_tokens": 4})
    failure = harness.failure_of(error.value)
    assert (failure.code, failure.reason) == ("RESOURCE_EXHAUSTED", "TENANT_QUOTA")
    assert failure.retry > 0
    turn = other.turn(tokens={"ids": [9] * 600}, stopping={"max_tokens": 4})
    assert turn.usage.completion_tokens > 0
    with pytest.raises(grpc.RpcError) as error:
        small.turn(tokens={"ids": [8] * 600}, stopping={"max_tokens": 4})
    assert harness.failure_of(error.value).reason == "TENANT_QUOTA", "it could never fit"
    running.cancel()
    harness.wait_until(
        lambda: small.call("CacheStats", "GetCacheStats", {}).workers[0].tiers[0].blocks_in_use
        == 0, "the cancelled turn's blocks"
    )
    small.turn(tokens={"ids": [8] * 300}, stopping={"max_tokens": 4})
    row = small.call("CacheStats", "GetCacheStats", {}).workers[0].tenants
    assert all(one.tenant == "small" and one.kv_quota_tokens == 512 for one in row)
    for client in (small, other):
        client.close()


def test_faulty_limits_keep_a_worker_from_starting(tmp_path):
    path = tenants(tmp_path, a="kv_floor_tokens=64 kv_quota_tokens=32")
    code, errors = harness.run_to_end(*FAKE, "--tenants", path)
    assert code == 1 and "kv_floor_tokens of 64, limit is its quota of 32" in errors, errors
    path = tenants(tmp_path, a="kv_floor_tokens=1000000000")
    code, errors = harness.run_to_end(*FAKE, "--tenants", path)
    assert code == 1 and "floors" in errors, errors

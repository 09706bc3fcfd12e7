# SPDX-License-Identifier: Apache-2.0
"""CacheStats over real processes: events add up to the figures, watches resume, plans come true."""

import hashlib
import json
import os
import signal
import subprocess

import grpc
import pytest

import cache_ledger
import harness

FAKE = ("pintle-worker-fake", "--model", harness.MODEL, "--listen", "127.0.0.1:0")
# A pool for a few turns, so that sessions push each other out.
SMALL = ("--kv-bytes", "4KiB")


def stats(client, **request):
    return client.call("CacheStats", "GetCacheStats", request)


def settle(client, watch):
    """Waits until the watch has heard what the figures tell; answers the figures."""
    found = []

    def equal():
        cache = stats(client).workers[0]
        found[:] = [cache]
        assert watch.error is None, f"the watch ended: {watch.error!r}"
        return not watch.differences(cache)

    harness.wait_until(equal, "events equal to the figures")
    return found[0]


@pytest.fixture
def worker(start):
    server = start(*FAKE, *SMALL, "--metrics-listen", "127.0.0.1:0",
                   listens=("listening", "metrics"))
    client = harness.Client(server.address)
    yield server, client
    client.close()


def fill(client, sessions, rounds=1, start=0):
    for _ in range(rounds):
        for number in range(start, start + sessions):
            name = f"s{number}"
            try:
                client.call("Sessions", "CreateSession", {"id": name})
            except grpc.RpcError as error:
                assert harness.failure_of(error).reason == "SESSION_EXISTS"
            client.chat(f"{number} says some words to be kept", session=name)


def test_events_figures_and_counters_are_equal_to_the_token(worker):
    server, client = worker
    watch = cache_ledger.Watch(client)
    fill(client, 12, rounds=2)
    client.call("Sessions", "DeleteSession", {"id": "s11"})
    cache = settle(client, watch)
    assert watch.gaps == 0 and watch.snapshots == 1
    assert sum(row.evictions for row in cache.evictions) > 0
    tier = cache.tiers[0]
    assert (tier.blocks_free + tier.blocks_in_use + tier.blocks_evictable + tier.blocks_pinned
            == tier.blocks_total)
    metrics = cache_ledger.metrics_of(server.metrics)
    assert cache_ledger.counters_disagree(metrics, cache, cache_ledger.enums_of(cache)) == []
    watch.cancel()


def test_regret_is_what_the_client_sees(worker):
    _, client = worker
    history = {}
    missing = 0
    for _ in range(3):
        for name in (f"s{number}" for number in range(8)):
            if name not in history:
                client.call("Sessions", "CreateSession", {"id": name})
            turn = client.chat(f"{name} and what it says", session=name)
            # The last token of a turn has no KV, so it cannot be lost.
            missing += max(0, history.get(name, 1) - 1 - turn.usage.cached_tokens)
            history[name] = turn.usage.prompt_tokens + turn.usage.completion_tokens
    cache = stats(client).workers[0]
    assert missing > 0
    assert sum(row.tokens for row in cache.regret) + cache.regret_overflow_tokens >= missing
    assert cache.regret_overflow_tokens == 0
    assert sum(row.tokens for row in cache.regret) == missing
    assert [row.capacity for row in cache.expected_hit_ratios] == [0.5, 1, 2, 4]
    ratios = [row.hit_ratio for row in cache.expected_hit_ratios]
    assert ratios == sorted(ratios)


def test_a_watch_resumes_and_its_sums_go_on(worker):
    _, client = worker
    watch = cache_ledger.Watch(client)
    fill(client, 4)
    settle(client, watch)
    watch.cancel()
    fill(client, 4, start=4)
    resumed = cache_ledger.Watch(client, after=watch)
    settle(client, resumed)
    assert (resumed.snapshots, resumed.gaps) == (0, 0)
    resumed.cancel()


def test_another_epoch_is_a_gap_and_begins_anew(worker):
    _, client = worker
    fill(client, 2)
    call = client.call("CacheStats", "WatchCacheEvents", {"epoch": 1, "sequence": 3})
    first, second = next(call), next(call)
    assert first.WhichOneof("content") == "gap" and first.gap.first_missing == 0
    assert second.WhichOneof("content") == "snapshot"
    call.cancel()


def test_a_reader_that_is_too_slow_is_told_what_it_missed(worker):
    _, client = worker
    call = client.call("CacheStats", "WatchCacheEvents", {})
    snapshot = next(call)
    # A one-shot of 25 blocks pushes out the one before: some fifty events a turn.
    resumed = None
    for number in range(3000):
        client.turn(tokens={"ids": [number % 200 + 1] * 400}, stopping={"max_tokens": 1},
                    sampling={"temperature": 0})
        if number % 50:
            continue
        probe = client.call("CacheStats", "WatchCacheEvents",
                            {"epoch": snapshot.epoch, "sequence": snapshot.sequence})
        resumed = next(probe)
        probe.cancel()
        if resumed.WhichOneof("content") == "gap":
            break
    assert resumed.gap.first_missing == snapshot.sequence + 1
    assert resumed.gap.last_missing > resumed.gap.first_missing + 10000
    call.cancel()


def test_what_is_explained_is_what_then_happens(worker):
    _, client = worker
    fill(client, 12)
    before = stats(client).workers[0].tiers[0]
    width = stats(client).workers[0].block_tokens
    explained = client.call("CacheStats", "ExplainEviction",
                            {"tokens_needed": (before.blocks_free + 3) * width})
    assert explained.blocks_evicted == 3 and explained.blocks_short == 0
    assert all(victim.why for victim in explained.victims)
    assert stats(client).workers[0].tiers[0] == before, "nothing changed"
    call = client.call("CacheStats", "WatchCacheEvents", {})
    next(call)
    client.turn(tokens={"ids": [5] * (width * (before.blocks_free + 3) - 2)},
                stopping={"max_tokens": 1})
    evicted = []
    for message in call:
        evicted += [event.block for event in message.events.events if event.HasField("eviction")]
        if len(evicted) >= 3:
            break
    assert evicted[:3] == [victim.block for victim in explained.victims]
    call.cancel()
    too_much = client.failure("CacheStats", "ExplainEviction", {"tokens_needed": 10**9})
    assert (too_much.code, too_much.fields) == ("INVALID_ARGUMENT", ["tokens_needed"])


def test_the_policy_changes_live_and_its_counters_begin_anew(worker):
    server, client = worker
    fill(client, 10)
    change = {"policy": "fifo"}
    assert client.call("CacheStats", "SetEvictionPolicy", change).previous_policy == "lru"
    watch = cache_ledger.Watch(client)
    fill(client, 10, start=10)
    cache = settle(client, watch)
    assert cache.policy == "fifo"
    assert {row.policy for row in cache.evictions} == {"lru", "fifo"}
    metrics = cache_ledger.metrics_of(server.metrics)
    assert cache_ledger.counters_disagree(metrics, cache, cache_ledger.enums_of(cache)) == []
    unknown = client.failure("CacheStats", "SetEvictionPolicy", {"policy": "dice"})
    assert (unknown.code, unknown.fields) == ("INVALID_ARGUMENT", ["policy"])
    watch.cancel()


def test_tenants_see_their_own_names_and_only_the_admin_sets_the_policy(start, tmp_path):
    tenants = tmp_path / "tenants"
    tenants.write_text("".join(
        f"{name} {hashlib.sha256(f'{name}-token'.encode()).hexdigest()}\n" for name in ("a", "b")
    ))
    admin_file = tmp_path / "admin"
    admin_file.write_text("admin-token")
    os.chmod(admin_file, 0o600)
    server = start(*FAKE, *SMALL, "--tenants", tenants, "--admin-token-file", admin_file)
    clients = {name: harness.Client(server.address, token=f"{name}-token")
               for name in ("a", "b", "admin")}
    calls = {name: client.call("CacheStats", "WatchCacheEvents", {})
             for name, client in clients.items()}
    for call in calls.values():
        next(call)
    for name in ("a", "b"):
        clients[name].call("Sessions", "CreateSession", {"id": f"{name}-session"})
        clients[name].chat("words", session=f"{name}-session")
    for name in ("a", "b"):
        assert [row.tenant for row in stats(clients[name]).workers[0].tenants] == [name]
    assert [row.tenant for row in stats(clients["admin"]).workers[0].tenants] == ["a", "b"]
    stored = stats(clients["a"]).workers[0].tiers[0].tokens_stored
    seen = {}
    for name, call in calls.items():
        events = []
        while sum(event.tokens for event in events) < stored:
            events += next(call).events.events
        seen[name] = {(event.tenant, event.session) for event in events}
        call.cancel()
    assert ("b", "b-session") not in seen["a"] and ("", "") in seen["a"]
    assert seen["admin"] == {("a", "a-session"), ("b", "b-session")}
    refused = clients["a"].failure("CacheStats", "SetEvictionPolicy", {"policy": "lru"})
    assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "NOT_ADMIN")
    clients["admin"].call("CacheStats", "SetEvictionPolicy", {"policy": "lru"})
    for client in clients.values():
        client.close()


def test_a_coordinator_passes_watches_plans_and_policies_on(make_cluster):
    cluster = make_cluster(workers=2, worker_flags=SMALL)
    client = cluster.admin
    nobody = client.failure("CacheStats", "ExplainEviction", {"tokens_needed": 5})
    assert (nobody.code, nobody.fields) == ("INVALID_ARGUMENT", ["worker"])
    explained = client.call("CacheStats", "ExplainEviction", {"tokens_needed": 5, "worker": "w1"})
    assert explained.worker == "w1"
    change = {"policy": "fifo", "worker": "w1"}
    assert client.call("CacheStats", "SetEvictionPolicy", change).previous_policy == "lru"
    policies = {cache.worker: cache.policy for cache in stats(client).workers}
    assert policies == {"w0": "lru", "w1": "fifo"}
    call = client.call("CacheStats", "WatchCacheEvents", {"worker": "w0"})
    assert next(call).snapshot.cache.worker == "w0"
    call.cancel()
    only = stats(client, worker="w1", read_mask="workers.worker,workers.tiers.blocksFree")
    assert [cache.worker for cache in only.workers] == ["w1"]
    assert only.workers[0].tiers[0].blocks_free > 0 and not only.workers[0].policy


def test_the_tool_watches_explains_and_sets(worker):
    server, client = worker
    fill(client, 12)

    def tool(*words):
        return subprocess.run([str(harness.BIN / "pintle"), *words, "--target", server.address],
                              capture_output=True, text=True, timeout=60, check=True).stdout

    first = json.loads(tool("cache", "--json"))
    assert first["workers"][0]["policy"] == "lru"
    text = tool("cache", "explain", "--tokens", "500")
    assert text.startswith("To make room for 500 tokens (")
    assert "because it is best effort" in text
    assert "before it was lru" in tool("cache", "policy", "fifo")
    assert "regret:" in tool("cache")
    watching = subprocess.Popen(
        [str(harness.BIN / "pintle"), "cache", "watch", "--target", server.address],
        stdout=subprocess.PIPE, text=True)
    assert watching.stdout.readline().startswith("from event ")
    fill(client, 2, start=50)
    assert "stored " in watching.stdout.readline() or "evicted " in watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    watching.stdout.read()
    assert watching.wait(60) == 0

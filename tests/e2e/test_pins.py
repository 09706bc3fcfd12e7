# SPDX-License-Identifier: Apache-2.0
"""Pins, leases and hints over real processes: a worker alone, and one behind a coordinator."""

import grpc
import pytest

import harness

# A pool of 64 blocks of 16 tokens for requests of up to 32: guarantees may come to 28 blocks.
SMALL = {"PINTLE_FAKE_CONTEXT_TOKENS": "512"}
FLAGS = ("--kv-bytes", "8KiB")
BEST_EFFORT, RETAINED, GUARANTEED = 1, 2, 3
ACCEPTED, CLIPPED, DEFERRED = 1, 2, 3
IDLE, EXPIRED = 2, 3
AWAITING_TOOL, CLOSED = 2, 3
# About 200 tokens: a byte is a token.
LONG = "Words that fill some blocks of the cache. " * 4


class Served:
    """Sessions as a client has them, and what they are served by."""

    def __init__(self, client, alone):
        self.client = client
        self.alone = alone

    def create(self, name, **fields):
        return self.client.call("Sessions", "CreateSession", {"id": name, **fields})

    def update(self, name, **fields):
        return self.client.call("Sessions", "UpdateSession", {"id": name, **fields})

    def get(self, name):
        return self.client.call("Sessions", "GetSession", {"id": name}).session

    def talk(self, name, text=None):
        # No two sessions say the same: what one holds is of no use to another.
        return self.client.chat(text or f"{name} says: {LONG}", name, max_tokens=8)

    def missing(self, name):
        """History tokens that the next turn computes again, its last one excepted."""
        position = self.get(name).position
        return position - 1 - self.client.chat("On.", name, max_tokens=4).usage.cached_tokens

    def churn(self, turns=12, start=0):
        for number in range(start, start + turns):
            self.create(f"churn{number}")
            self.talk(f"churn{number}")


@pytest.fixture(params=["alone", "coordinator"])
def serve(request, start, make_cluster):
    """serve(*flags): what is under test, with one small worker."""
    clients = []

    def make(*flags):
        if request.param == "alone":
            server = start("pintle-worker-fake", "--model", harness.MODEL, "--listen",
                           "127.0.0.1:0", *FLAGS, *flags, environment=SMALL)
            clients.append(harness.Client(server.address))
            return Served(clients[-1], True)
        cluster = make_cluster(1, worker_flags=(*FLAGS, *flags), environment=SMALL)
        return Served(cluster.admin, False)

    yield make
    for client in clients:
        client.close()


def guarantee(tokens):
    return {"kind": "GUARANTEED", "budget_tokens": tokens}


def refused(call, *arguments, **fields):
    with pytest.raises(grpc.RpcError) as raised:
        call(*arguments, **fields)
    return harness.failure_of(raised.value)


def check_pin_budget(failure):
    assert (failure.code, failure.reason) == ("RESOURCE_EXHAUSTED", "PIN_BUDGET")
    assert failure.quotas and failure.retry


def test_a_guaranteed_session_keeps_its_whole_history_under_churn(serve):
    it = serve()
    made = it.create("vip", pin=guarantee(400))
    assert made.verdict == (ACCEPTED if it.alone else DEFERRED)
    assert (made.session.pin.kind, made.session.pin.budget_tokens) == (GUARANTEED, 400)
    it.create("plain")
    it.talk("vip")
    it.talk("plain")
    it.churn()
    assert it.missing("plain") > 100, "the churn was not enough to show anything"
    assert it.missing("vip") == 0
    it.churn(start=50)
    assert it.missing("vip") == 0


def test_a_guarantee_beyond_the_pin_budget_is_refused_and_changes_nothing(serve):
    it = serve()
    it.create("first", pin=guarantee(300))
    it.talk("first", "Hello.")
    if it.alone:
        check_pin_budget(refused(it.create, "second", pin=guarantee(300)))
        assert refused(it.get, "second").reason == "SESSION_NOT_FOUND"
    else:
        # No worker is known before the first turn: that is where it is refused.
        assert it.create("second", pin=guarantee(300)).verdict == DEFERRED
        check_pin_budget(refused(it.talk, "second", "Hello."))
        assert it.get("second").position == 0
    it.create("plain")
    it.talk("plain", "Hello.")
    before = it.get("plain")
    check_pin_budget(refused(it.update, "plain", pin=guarantee(300), lease="60s", outlook="CLOSED"))
    after = it.get("plain")
    for field in ("pin", "lease", "outlook", "last_used"):
        assert getattr(after, field) == getattr(before, field), field
    it.client.call("Sessions", "DeleteSession", {"id": "first"})

    def fits():
        # A coordinator does not wait for the worker to forget a session.
        try:
            return it.update("plain", pin=guarantee(300)).verdict == ACCEPTED
        except grpc.RpcError:
            return False

    harness.wait_until(fits, "the deleted session's budget")


def test_a_turn_beyond_its_sessions_budget_is_refused(serve):
    it = serve()
    it.create("small", pin=guarantee(64))
    assert it.talk("small", "Hi.").finished
    position = it.get("small").position
    failure = refused(it.talk, "small")
    assert (failure.code, failure.reason) == ("RESOURCE_EXHAUSTED", "SESSION_BUDGET")
    assert failure.quotas and failure.retry
    assert it.get("small").position == position


def test_a_retained_session_outlives_best_effort_ones_until_its_ttl(serve):
    it = serve()
    it.create("kept", pin={"kind": "RETAINED", "ttl": "3600s", "priority": 70}, lease="600s")
    it.talk("kept")
    it.churn()
    assert it.missing("kept") == 0
    changed = it.update("kept", pin={"kind": "RETAINED", "ttl": "0.2s"})
    assert changed.verdict == ACCEPTED
    harness.wait_until(lambda: it.get("kept").pin.kind == BEST_EFFORT, "the TTL's end")
    assert it.get("kept").state == IDLE
    it.churn(start=50)
    assert it.missing("kept") > 100


def test_the_end_of_a_lease_drops_the_pin_and_not_the_session(serve):
    it = serve()
    it.create("vip", pin=guarantee(400))
    it.talk("vip")
    held = it.update("vip", lease="0.2s").session
    assert held.lease.nanos == 200_000_000 and held.HasField("lease_expires")
    harness.wait_until(lambda: it.get("vip").state == EXPIRED, "the lease's end")
    assert it.get("vip").pin.kind == BEST_EFFORT
    it.create("next", pin=guarantee(400))
    it.talk("next")
    it.churn()
    assert it.missing("next") == 0
    assert it.missing("vip") > 100
    assert it.get("vip").pin.kind == BEST_EFFORT


def test_an_idle_session_is_pinned_where_it_lies(serve):
    it = serve()
    it.create("late")
    it.talk("late")
    changed = it.update("late", pin=guarantee(400), lease="60s")
    assert changed.verdict == ACCEPTED
    assert (changed.session.pin.kind, changed.session.lease.seconds) == (GUARANTEED, 60)
    it.churn()
    assert it.missing("late") == 0
    # More is held than this promises.
    assert it.update("late", pin=guarantee(32)).verdict == CLIPPED
    assert it.update("late", pin={"kind": "BEST_EFFORT"}).verdict == ACCEPTED
    it.churn(start=50)
    assert it.missing("late") > 100


def test_a_closed_session_goes_before_one_that_comes_back(serve):
    it = serve("--eviction-policy", "session_aware")
    names = ["a", "b", "c"]
    for name in names:
        it.create(name)
        it.talk(name)
    told = it.update("c", outlook="CLOSED").session
    assert told.outlook == CLOSED
    it.update("a", expected_return="600s")
    told = it.update("b", outlook="AWAITING_TOOL", expected_return="600s").session
    assert told.outlook == AWAITING_TOOL and told.HasField("expected_return")
    plan = it.client.call("CacheStats", "ExplainEviction", {"tokens_needed": 500})
    gone = {name for victim in plan.victims for name in victim.sessions}
    assert "c" in gone and not gone & {"a", "b"}, plan
    it.churn(3)
    assert it.missing("c") > 100
    # A turn is the return that was announced.
    assert it.get("c").outlook == 1
    it.missing("b")
    assert not it.get("b").HasField("expected_return")


def test_a_fork_is_best_effort_and_its_source_stays_pinned(serve):
    it = serve()
    it.create("source", pin=guarantee(400))
    it.talk("source")
    forked = it.client.call("Sessions", "ForkSession", {"id": "source", "new_id": "branch"}).session
    assert forked.pin.kind == BEST_EFFORT
    it.talk("branch", "Another way.")
    it.client.call("Sessions", "DeleteSession", {"id": "branch"})
    it.churn()
    assert it.missing("source") == 0


def test_what_no_pin_can_be_is_refused_with_its_field(serve):
    it = serve()
    it.create("a")
    for field, fields in [
        ("pin.budget_tokens", {"pin": {"kind": "GUARANTEED"}}),
        ("pin.priority", {"pin": {"kind": "RETAINED", "priority": 101}}),
        ("pin.ttl", {"pin": {"kind": "RETAINED", "ttl": "86401s"}}),
        ("pin.ranges[0].to", {"pin": {"kind": "RETAINED", "ranges": [{"from": 5, "to": 5}]}}),
        ("lease", {"lease": "86401s"}),
        ("expected_return", {"expected_return": "-1s"}),
    ]:
        failure = refused(it.update, "a", **fields)
        assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
        assert failure.fields == [field]


def test_a_worker_that_restarted_gets_the_pin_with_the_next_turn(make_cluster):
    cluster = make_cluster(1, worker_flags=FLAGS, environment=SMALL)
    it = Served(cluster.admin, False)
    it.create("vip", pin=guarantee(300))
    it.talk("vip", "Hello.")
    cluster.workers["w0"].kill()
    cluster.wait_for_workers(cluster.admin, 0)
    # Nobody can be asked now; nothing is lost by that.
    assert it.update("vip", pin=guarantee(310)).verdict == DEFERRED
    cluster.add_worker("w0", *FLAGS, environment=SMALL)
    cluster.wait_for_workers(cluster.admin, 1)
    it.talk("vip", "Hello again.")
    it.create("plain")
    it.talk("plain", "Hello.")
    check_pin_budget(refused(it.update, "plain", pin=guarantee(200)))
    assert it.update("plain", pin=guarantee(100)).verdict == ACCEPTED

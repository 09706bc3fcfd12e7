# SPDX-License-Identifier: Apache-2.0
"""Sessions forked, truncated, exported and imported, over real processes."""

import grpc
import pytest

import archives
from harness import MODEL, Client, failure_of, run_to_end

LONG = "A message that is long enough to fill a few blocks of the cache. " * 4


@pytest.fixture
def client(shared_cluster):
    return shared_cluster.client()


@pytest.fixture
def lone_worker(start):
    """lone_worker(): a client of a worker that owns its sessions."""
    clients = []

    def make(*flags):
        server = start("pintle-worker-fake", "--model", MODEL, "--listen", "127.0.0.1:0",
                       *(flags or ("--kv-bytes", "16MiB")))
        clients.append(Client(server.address))
        clients[-1].address = server.address
        return clients[-1]

    yield make
    for one in clients:
        one.close()


def session(client, name):
    client.call("Sessions", "CreateSession", {"id": name})
    return name


def talk(client, name, *texts):
    return [client.chat(text, name) for text in texts]


def test_both_branches_of_a_fork_answer_as_sessions_of_their_own(client):
    source = session(client, "fork-source")
    talk(client, source, LONG, "Two.", "Three.")
    first_end, second_end, _ = archives.turn_ends(client, source)
    forked = client.call(
        "Sessions", "ForkSession", {"id": source, "new_id": "branch", "position": second_end}
    ).session
    assert (forked.id, forked.position, forked.turns) == ("branch", second_end, 2)
    assert forked.worker == client.call("Sessions", "GetSession", {"id": source}).session.worker
    alone = session(client, "fork-alone")
    talk(client, alone, LONG, "Two.")
    expected = client.chat("Another way.", alone)
    branch = client.chat("Another way.", "branch")
    assert branch.tokens == expected.tokens
    assert branch.usage.cached_tokens >= second_end - 1
    # And the source goes on as if nothing had been.
    whole = session(client, "fork-whole")
    talk(client, whole, LONG, "Two.", "Three.")
    assert client.chat("On.", source).tokens == client.chat("On.", whole).tokens
    assert first_end < second_end


def test_a_fork_inside_a_turn_keeps_its_ids(client):
    source = session(client, "cut-source")
    talk(client, source, LONG, "Two.")
    cut = archives.turn_ends(client, source)[0] + 3
    client.call("Sessions", "ForkSession", {"id": source, "new_id": "cut", "position": cut})
    both = [
        client.call("Sessions", "GetSession", {"id": name, "include_transcript": True}).transcript
        for name in (source, "cut")
    ]
    ids = [[token for turn in transcript for token in turn.token_ids] for transcript in both]
    assert ids[1] == ids[0][:cut]
    assert not both[1][1].messages
    turn = client.turn(session="cut", text="go on", stopping={"max_tokens": 4},
                       sampling={"temperature": 0})
    assert turn.usage.cached_tokens >= cut - 1


def test_a_fork_takes_the_last_committed_state_of_a_running_source(client):
    source = session(client, "fork-running")
    talk(client, source, LONG)
    end = archives.turn_ends(client, source)[-1]
    stream = client.generate(session=source, text="go on", stopping={"max_tokens": 3000},
                             sampling={"temperature": 0})
    next(stream)
    forked = client.call("Sessions", "ForkSession", {"id": source, "new_id": "of-running"}).session
    assert forked.position == end
    failure = client.failure("Sessions", "TruncateSession", {"id": source, "position": 0})
    assert failure.reason == "SESSION_BUSY"
    assert client.chat("And?", "of-running").usage.cached_tokens >= end - 1
    stream.cancel()


def test_a_truncated_session_goes_on_as_its_shorter_history(client):
    name = session(client, "truncate")
    talk(client, name, LONG, "Two.", "Three.")
    end = archives.turn_ends(client, name)[0]
    cut = client.call("Sessions", "TruncateSession", {"id": name, "position": end}).session
    assert (cut.position, cut.turns) == (end, 1)
    fresh = session(client, "truncate-fresh")
    talk(client, fresh, LONG)
    expected = client.chat("Then?", fresh)
    turn = client.chat("Then?", name)
    assert turn.tokens == expected.tokens
    assert turn.usage.cached_tokens >= end - 1
    for position in (-1, 100000):
        failure = client.failure("Sessions", "TruncateSession", {"id": name, "position": position})
        assert (failure.reason, failure.fields) == ("INVALID_FIELD", ["position"])


def test_fork_says_what_is_wrong(client):
    name = session(client, "fork-errors")
    assert client.failure("Sessions", "ForkSession", {"id": "nobody"}).reason == "SESSION_NOT_FOUND"
    taken = client.failure("Sessions", "ForkSession", {"id": name, "new_id": name})
    assert taken.reason == "SESSION_EXISTS"
    outside = client.failure("Sessions", "ForkSession", {"id": name, "position": 1})
    assert (outside.reason, outside.fields) == ("INVALID_FIELD", ["position"])


def test_a_session_moves_between_workers_with_its_kv(lone_worker):
    source, target = lone_worker(), lone_worker()
    session(source, "s")
    talk(source, "s", LONG, "Two.")
    position = archives.turn_ends(source, "s")[-1]
    answer = archives.import_(target, archives.export(source, "s"), "moved")
    assert answer.session.position == position
    assert answer.kv_tokens == position - 1
    here = source.chat("Three.", "s")
    there = target.chat("Three.", "moved")
    assert there.tokens == here.tokens
    assert there.usage.cached_tokens == here.usage.cached_tokens > 0
    # Nobody else's prompts meet what a client has sent.
    session(target, "other")
    assert target.chat(LONG, "other").usage.cached_tokens == 0


def test_a_session_moves_through_coordinators(client):
    session(client, "via")
    talk(client, "via", LONG, "Two.")
    parts = archives.export(client, "via")
    answer = archives.import_(client, parts, "via-moved")
    assert answer.kv_tokens == answer.session.position - 1
    here, there = client.chat("Three.", "via"), client.chat("Three.", "via-moved")
    assert there.tokens == here.tokens
    assert there.usage.cached_tokens == answer.kv_tokens
    backup = archives.export(client, "via", include_kv=False)
    assert archives.import_(client, backup).kv_tokens == 0


def refusal(client, parts, name="refused", **options):
    with pytest.raises(grpc.RpcError) as caught:
        archives.import_(client, parts, name, **options)
    failure = failure_of(caught.value)
    missing = client.failure("Sessions", "GetSession", {"id": name})
    assert missing.reason == "SESSION_NOT_FOUND", "a refused import leaves nothing"
    return failure


def test_bad_archives_are_refused_and_leave_nothing(lone_worker):
    client = lone_worker()
    session(client, "s")
    talk(client, "s", LONG, "Two.")
    parts = archives.export(client, "s")
    stats = client.call("CacheStats", "GetCacheStats").workers[0].tiers[0]
    for count in range(len(parts)):
        assert refusal(client, parts[:count]).reason == "INVALID_FIELD"
    kv = next(i for i, part in enumerate(parts) if archives.parsed(client, part).HasField("kv"))

    def changed(index, change):
        message = archives.parsed(client, parts[index])
        change(message)
        return [*parts[:index], message.SerializeToString(), *parts[index + 1:]]

    def flip(message):
        data = bytearray(message.kv.data)
        data[len(data) // 2] ^= 1
        message.kv.data = bytes(data)

    assert refusal(client, changed(kv, flip)).fields == ["kv.checksum"]
    assert refusal(client, changed(1, lambda m: m.turn.token_ids.__setitem__(0, 7))).reason == \
        "INVALID_FIELD"
    foreign = changed(0, lambda m: setattr(m.header.shape, "fingerprint", "another"))
    assert refusal(client, foreign).reason == "FINGERPRINT_MISMATCH"
    other_kv = changed(0, lambda m: setattr(m.header.shape, "head_dim", 2))
    assert refusal(client, other_kv).reason == "FINGERPRINT_MISMATCH"
    oversize = changed(0, lambda m: setattr(m.header, "position", 1 << 30))
    assert refusal(client, oversize).fields == ["header.position"]
    after = client.call("CacheStats", "GetCacheStats").workers[0].tiers[0]
    assert after.tokens_resident == stats.tokens_resident
    with pytest.raises(grpc.RpcError) as caught:
        archives.import_(client, parts, "s")
    assert failure_of(caught.value).reason == "SESSION_EXISTS"


def test_the_tool_moves_a_session_by_file(lone_worker, tmp_path):
    source, target = lone_worker(), lone_worker()
    session(source, "s")
    talk(source, "s", LONG)
    file = tmp_path / "s.session"
    code, said = run_to_end("pintle", "--target", source.address, "sessions", "export", "s", file)
    assert code == 0, said
    assert file.exists() and not file.with_name("s.session.part").exists()
    code, said = run_to_end("pintle", "--target", target.address, "sessions", "import", file,
                            "--id", "again")
    assert code == 0, said
    assert target.chat("Two.", "again").tokens == source.chat("Two.", "s").tokens
    file.write_bytes(file.read_bytes()[:-40])
    code, said = run_to_end("pintle", "--target", target.address, "sessions", "import", file,
                            "--id", "half")
    assert code != 0 and "error" in said
    missing = target.failure("Sessions", "GetSession", {"id": "half"})
    assert missing.reason == "SESSION_NOT_FOUND"

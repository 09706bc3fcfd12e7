# SPDX-License-Identifier: Apache-2.0
"""A worker that keeps a disk tier: stopped, killed, its files damaged. Its decoder is the fake,
whose tokens depend on every block of the history."""

import contextlib
import os
import random
import signal
import stat

import harness
import pytest

MESSAGES = ["Hello there, remember the number 17.", "And now?", "Go on, please."]


class Worker:
    """One worker and its folder, to be started again and again."""

    def __init__(self, stack, folder):
        self.stack = stack
        self.folder = folder
        self.start()

    def start(self):
        self.server = harness.Server(
            "pintle-worker-fake", "--listen", "127.0.0.1:0", "--model", "fake",
            "--kv-bytes", "16KiB",
            "--disk-tier", self.folder, "--disk-tier-size", "16MiB", "--grace-seconds", 10,
            # Slow enough that reading back is worth it.
            environment={"PINTLE_FAKE_STEP_MICROS": "5000"},
        )
        self.stack.callback(self.server.kill)
        self.client = harness.Client(self.server.address)

    def tokens(self, ids, session=""):
        return self.client.turn(
            session=session, tokens={"ids": ids}, stopping={"max_tokens": 8, "ignore_eos": True},
            sampling={"temperature": 0},
        )

    def on_disk(self):
        stats = self.client.call("CacheStats", "GetCacheStats", {})
        return sum(tier.tokens_resident for tier in stats.workers[0].tiers if tier.tier == 3)


@pytest.fixture
def worker(tmp_path):
    with contextlib.ExitStack() as stack:
        yield Worker(stack, str(tmp_path / "kv"))


def ids_of(seed, count):
    source = random.Random(seed)
    return [source.randrange(100, 500) for _ in range(count)]


def first_turns(worker):
    """Two turns' worth of history without a session: what a coordinator would send again."""
    history = ids_of(1, 300)
    history += list(worker.tokens(history).tokens[0])
    return history + ids_of(2, 20)


def push_out(worker):
    for seed in range(10, 16):
        worker.tokens(ids_of(seed, 600))
    harness.wait_until(lambda: worker.on_disk() >= 200, "blocks on disk")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_restarted_worker_goes_on_from_its_disk(worker, number):
    history = first_turns(worker)
    push_out(worker)
    expected = worker.tokens(history + ids_of(3, 5)).tokens[0]
    worker.server.signal(number)
    worker.server.wait()
    worker.start()
    turn = worker.tokens(history + ids_of(3, 5))
    assert turn.started.cached_tokens.disk > 0
    assert turn.tokens[0] == expected


def test_only_the_owner_may_read_the_files(worker):
    worker.server.stop()
    for name in ("blocks.kv", "manifest"):
        mode = os.stat(os.path.join(worker.folder, name)).st_mode
        assert stat.S_IMODE(mode) == 0o600, name


def test_a_damaged_file_costs_time_and_no_token(worker):
    history = first_turns(worker)
    push_out(worker)
    expected = worker.tokens(history).tokens[0]
    worker.server.kill()
    path = os.path.join(worker.folder, "blocks.kv")
    with open(path, "r+b") as file:
        size = file.seek(0, 2)
        source = random.Random(4)
        for _ in range(2000):
            file.seek(source.randrange(4096, size))
            file.write(b"\xff")
    worker.start()
    assert worker.tokens(history).tokens[0] == expected


def test_one_folder_serves_one_worker(worker):
    code, errors = harness.run_to_end(
        "pintle-worker-fake", "--listen", "127.0.0.1:0", "--model", "fake",
        "--disk-tier", worker.folder,
    )
    assert code != 0
    assert "--disk-tier" in errors

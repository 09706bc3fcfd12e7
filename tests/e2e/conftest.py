# SPDX-License-Identifier: Apache-2.0
"""Clusters of real processes, stopped whatever happens."""

import contextlib

import pytest

import harness


@contextlib.contextmanager
def running(*arguments, **options):
    server = harness.Server(*arguments, **options)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()


class Cluster:
    """One coordinator and the workers that joined it."""

    def __init__(self, stack, coordinator_flags=()):
        self._stack = stack
        self.coordinator = stack.enter_context(
            running("pintle-coordinator", "--listen", "127.0.0.1:0", "--metrics-listen",
                    "127.0.0.1:0", *coordinator_flags, listens=("listening", "metrics"))
        )
        self.workers = {}

    @property
    def address(self):
        return self.coordinator.address

    def client(self, **options):
        client = harness.Client(self.address, **options)
        self._stack.callback(client.close)
        return client

    def add_worker(self, name, *flags, binary="pintle-worker-fake", environment=None):
        worker = self._stack.enter_context(
            running(binary, "--model", harness.MODEL, "--listen", "127.0.0.1:0", "--coordinator",
                    self.address, "--name", name, "--metrics-listen", "127.0.0.1:0",
                    *(flags or ("--kv-bytes", "16MiB")), environment=environment,
                    listens=("listening", "metrics"))
        )
        self.workers[name] = worker
        return worker

    def wait_for_workers(self, client, count):
        harness.wait_until(
            lambda: len(client.call("Fleet", "ListWorkers").workers) == count, f"{count} workers"
        )


@pytest.fixture
def start():
    """start(binary, *flags): a process for this test."""
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(running(*arguments, **options))


@pytest.fixture
def make_cluster():
    """make_cluster(workers=2, coordinator_flags=(), ...): a fake cluster for this test."""
    with contextlib.ExitStack() as stack:

        def make(workers=2, coordinator_flags=(), worker_flags=(), environment=None, **client):
            cluster = Cluster(stack, coordinator_flags)
            for number in range(workers):
                cluster.add_worker(f"w{number}", *worker_flags, environment=environment)
            cluster.admin = cluster.client(**client)
            cluster.wait_for_workers(cluster.admin, workers)
            return cluster

        yield make


@pytest.fixture(scope="module")
def shared_cluster():
    """A fake cluster that tests which break nothing share."""
    with contextlib.ExitStack() as stack:
        cluster = Cluster(stack)
        for number in range(2):
            # Fast enough for many tests, slow enough that a long turn can be met while it runs.
            cluster.add_worker(f"w{number}", environment={"PINTLE_FAKE_STEP_MICROS": "500"})
        cluster.admin = cluster.client()
        cluster.wait_for_workers(cluster.admin, 2)
        yield cluster

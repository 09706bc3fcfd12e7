# SPDX-License-Identifier: Apache-2.0
"""The binaries take what the manifests give them, and answer what the manifests ask."""

import contextlib
import functools
import os
import pathlib
import queue
import re
import signal
import subprocess
import threading
import time
import urllib.request

import grpc
import pytest
from manifests import (
    KUBERNETES,
    OVERLAYS,
    WORKLOADS,
    container_of,
    documents,
    flags_of,
    overlay,
    rendered,
    settings_of,
)
from metrics_table import METRICS, metric_of

BIN = pathlib.Path(os.environ["PINTLE_BIN"])
# Bounds every wait; a loaded machine needs a part of it.
PATIENCE_SECONDS = 60
# Serves as pintle-worker does, without a model: the flags, the main and the rooms are the same.
STAND_IN = {"pintle-worker": "pintle-worker-fake"}
LIVE = [name for name in OVERLAYS if name.startswith("cpu")]


@functools.cache
def flags_known(program):
    done = subprocess.run(
        [str(BIN / program), "--help"], capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"(--[a-z][a-z-]+)", done.stdout))


@pytest.mark.parametrize("name", OVERLAYS)
@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda key: key[1])
def test_every_flag_and_variable_exists(name, workload):
    container = container_of(overlay(name)[workload])
    (program,) = container["command"]
    known = flags_known(program)
    assert set(flags_of(container)) <= known
    assert set(settings_of(container)) <= known


def test_the_loader_runs_what_every_debian_has():
    (loader,) = documents(KUBERNETES / "model-loader.yaml")
    program = loader["spec"]["containers"][0]["command"][0]
    owner = subprocess.run(["dpkg-query", "-S", f"/bin/{program}"], capture_output=True, text=True)
    assert owner.stdout.startswith("coreutils:")


class Started:
    """A process with the flags and environment of a container, on ports that are free."""

    def __init__(self, container, secrets, replace):
        self._program = STAND_IN.get(container["command"][0], container["command"][0])
        arguments, environment = [], dict(os.environ)
        for flag, value in flags_of(container).items():
            if flag in replace:
                value = replace[flag]
            elif flag.endswith("-listen"):
                value = value.rpartition(":")[0] + ":0"
            elif value and value.startswith("/etc/pintle/"):
                value = str(secrets / pathlib.Path(value).name)
            if value is not None:
                arguments.append(f"{flag}={value}")
        for flag, value in settings_of(container).items():
            if value.startswith("/etc/pintle/"):
                value = str(secrets / pathlib.Path(value).name)
            value = replace.get(flag, value)
            environment["PINTLE_" + flag[2:].upper().replace("-", "_")] = value
        self.addresses = {}
        self._errors = []
        self.process = subprocess.Popen(
            [str(BIN / self._program), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )
        self._lines = queue.Queue()
        for stream, take in ((self.process.stdout, self._lines.put),
                             (self.process.stderr, self._errors.append)):
            threading.Thread(target=self._read, args=(stream, take), daemon=True).start()

    def _read(self, stream, take):
        for line in stream:
            take(line)
        if stream is self.process.stdout:
            self._lines.put("")

    def await_addresses(self):
        while len(self.addresses) < 2:
            line = self._lines.get(timeout=PATIENCE_SECONDS)
            found = re.fullmatch(r"(listening|metrics) on 0\.0\.0\.0:(\d+)\n", line)
            assert found, f"{self._program}: {line!r} {self.said()}"
            self.addresses[found[1]] = int(found[2])

    def said(self):
        return "".join(self._errors)

    def listening_ports(self):
        """Ports of the process in the kernel's books; that of --health-listen is not printed."""
        sockets = set()
        for fd in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                sockets.update(re.findall(r"socket:\[(\d+)\]", os.readlink(fd)))
        ports = set()
        for table in ("tcp", "tcp6"):
            path = pathlib.Path(f"/proc/{self.process.pid}/net/{table}")
            for row in path.read_text().splitlines()[1:] if path.exists() else []:
                fields = row.split()
                if fields[3] == "0A" and fields[9] in sockets:
                    ports.add(int(fields[1].rpartition(":")[2], 16))
        return ports

    def health_port(self):
        (port,) = self.listening_ports() - set(self.addresses.values())
        return port

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_SECONDS)


def health(port, service):
    """The status that grpc.health.v1 answers, in its wire form: no generated code is at hand."""
    request = bytes([0x0A, len(service)]) + service.encode() if service else b""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        answer = check(request, timeout=PATIENCE_SECONDS)
    return {b"\x08\x01": "SERVING", b"\x08\x02": "NOT_SERVING"}[answer]


@pytest.fixture(name="secrets")
def make_secrets(tmp_path):
    (tmp_path / "cluster-token").write_text("cluster\n")
    (tmp_path / "admin-token").write_text("admin\n")
    (tmp_path / "tenants").write_text(f"team-a {'ab' * 32}\n")
    certificates = pathlib.Path(__file__).parents[1] / "data/tls"
    for name, source in (("tls.crt", "crt"), ("tls.key", "key"), ("ca.crt", "crt")):
        (tmp_path / name).write_bytes((certificates / f"localhost.{source}").read_bytes())
    return tmp_path


@pytest.fixture(name="cluster", params=LIVE)
def start_cluster(request, secrets):
    """(manifests, {name of the workload: process}): a coordinator and a worker that joined it."""
    manifests = overlay(request.param)
    started = {}
    try:
        replace, processes = {}, started
        for key in WORKLOADS:
            process = Started(container_of(manifests[key]), secrets, replace)
            processes[key[1]] = process
            process.await_addresses()
            replace = {
                "--coordinator": f"localhost:{process.addresses['listening']}",
                "--advertise": "localhost:1",
                "--name": "pintle-worker-0",
                "--threads": "1",
                "--kv-bytes": "16MiB",
                "--model": str(secrets),
            }
        yield manifests, started
    finally:
        for process in started.values():
            process.end()


def test_processes_answer_the_probes_and_speak_of_metrics_that_are_known(cluster):
    manifests, started = cluster
    for key in WORKLOADS:
        process, container = started[key[1]], container_of(manifests[key])
        port = process.health_port()
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert health(port, container[probe]["grpc"]["service"]) == "SERVING"
        assert health(port, "") == "SERVING"
        url = f"http://127.0.0.1:{process.addresses['metrics']}/metrics"
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            text = answer.read().decode()
        kind = key[1].removeprefix("pintle-")
        seen = set()
        for name, labels in re.findall(r"^(pintle_\w+)(?:\{(.*)\})? ", text, re.M):
            metric, suffix = metric_of(name)
            names = set(re.findall(r'(\w+)="', labels)) - ({"le"} if suffix == "_bucket" else set())
            assert names == metric.labels, name
            assert getattr(metric, kind), f"{name} is exposed by a {kind}"
            seen.add(metric.name)
        for name, type_name in re.findall(r"^# TYPE (pintle_\w+) (\w+)$", text, re.M):
            assert METRICS[name].type == type_name
        assert "pintle_build_info" in seen
        # The health port serves health and nothing else.
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            models = channel.unary_unary("/pintle.v1.Inference/ListModels")
            with pytest.raises(grpc.RpcError) as refused:
                models(b"", timeout=PATIENCE_SECONDS)
        assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_the_worker_joins_by_the_manifests_identity(cluster):
    _, started = cluster
    worker = started["pintle-worker"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "joined" not in worker.said() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "joined" in worker.said(), worker.said()


def test_sigterm_ends_them_in_less_than_the_kubelets_patience(cluster):
    _, started = cluster
    for process in reversed(started.values()):
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(PATIENCE_SECONDS) == 0, process.said()


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda key: key[1])
def test_the_base_alone_refuses_to_start_and_says_why(workload, secrets):
    container = container_of(rendered("base")[workload])
    process = Started(container, secrets, {
        "--coordinator": "localhost:1", "--advertise": "localhost:1", "--name": "w",
        "--model": str(secrets), "--kv-bytes": "16MiB", "--threads": "1",
    })
    try:
        assert process.process.wait(PATIENCE_SECONDS) == 1
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "--allow-plaintext" not in process.said() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "--allow-plaintext" in process.said()
    finally:
        process.end()

# SPDX-License-Identifier: Apache-2.0
"""Servers under measurement and the programs that measure, one JSON line in and out."""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

PATIENCE_SECONDS = 60
HUNDRED_YEARS = 100 * 365 * 86400


class Server:
    """A server process from its start to its end; `seconds` is how long it took to listen."""

    def __init__(self, binary, *arguments, environment=None):
        # To a file: reading a pipe would take the processor just when a turn begins.
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        began = time.monotonic()
        self.process = subprocess.Popen(
            [str(binary), *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=self._log, text=True,
            env={**os.environ, **(environment or {})},
        )
        line = self.process.stdout.readline()
        self.seconds = time.monotonic() - began
        found = re.fullmatch(r"listening on (\S+:\d+)", line.strip())
        if not found:
            self.process.wait(PATIENCE_SECONDS)
            raise SystemExit(f"{binary} did not start: {self.log()}")
        self.address = found[1]

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        """What it has said on standard error."""
        with open(f"/proc/self/fd/{self._log.fileno()}", encoding="utf-8", errors="replace") as log:
            return log.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_SECONDS)


class Driven:
    """A program that answers a JSON line with a JSON line."""

    def __init__(self, binary, *arguments):
        self.process = subprocess.Popen(
            [str(binary), *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True,
        )

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a measuring program ended with {self.process.wait()}")
        return json.loads(line)

    def ask(self, **request):
        given = {name: value for name, value in request.items() if value is not None}
        self.process.stdin.write(json.dumps(given) + "\n")
        self.process.stdin.flush()
        return self.read()

    def stop(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE_SECONDS)


class Bench:
    """The programs of one build folder; ends what it started."""

    def __init__(self, binaries):
        self.binaries = pathlib.Path(binaries)
        self._started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in reversed(self._started):
            one.stop()

    def server(self, name, *arguments, environment=None):
        server = Server(self.binaries / name, "--listen", "127.0.0.1:0", *arguments,
                        environment=environment)
        self._started.append(server)
        return server

    def load(self):
        # Another seed each time, so that no server knows a prompt already.
        driven = Driven(self.binaries / "pintle-bench-load", time.monotonic_ns() % HUNDRED_YEARS)
        self._started.append(driven)
        return driven

    def decode(self, *arguments):
        driven = Driven(self.binaries / "pintle-bench-decode", *arguments)
        self._started.append(driven)
        driven.read()
        return driven

    def stop(self, server):
        server.stop()
        self._started.remove(server)

    def cluster(self, worker, workers, *arguments, environment=None, load=None, ids=None):
        """A coordinator with workers that have joined it."""
        coordinator = self.server("pintle-coordinator")
        joined = [
            self.server(worker, "--coordinator", coordinator.address, "--name", f"w{i}",
                        *arguments, environment=environment)
            for i in range(workers)
        ]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            log = "".join(one.log() for one in joined)
            if log.count("joined") >= workers:
                break
            if time.monotonic() > deadline:
                raise SystemExit(f"workers did not join: {log}")
            time.sleep(0.05)
        if load is not None:
            load.ask(op="first", targets=[coordinator.address], turns=2, prompt=8, tokens=2,
                     ids=ids)
        return coordinator, joined


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def verdict(name, figure, bound, passed):
    print(f"{name}: {figure} (bound: {bound}) {'PASS' if passed else 'FAIL'}", flush=True)
    return passed


def print_load(where):
    loads = " ".join(f"{load:.2f}" for load in os.getloadavg())
    print(f"load average {where}: {loads} on {os.cpu_count()} cores", flush=True)


def finish(results):
    print_load("at the end")
    sys.exit(0 if all(results) else 1)


def flags(parser_description):
    """The flags all scripts have."""
    import argparse

    parser = argparse.ArgumentParser(description=parser_description)
    parser.add_argument("--binaries", required=True)
    parser.add_argument("--model", default="models/SmolLM2-135M-Instruct")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    return parser

# SPDX-License-Identifier: Apache-2.0
"""The README's Python runs as it stands, and what it says is not there yet answers so."""

import pathlib
import re
import subprocess
import sys

import pytest

from pages import README, ROOT, fences, text_of

sys.path.insert(0, str(ROOT / "tests/e2e"))
import harness  # noqa: E402  (the process helper of the tests beside)
from test_promises import rpcs_of_the_readme  # noqa: E402


@pytest.fixture(scope="module")
def coordinator():
    servers = []
    try:
        servers.append(harness.Server("pintle-coordinator", "--listen", "127.0.0.1:0"))
        address = servers[0].address
        servers.append(
            harness.Server(
                "pintle-worker-fake", "--model", harness.MODEL, "--listen", "127.0.0.1:0",
                "--coordinator", address, "--kv-bytes", "16MiB",
            )
        )
        client = harness.Client(address)
        harness.wait_until(lambda: client.call("Fleet", "ListWorkers").workers, "the worker")
        client.close()
        yield servers[0]
    finally:
        for server in servers:
            if server.process.poll() is None:
                server.kill()


def run_example(path, address):
    return subprocess.run(
        [sys.executable, path, address], capture_output=True, text=True, timeout=120, check=False,
        env={"PATH": "", "no_proxy": "127.0.0.1"},
    )


def test_the_python_example_prints_two_answers_and_what_was_cached(coordinator, tmp_path):
    examples = fences(text_of(README), "python")
    assert len(examples) == 1
    script = pathlib.Path(tmp_path / "ask.py")
    script.write_text(examples[0], encoding="utf-8")
    result = run_example(script, coordinator.address)
    assert result.returncode == 0, result.stderr
    turns = re.findall(
        r"^> [^\n]*\?\n(.+?)\n\[(\d+) of (\d+) prompt tokens were cached\]$",
        result.stdout, re.MULTILINE | re.DOTALL,
    )
    assert len(turns) == 2, result.stdout
    assert all(answer.strip() for answer, _, _ in turns)
    assert int(turns[0][1]) == 0 < int(turns[1][1]) < int(turns[1][2])


def test_what_the_readme_says_is_not_there_yet_answers_so(coordinator):
    client = harness.Client(coordinator.address)
    for service in ("Sessions", "CacheStats", "Fleet"):
        for method in client.service(service).methods:
            if method.name not in rpcs_of_the_readme():
                continue
            request = iter([]) if method.client_streaming else {}
            failure = client.failure(service, method.name, request)
            assert (failure.code, failure.reason) == ("UNIMPLEMENTED", "NOT_YET"), method.name
    client.close()

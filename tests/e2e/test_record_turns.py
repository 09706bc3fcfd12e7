# SPDX-License-Identifier: Apache-2.0
"""A worker records which blocks its turns looked for; `pintle simulate` replays the record."""

import json
import signal
import subprocess

import harness


def test_a_record_of_turns_can_be_simulated(tmp_path):
    folder = tmp_path / "turns"
    server = harness.Server("pintle-worker-fake", "--listen", "127.0.0.1:0", "--model", "fake",
                            "--record-turns", folder)
    try:
        client = harness.Client(server.address)
        client.call("Sessions", "CreateSession", {"id": "secret-name"})
        for _ in range(3):
            client.turn(session="secret-name", tokens={"ids": list(range(100, 180))},
                        stopping={"max_tokens": 8, "ignore_eos": True})
        client.turn(tokens={"ids": list(range(300, 380))}, stopping={"max_tokens": 2})
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    finally:
        server.kill()
    (record,) = folder.iterdir()
    text = record.read_text()
    assert "secret-name" not in text
    turns = [json.loads(line) for line in text.splitlines()]
    assert [turn["input_length"] for turn in turns] == [80, 168, 256, 80]
    assert [turn.get("session") == turns[0]["session"] for turn in turns] == [True] * 3 + [False]
    points = json.loads(subprocess.run(
        [harness.BIN / "pintle", "simulate", "--trace", record, "--json",
         "--policy", "lru,belady", "--capacity", "1000"],
        check=True, capture_output=True, text=True).stdout)
    assert [point["policy"] for point in points] == ["lru", "belady"]
    # Turns two and three find everything but their own tokens and the block those begin in.
    assert 0.3 < points[0]["hit_ratio"] < 0.8
    assert points[0]["hit_ratio"] == points[1]["hit_ratio"]

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Must-show: `pintle plan` equals what a worker allocates, for three models.

For each model: the plan of a pool, then a worker with that pool, asked by `pintle cache --json`.
Usage: plan.py BIN_FOLDER SOURCE_FOLDER. Standard library only.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BIN, ROOT = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
DEMO = ROOT / "models/SmolLM2-135M-Instruct"
TINY = ROOT / "tests/data/model"


def tiny(name, work):
    """A folder a worker takes: a tiny family's weights, the demo model's tokenizer."""
    folder = work / name
    folder.mkdir()
    for file in ("config.json", "model.safetensors"):
        shutil.copy(TINY / name / file, folder / file)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(DEMO / file, folder / file)
    return folder


def plan_of(folder, flags):
    command = [BIN / "pintle", "plan", "--model", folder, "--json", *flags]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def worker_of(folder, flags, work):
    """What the started worker says of itself: its log line and its cache report."""
    log = work / f"{folder.name}.err"
    with open(log, "w") as err:
        worker = subprocess.Popen(
            [BIN / "pintle-worker", "--model", folder, "--listen", "127.0.0.1:0", *flags],
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
        )
    try:
        address = re.match(r"listening on (\S+)", worker.stdout.readline() or "")
        if not address:
            sys.exit(f"the worker of {folder.name} did not start: {log.read_text()}")
        answer = subprocess.run(
            [BIN / "pintle", "cache", "--target", address[1], "--json"],
            capture_output=True,
            text=True,
            check=True,
        )
        return log.read_text(), json.loads(answer.stdout)
    finally:
        worker.terminate()
        worker.wait()


def report_in(answer):
    """The one worker's figures, wherever the response keeps them."""
    if isinstance(answer, dict):
        if "blockTokens" in answer:
            return answer
        for value in answer.values():
            found = report_in(value)
            if found:
                return found
    if isinstance(answer, list):
        for value in answer:
            found = report_in(value)
            if found:
                return found
    return None


def figures_of(report):
    tier = next(t for t in report["tiers"] if t["tier"].endswith("DEVICE"))
    return {
        "block_tokens": int(report["blockTokens"]),
        "bytes_per_token": int(report["bytesPerToken"]),
        "blocks": int(tier["blocksTotal"]),
        "bytes": int(tier["capacityBytes"]),
    }


def compare(folder, flags, work):
    plan = plan_of(folder, flags)
    log, answer = worker_of(folder, flags, work)
    line = re.search(r"KV pool: (\d+) blocks of (\d+) tokens = (\d+) tokens, (\d+) bytes", log)
    planned = [plan["device"]["blocks"], plan["block_tokens"], plan["device"]["tokens"],
               plan["device"]["bytes"]]
    logged = [int(figure) for figure in line.groups()] if line else None
    served = figures_of(report_in(answer))
    wanted = {
        "block_tokens": plan["block_tokens"],
        "bytes_per_token": plan["bytes_per_token"],
        "blocks": plan["device"]["blocks"],
        "bytes": plan["device"]["blocks"] * plan["block_tokens"] * plan["bytes_per_token"],
    }
    good = planned == logged and served == wanted
    print(f"{folder.name}: planned {planned[0]} blocks, {planned[2]} tokens, {planned[3]} bytes; "
          f"logged {logged}; GetCacheStats {served}: {'PASS' if good else 'FAIL'}")
    return good


def main():
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(temporary)
        cases = [
            (DEMO, ["--kv-bytes", "300MiB", "--dtype", "bf16"]),
            (tiny("qwen2_bias", work), ["--kv-bytes", "3MiB", "--dtype", "f32"]),
            (tiny("llama_head_dim", work), ["--kv-bytes", "3MiB", "--dtype", "bf16"]),
        ]
        verdicts = [compare(folder, flags, work) for folder, flags in cases]
    print(f"pintle plan equals the worker's pool, bound 3 of 3 models: {sum(verdicts)} "
          f"{'PASS' if all(verdicts) else 'FAIL'}")
    sys.exit(0 if all(verdicts) else 1)


if __name__ == "__main__":
    main()

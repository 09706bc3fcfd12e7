# SPDX-License-Identifier: Apache-2.0
"""llama.cpp through its own benchmark programs: they load in under a second or few, outside of
what they time, so that no process has to be kept."""

import json
import os
import subprocess

import places
from driven import Unavailable

ANSWER_SECONDS = 900
# Variants within this share of the best go on beyond the trial.
KEPT_SHARE = 0.93
WARM_TOKENS = 64


class LlamaCpp:
    """One GGUF. Every measurement is made with each of the settings that may be its best; those
    that lose clearly in the trial are dropped, and of the others the best counts."""

    VARIANTS = {
        "decode": (("-fa", "on"), ("-fa", "off"), ("-fa", "on", "-ctk", "bf16", "-ctv", "bf16"),
                   ("-fa", "on", "-kvu")),
        "prefill": (("-fa", "on"), ("-fa", "off"), ("-fa", "on", "-ctk", "bf16", "-ctv", "bf16"),
                    ("-fa", "on", "-ub", "1024")),
    }

    def __init__(self, name, model, threads):
        self.name = name
        self.model = model
        self.threads = threads
        self.chosen = {}

    def start(self):
        version = places.PEERS / "llama.cpp.version"
        programs = [places.LLAMA_BIN / name for name in ("llama-bench", "llama-batched-bench")]
        for needed in (*programs, version, self.model):
            if not needed.exists():
                raise Unavailable(f"{needed.name} is missing; run make bench-compare-setup")
        return {"version": version.read_text(encoding="utf-8").strip()}

    def warm(self, task):
        """Chooses the settings on a quarter of the task: 4,096 tokens of a large model take most
        of a minute with each. The programs warm up by themselves."""
        self.run(task.quarter())

    def run(self, task):
        variants = self.chosen.get(task.name) or self.VARIANTS[task.kind]
        if task.kind == "decode" and task.streams == 1:
            variants = [variant for variant in variants if "-kvu" not in variant]
        measure = self._prefill if task.kind == "prefill" else self._decode
        rates, refused = {}, None
        for variant in variants:
            try:
                rates[variant] = measure(task, variant)
            except Unavailable as error:
                refused = error
        if not rates:
            raise refused
        best = max(rates, key=rates.get)
        if task.name not in self.chosen:
            kept = [variant for variant in sorted(rates, key=rates.get, reverse=True)
                    if rates[variant] >= KEPT_SHARE * rates[best]]
            self.chosen[task.name] = kept[:2] if task.large else kept
        return {"tokens_per_second": rates[best], "settings": " ".join(best)}

    def _decode(self, task, variant):
        tokens = task.streams * (task.prompt + task.tokens)
        lines = self._call("llama-batched-bench", "-c", tokens, "-b", 2048, "-ub", 512,
                           "-npp", task.prompt, "-ntg", task.tokens, "-npl", task.streams,
                           *variant, "--output-format", "jsonl")
        for line in lines:
            start = line.find("{")
            if start >= 0 and '"speed_tg"' in line:
                return json.loads(line[start:])["speed_tg"]
        raise Unavailable("llama-batched-bench printed no result")

    def _prefill(self, task, variant):
        # The program warms up with the whole prompt. A long one of a large model takes most of a
        # minute: there a short one before it touches all weights instead.
        short = task.large and task.prompt >= 1000
        prompts = f"{WARM_TOKENS},{task.prompt}" if short else task.prompt
        lines = self._call("llama-bench", "-p", prompts, "-n", 0, "-r", task.repeats,
                           "-b", 4096, *(("--no-warmup",) if short else ()), *variant,
                           "-o", "json")
        results = json.loads("\n".join(lines))
        return next(result["avg_ts"] for result in results
                    if result["n_prompt"] == task.prompt)

    def _call(self, program, *arguments):
        command = [str(places.LLAMA_BIN / program), "-m", str(self.model), "-t",
                   str(self.threads), *map(str, arguments)]
        result = subprocess.run(command, capture_output=True, text=True, check=False,
                                timeout=ANSWER_SECONDS,
                                env={**os.environ, "LLAMA_LOG_COLORS": "off"})
        if result.returncode != 0:
            words = [line for line in result.stderr.splitlines() if line.strip()]
            raise Unavailable(f"{program} ended with {result.returncode}: "
                              f"{words[-1][:200] if words else 'it said nothing'}")
        return result.stdout.splitlines()

    def wake(self):
        pass

    def sleep(self):
        pass

    def stop(self):
        pass

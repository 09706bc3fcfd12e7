# SPDX-License-Identifier: Apache-2.0
"""What is measured: the same token counts for every engine."""

import dataclasses

PINTLE = "Pintle bf16"
PINTLE_INT8 = "Pintle int8"
PINTLE_W8A8 = "Pintle int8 x int8"
LLAMA = "llama.cpp bf16"
LLAMA_Q8 = "llama.cpp Q8_0"
VLLM = "vLLM bf16"
TRANSFORMERS = "transformers bf16"

# Whom "the best peer" is chosen from.
PEERS = (LLAMA, VLLM, TRANSFORMERS)


@dataclasses.dataclass(frozen=True)
class Task:
    """One measurement. decode: `tokens` steps of `streams` equal streams, each after `prompt`
    tokens, which are not timed. prefill: one prompt of `prompt` tokens up to its first token."""

    name: str
    title: str
    kind: str
    streams: int
    prompt: int
    tokens: int
    engines: tuple

    @property
    def repeats(self):
        """A short prompt is over in a seventh of a second, most of what it takes to settle after
        an engine was woken: several in a row are one sample, their median counts. llama-bench
        warms up by itself and takes the mean."""
        return 5 if self.kind == "prefill" and self.prompt < 1000 else 1

    @property
    def request(self):
        if self.kind == "prefill":
            return {"op": "prefill", "tokens": self.prompt}
        return {"op": "decode", "streams": self.streams, "prompt": self.prompt,
                "tokens": self.tokens}


def _decode(streams, prompt, tokens, engines):
    name = f"decode_{streams}" + (f"_at_{prompt}" if prompt > 1000 else "")
    many = "1 stream" if streams == 1 else f"{streams} streams"
    return Task(name, f"decode, {many}, {prompt:,} cached", "decode", streams, prompt, tokens,
                engines)


def _prefill(tokens):
    return Task(f"prefill_{tokens}", f"prefill of {tokens:,} tokens", "prefill", 1, tokens, 0,
                (PINTLE, PINTLE_W8A8, *PEERS))


# Group (of make targets and of --only) -> its tasks.
GROUPS = {
    "decode": (
        _decode(1, 128, 64, (PINTLE, *PEERS, PINTLE_INT8, LLAMA_Q8)),
        _decode(1, 4096, 32, (PINTLE, LLAMA)),
    ),
    "batch": (
        _decode(8, 128, 48, (PINTLE, *PEERS)),
        _decode(32, 128, 32, (PINTLE, *PEERS)),
        _decode(64, 128, 32, (PINTLE,)),
    ),
    "prefill": (_prefill(512), _prefill(4096)),
}


def tasks_of(groups):
    return [task for group, tasks in GROUPS.items() if group in groups for task in tasks]


def engines_of(tasks):
    """In the order they first appear."""
    return list(dict.fromkeys(engine for task in tasks for engine in task.engines))

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

# Above so many parameters a step lasts so long that a run has to spare tokens (README.md).
LARGE_PARAMETERS = 500_000_000


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
    # Of a large model: a step is a second's tenth, a short prompt a second.
    large: bool = False

    @property
    def repeats(self):
        """A short prompt is over in a seventh of a second, most of what it takes to settle after
        an engine was woken: several in a row are one sample, their median counts. llama-bench
        warms up by itself and takes the mean."""
        if self.kind != "prefill" or self.prompt >= 1000:
            return 1
        return 3 if self.large else 5

    def of_large_model(self):
        """Half the steps of several streams, never so few that a sample is over in a second."""
        tokens = self.tokens if self.streams == 1 else max(16, self.tokens // 2)
        return dataclasses.replace(self, tokens=tokens, large=True)

    def quarter(self):
        """The same on a quarter of the prompt, with few steps: enough to tell settings apart."""
        least = 256 if self.kind == "prefill" else 32
        return dataclasses.replace(self, prompt=max(least, self.prompt // 4),
                                   tokens=min(self.tokens, 8))

    @property
    def warm_up(self):
        """A request of this kind that is over at once: the engine meets its batch and wakes up."""
        short = dataclasses.replace(self, prompt=min(self.prompt, 16 if self.tokens else 64),
                                    tokens=min(self.tokens, 2))
        return short.request

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


def tasks_of(groups, large=False):
    chosen = [task for group, tasks in GROUPS.items() if group in groups for task in tasks]
    return [task.of_large_model() for task in chosen] if large else chosen


def engines_of(tasks):
    """In the order they first appear."""
    return list(dict.fromkeys(engine for task in tasks for engine in task.engines))

# SPDX-License-Identifier: Apache-2.0
"""Where everything lies: what set-up makes, what the build makes."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
# All that set-up makes; removing this folder undoes it.
PEERS = ROOT / ".deps/compare"
STAMPS = PEERS / "stamps"
VENV_PYTHON = PEERS / "venv/bin/python"
LLAMA_SOURCE = PEERS / "llama.cpp"
LLAMA_BIN = LLAMA_SOURCE / "build/bin"
# vLLM's and TorchInductor's compiled graphs, so that a second start is a short one.
CACHE = PEERS / "cache"
# An allocator that vLLM is faster with.
TCMALLOC = PEERS / "tcmalloc"
CLIENT_PYTHON = ROOT / ".deps/venv-e2e/bin/python"
SMOLLM2 = ROOT / "models/SmolLM2-135M-Instruct"
SYNTHETIC = ROOT / "models/Synthetic-Llama-1.1B"


def gguf(model, kind):
    """The GGUF of a Hugging Face folder; kind is bf16 or q8_0."""
    return PEERS / "gguf" / f"{pathlib.Path(model).name}-{kind}.gguf"

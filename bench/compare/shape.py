# SPDX-License-Identifier: Apache-2.0
"""Sizes of a Llama-like Hugging Face folder: what a step must read and compute at least."""

import json
import math
import pathlib
import struct


class Shape:
    """Counts parameters out of the headers of the weight files."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.layers = config["num_hidden_layers"]
        self.heads = config["num_attention_heads"]
        self.kv_heads = config.get("num_key_value_heads", self.heads)
        self.head_dim = config.get("head_dim") or config["hidden_size"] // self.heads
        self.vocabulary = config["vocab_size"]
        sizes = {}
        for file in sorted(folder.glob("*.safetensors")):
            for name, entry in _header(file).items():
                sizes[name] = math.prod(entry["shape"])
        if not sizes:
            raise SystemExit(f"compare: {folder.name} has no safetensors files")
        embedding = sizes.get("model.embed_tokens.weight", 0)
        # A tied embedding is read whole by the LM head; an untied one only row by row.
        self.parameters_read = sum(sizes.values())
        if "lm_head.weight" in sizes and not config.get("tie_word_embeddings", False):
            self.parameters_read -= embedding
        head = sizes.get("lm_head.weight", embedding)
        self.parameters_layers = self.parameters_read - head
        self.parameters_head = head

    def weight_bytes(self, bytes_per_parameter=2):
        """What one step reads of the weights."""
        return self.parameters_read * bytes_per_parameter

    def kv_bytes(self, tokens, bytes_per_value=2):
        return 2 * self.layers * self.kv_heads * self.head_dim * tokens * bytes_per_value

    def attention_operations(self, context):
        """Of one query against `context` keys and values."""
        return 4 * self.layers * self.heads * self.head_dim * context

    def decode_operations(self, context):
        """Of one token of one stream."""
        return 2 * self.parameters_read + self.attention_operations(context)

    def prefill_operations(self, tokens):
        """Of a whole prompt, the LM head for its last token only."""
        return (2 * self.parameters_layers * tokens + 2 * self.parameters_head
                + tokens * self.attention_operations((tokens + 1) / 2))


def _header(file):
    with open(file, "rb") as stream:
        (size,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(size))
    header.pop("__metadata__", None)
    return header

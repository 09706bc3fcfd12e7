# SPDX-License-Identifier: Apache-2.0
"""A Llama of 1.1 billion random bf16 parameters (TinyLlama's shape, a context of 8,192) as a
Hugging Face folder: synthetic_model.py DIR. Seeded. It answers nonsense: it is for speed at a size
where the weights fit in no cache."""

import itertools
import json
import pathlib
import string
import struct
import sys

import numpy as np

SEED = 20240229
LAYERS, HIDDEN, HEADS, KV_HEADS, HEAD_DIM, MLP, VOCABULARY = 22, 2048, 32, 4, 64, 5632, 32000
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "head_dim": HEAD_DIM,
    "hidden_act": "silu",
    "hidden_size": HIDDEN,
    "initializer_range": 0.02,
    "intermediate_size": MLP,
    "max_position_embeddings": 8192,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": HEADS,
    "num_hidden_layers": LAYERS,
    "num_key_value_heads": KV_HEADS,
    "pad_token_id": 2,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": VOCABULARY,
}


def tensors():
    """Name -> shape, in the order of the file."""
    yield "model.embed_tokens.weight", (VOCABULARY, HIDDEN)
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", (HIDDEN,)
        yield prefix + "self_attn.q_proj.weight", (HEADS * HEAD_DIM, HIDDEN)
        yield prefix + "self_attn.k_proj.weight", (KV_HEADS * HEAD_DIM, HIDDEN)
        yield prefix + "self_attn.v_proj.weight", (KV_HEADS * HEAD_DIM, HIDDEN)
        yield prefix + "self_attn.o_proj.weight", (HIDDEN, HEADS * HEAD_DIM)
        yield prefix + "post_attention_layernorm.weight", (HIDDEN,)
        yield prefix + "mlp.gate_proj.weight", (MLP, HIDDEN)
        yield prefix + "mlp.up_proj.weight", (MLP, HIDDEN)
        yield prefix + "mlp.down_proj.weight", (HIDDEN, MLP)
    yield "model.norm.weight", (HIDDEN,)
    yield "lm_head.weight", (VOCABULARY, HIDDEN)


def values(shape, source):
    """bf16 bits: norms are 1, matrices keep the size of what they multiply."""
    if len(shape) == 1:
        return np.full(shape, 0x3F80, dtype="<u2")
    drawn = source.standard_normal(shape, dtype=np.float32) / np.float32(shape[1] ** 0.5)
    return (drawn.view(np.uint32) >> 16).astype("<u2")


def byte_alphabet():
    """The 256 characters that stand for bytes in byte-level BPE."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = itertools.count(256)
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


def vocabulary():
    """(tokens in the order of their ids, merges): bytes, then words of up to four letters."""
    alphabet = byte_alphabet()
    tokens = [*SPECIAL, *sorted(alphabet)]
    merges = []
    space = "\u0120"
    beginnings = [space + a for a in string.ascii_lowercase]
    pairs = [a + b for a, b in itertools.product(string.ascii_lowercase, repeat=2)]
    grown = [(space, a[1]) for a in beginnings]
    grown += [(pair[0], pair[1]) for pair in pairs]
    grown += [(beginning, letter) for beginning in beginnings for letter in string.ascii_lowercase]
    grown += [(pair, letter) for pair in pairs for letter in string.ascii_lowercase]
    grown += [(beginning + letter, other) for beginning in beginnings
              for letter in string.ascii_lowercase for other in string.ascii_lowercase]
    for left, right in grown:
        if len(tokens) == VOCABULARY:
            break
        tokens.append(left + right)
        merges.append((left, right))
    assert len(tokens) == len(set(tokens)) == VOCABULARY
    return tokens, merges


def tokenizer():
    tokens, merges = vocabulary()
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
             "use_regex": True}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": index, "content": token, "single_word": False, "lstrip": False,
                          "rstrip": False, "normalized": False, "special": True}
                         for index, token in enumerate(SPECIAL)],
        "normalizer": None, "pre_tokenizer": level, "post_processor": None, "decoder": level,
        "model": {"type": "BPE", "dropout": None, "unk_token": None,
                  "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": {token: index for index, token in enumerate(tokens)},
                  "merges": [list(merge) for merge in merges]},
    }


def write_weights(path):
    header, offset = {}, 0
    for name, shape in tensors():
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape),
                        "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    source = np.random.default_rng(SEED)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors():
            values(shape, source).tofile(file)
            print(f"{name}: {file.tell() / offset:.0%}", flush=True)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.json"
    config.unlink(missing_ok=True)  # Written last: with it, the folder is whole.
    write_weights(folder / "model.safetensors")
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer()), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": SPECIAL[1],
        "eos_token": SPECIAL[2], "pad_token": SPECIAL[2], "model_max_length": 8192,
        "clean_up_tokenization_spaces": False}, indent=1), encoding="utf-8")
    config.write_text(json.dumps(CONFIG, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

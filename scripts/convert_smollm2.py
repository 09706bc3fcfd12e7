# SPDX-License-Identifier: Apache-2.0
"""Turns SmolLM2-135M-Instruct from GGUF into a Hugging Face folder: convert_smollm2.py GGUF DIR.

The package index carries this model only as GGUF in Q4_1. The weights are dequantised to bf16,
the tokenizer is rebuilt from the vocabulary and merges in the file, and every result is compared
with a pinned hash, so all machines hold the same bytes. DIR appears only when it is complete.
"""

import hashlib
import json
import math
import os
import shutil
import struct
import sys

import numpy as np

from gguf_file import GgufFile

SHA256 = {
    "config.json": "753578111361c2e637bbf122cc01e33db4b8ee46b1e3d5bc8109703c747ce055",
    "model.safetensors": "7ef915c9bf9d94d8d70211970476878352a5b95855c589ae987916d7a455242b",
    "tokenizer.json": "1793f703e5efbc7b88d049f635a2797aeddd72990d7e0653823d9fbbb1191e9e",
    "tokenizer_config.json": "99c916606d5025c65870a1fb5fe9a056af65d1012fbd732cb95f3b9efe382a5e",
}

# Name in GGUF -> name in the Hugging Face folder, of the tensors of one layer.
LAYER_TENSORS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
CONTROL = 3  # Token type of <|im_start|> and its like.


def config_of(fields):
    """config.json, in the older of the two generations, as the model was published."""
    llama = {key[len("llama."):]: value for key, value in fields.items()
             if key.startswith("llama.")}
    token = {key: fields[f"tokenizer.ggml.{key}_token_id"] for key in ("bos", "eos", "padding")}
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": token["bos"],
        "eos_token_id": token["eos"],
        "hidden_act": "silu",
        "hidden_size": llama["embedding_length"],
        "initializer_range": 0.041666666666666664,
        "intermediate_size": llama["feed_forward_length"],
        "max_position_embeddings": llama["context_length"],
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": llama["attention.head_count"],
        "num_hidden_layers": llama["block_count"],
        "num_key_value_heads": llama["attention.head_count_kv"],
        "pad_token_id": token["padding"],
        # The file holds a float; its shortest decimal form is the published 1e-05.
        "rms_norm_eps": float(str(np.float32(llama["attention.layer_norm_rms_epsilon"]))),
        "rope_scaling": None,
        "rope_theta": float(llama["rope.freq_base"]),
        "tie_word_embeddings": True,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "vocab_size": llama["vocab_size"],
    }


def added_tokens(fields):
    tokens, types = fields["tokenizer.ggml.tokens"], fields["tokenizer.ggml.token_type"]
    return [{"id": index, "content": token, "single_word": False, "lstrip": False,
             "rstrip": False, "normalized": False, "special": True}
            for index, token in enumerate(tokens) if types[index] == CONTROL]


def tokenizer_of(fields):
    """tokenizer.json: byte-level BPE that splits every digit, which GGUF calls `smollm`."""
    if (fields["tokenizer.ggml.model"], fields["tokenizer.ggml.pre"]) != ("gpt2", "smollm"):
        raise ValueError("the file's tokenizer is not SmolLM2's")
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                  "use_regex": True}
    digits = {"type": "Digits", "individual_digits": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added_tokens(fields),
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [digits, byte_level]},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True,
                    "use_regex": True},
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: index
                      for index, token in enumerate(fields["tokenizer.ggml.tokens"])},
            "merges": [merge.split(" ") for merge in fields["tokenizer.ggml.merges"]],
        },
    }


def tokenizer_config_of(fields):
    tokens = fields["tokenizer.ggml.tokens"]
    named = {name: tokens[fields[f"tokenizer.ggml.{key}_token_id"]]
             for name, key in (("bos_token", "bos"), ("eos_token", "eos"),
                               ("pad_token", "padding"), ("unk_token", "unknown"))}
    decoder = {}
    for token in added_tokens(fields):
        index = str(token.pop("id"))
        decoder[index] = token
    return {
        "add_prefix_space": False,
        "added_tokens_decoder": decoder,
        "additional_special_tokens": [named["bos_token"], named["eos_token"]],
        **named,
        "chat_template": fields["tokenizer.chat_template"],
        "clean_up_tokenization_spaces": False,
        "model_max_length": fields["llama.context_length"],
        # Not the published GPT2Tokenizer: transformers 5 builds that class without the digits.
        "tokenizer_class": "PreTrainedTokenizerFast",
        "vocab_size": len(tokens),
    }


def rows_in_hf_order(weight, heads):
    """GGUF interleaves the two halves of each head's rows for its rope; this undoes it."""
    rows, columns = weight.shape
    paired = weight.reshape(heads, rows // heads // 2, 2, columns)
    return paired.swapaxes(1, 2).reshape(rows, columns)


def to_bf16(values):
    """Rounds to nearest even; the weights are finite, so no case for NaN."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def sources_of(layers):
    """Hugging Face name -> (name in GGUF, kind)."""
    result = {"model.embed_tokens.weight": ("token_embd.weight", ""),
              "model.norm.weight": ("output_norm.weight", "")}
    for layer in range(layers):
        for kind, name in LAYER_TENSORS.items():
            result[f"model.layers.{layer}.{name}.weight"] = (f"blk.{layer}.{kind}.weight", kind)
    return result


def write_safetensors(path, gguf, config):
    """One file: length of the header, header (JSON), values one after the other, in bf16."""
    sources = sources_of(config["num_hidden_layers"])
    if len(sources) != len(gguf.tensors):
        raise ValueError(f"the file has {len(gguf.tensors)} tensors, {len(sources)} are expected")
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name in sorted(sources):
        shape = gguf.tensors[sources[name][0]][0]
        begin, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for count, name in enumerate(sorted(sources), 1):
            source, kind = sources[name]
            values = gguf.tensor(source)
            if kind in heads:
                values = rows_in_hf_order(values, heads[kind])
            out.write(to_bf16(values).tobytes())
            if count % 60 == 0 or count == len(sources):
                print(f"  {count} of {len(sources)} tensors", flush=True)


def write_json(path, value):
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        json.dump(value, out, indent=2, ensure_ascii=False)
        out.write("\n")


def check(folder):
    for name, expected in SHA256.items():
        with open(os.path.join(folder, name), "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            sys.exit(f"{name} has SHA-256 {found}, expected {expected}")


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, folder = sys.argv[1], os.path.normpath(sys.argv[2])
    gguf = GgufFile(source)
    work = folder + ".new"
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    config = config_of(gguf.fields)
    write_json(os.path.join(work, "config.json"), config)
    write_json(os.path.join(work, "tokenizer.json"), tokenizer_of(gguf.fields))
    write_json(os.path.join(work, "tokenizer_config.json"), tokenizer_config_of(gguf.fields))
    write_safetensors(os.path.join(work, "model.safetensors"), gguf, config)
    check(work)
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(work, folder)


if __name__ == "__main__":
    main()

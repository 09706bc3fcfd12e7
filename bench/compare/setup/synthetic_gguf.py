# SPDX-License-Identifier: Apache-2.0
"""The synthetic folder as GGUF, tensor for tensor: synthetic_gguf.py DIR TARGET GGUF_PY_DIR."""

import json
import pathlib
import struct
import sys

import numpy as np

from synthetic_model import CONFIG, SPECIAL, vocabulary

sys.path.insert(0, sys.argv[3])
import gguf  # noqa: E402

NAMES = {
    "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
WHOLE = {"model.embed_tokens.weight": "token_embd.weight",
         "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}


def name_of(name):
    if name in WHOLE:
        return WHOLE[name]
    _, _, layer, rest = name.split(".", 3)
    return f"blk.{layer}.{NAMES[rest.removesuffix('.weight')]}.weight"


def in_gguf_order(name, bits):
    """GGUF interleaves the two halves of each head's rows of Q and K for its rope."""
    heads = {"q_proj": CONFIG["num_attention_heads"], "k_proj": CONFIG["num_key_value_heads"]}
    for part, count in heads.items():
        if part in name:
            rows, columns = bits.shape
            halves = bits.reshape(count, 2, rows // count // 2, columns)
            return np.ascontiguousarray(halves.swapaxes(1, 2)).reshape(rows, columns)
    return bits


def add_shape(writer):
    writer.add_context_length(CONFIG["max_position_embeddings"])
    writer.add_embedding_length(CONFIG["hidden_size"])
    writer.add_block_count(CONFIG["num_hidden_layers"])
    writer.add_feed_forward_length(CONFIG["intermediate_size"])
    writer.add_rope_dimension_count(CONFIG["head_dim"])
    writer.add_head_count(CONFIG["num_attention_heads"])
    writer.add_head_count_kv(CONFIG["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(CONFIG["rms_norm_eps"])
    writer.add_rope_freq_base(CONFIG["rope_theta"])
    writer.add_vocab_size(CONFIG["vocab_size"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)


def add_tokenizer(writer):
    tokens, merges = vocabulary()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if token in SPECIAL else gguf.TokenType.NORMAL
                            for token in tokens])
    writer.add_token_merges([f"{left} {right}" for left, right in merges])
    writer.add_bos_token_id(CONFIG["bos_token_id"])
    writer.add_eos_token_id(CONFIG["eos_token_id"])
    writer.add_pad_token_id(CONFIG["pad_token_id"])


def add_tensors(writer, path):
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
    data = np.memmap(path, dtype="<u2", mode="r", offset=8 + size)
    for name, entry in header.items():
        begin, end = (offset // 2 for offset in entry["data_offsets"])
        bits = in_gguf_order(name, data[begin:end].reshape(entry["shape"]))
        if bits.ndim == 1:  # llama.cpp wants norms in f32.
            writer.add_tensor(name_of(name), (bits.astype(np.uint32) << 16).view(np.float32))
        else:
            writer.add_tensor(name_of(name), bits.view(np.uint8),
                              raw_dtype=gguf.GGMLQuantizationType.BF16)


def main():
    folder, target = pathlib.Path(sys.argv[1]), sys.argv[2]
    writer = gguf.GGUFWriter(target, "llama")
    add_shape(writer)
    add_tokenizer(writer)
    add_tensors(writer, folder / "model.safetensors")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file(progress=False)
    writer.close()


if __name__ == "__main__":
    main()

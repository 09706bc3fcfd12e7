# SPDX-License-Identifier: Apache-2.0
"""Tiny models of every family and rope variant with their f32 logits, for family_parity_test.cc.

Usage: tiny_models.py tests/data/model   (needs torch 2.13 and transformers 5)

Weights are drawn so that mistakes show: logits with std >= 1 and attention far from uniform (both
asserted). They are rounded to bf16 and stored so, to stay small; the reference runs them in f32.
"""
import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file

TOKENS = 128  # 4 x the original_max_position_embeddings of the scaled variants

BASE = dict(vocab_size=64, hidden_size=64, intermediate_size=80, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
            rms_norm_eps=1e-5, tie_word_embeddings=False, bos_token_id=0, eos_token_id=1)

# name: family, configuration beyond BASE, what is written to config.json in place of
# rope_parameters (None: the newer generation as transformers writes it).
MODELS = {
    "llama_plain": ("Llama", dict(rope_theta=10000.0), dict(rope_theta=10000.0)),
    "llama_tied_bias": ("Llama", dict(attention_bias=True, mlp_bias=True, rope_theta=5000.0,
                                      tie_word_embeddings=True), dict(rope_theta=5000.0)),
    "llama_head_dim": ("Llama", dict(head_dim=32, rope_theta=10000.0), None),
    "llama_linear": ("Llama", dict(rope_theta=100.0,
                                   rope_scaling={"rope_type": "linear", "factor": 4.0}),
                     dict(rope_theta=100.0, rope_scaling={"type": "linear", "factor": 4.0})),
    "llama_llama3": ("Llama", dict(rope_theta=1000.0, rope_scaling={
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32}), None),
    "llama_yarn": ("Llama", dict(rope_theta=100.0, rope_scaling={
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32,
        "beta_fast": 4.0, "beta_slow": 1.0}), None),
    "llama_yarn_mscale": ("Llama", dict(rope_theta=100.0, rope_scaling={
        "rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 32,
        "mscale": 2.0, "mscale_all_dim": 0.5, "truncate": False}),
        dict(rope_theta=100.0, rope_scaling={
            "type": "yarn", "factor": 8.0, "original_max_position_embeddings": 32,
            "mscale": 2.0, "mscale_all_dim": 0.5, "truncate": False})),
    "mistral_window": ("Mistral", dict(sliding_window=24, rope_theta=10000.0), None),
    "qwen2_bias": ("Qwen2", dict(rope_theta=10000.0), dict(rope_theta=10000.0)),
    "qwen3_norms": ("Qwen3", dict(head_dim=24, rope_theta=10000.0), None),
}


def draw(name, weight, generator):
    if weight.dim() == 1:
        # q and k norms undo the gain of their projections, so theirs has to be in the norm.
        centre = 2.0 if "q_norm" in name or "k_norm" in name else 1.0 if "norm" in name else 0.0
        return centre + 0.3 * torch.randn(weight.shape, generator=generator)
    gain = 2.0 if "q_proj" in name or "k_proj" in name else 1.0
    if "embed" in name:
        return torch.randn(weight.shape, generator=generator)
    gain = 1.5 if "lm_head" in name else gain
    return gain * torch.randn(weight.shape, generator=generator) / weight.shape[1] ** 0.5


def build(name, folder):
    family, extra, older = MODELS[name]
    config = getattr(transformers, family + "Config")(**{**BASE, **extra})
    config._attn_implementation = "eager"
    config.dtype = torch.float32
    model = getattr(transformers, family + "ForCausalLM")(config).eval()
    generator = torch.Generator().manual_seed(sorted(MODELS).index(name))
    with torch.no_grad():
        for key, weight in model.named_parameters():
            weight.copy_(draw(key, weight, generator).bfloat16().float())
        if config.tie_word_embeddings:
            model.model.embed_tokens.weight.mul_(0.25)
    tokens = torch.randint(2, config.vocab_size, (TOKENS,), generator=generator)
    with torch.no_grad():
        out = model(tokens[None], output_attentions=True)
    logits = out.logits[0]
    # The mean of the largest probability of late rows, against 1/128 were attention uniform.
    peak = torch.stack([a[0, :, 64:].amax(-1).mean() for a in out.attentions]).min().item()
    assert logits.std().item() >= 1.0 and peak >= 0.08, (name, logits.std().item(), peak)
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    state = {k: v.bfloat16().contiguous() for k, v in model.state_dict().items()}
    if config.tie_word_embeddings:
        state.pop("lm_head.weight", None)
    save_file(state, target / "model.safetensors")
    save_file({"logits": logits.contiguous()}, target / "reference.safetensors")
    written = json.loads(config.to_json_string(use_diff=False))
    if older is not None:
        written.pop("rope_parameters", None)
        written["torch_dtype"] = written.pop("dtype", "float32")
        written.update(older)
    written["architectures"] = [family + "ForCausalLM"]
    keep = set(BASE) | set(extra) | {
        "architectures", "rope_parameters", "rope_scaling", "rope_theta", "dtype", "torch_dtype",
        "head_dim", "attention_bias", "mlp_bias", "sliding_window", "use_sliding_window",
        "layer_types", "max_window_layers", "hidden_act", "model_type"}
    written = {k: v for k, v in written.items() if k in keep}
    (target / "config.json").write_text(json.dumps(written, indent=1) + "\n")
    (target / "reference.json").write_text(json.dumps({"tokens": tokens.tolist()}) + "\n")
    print(f"{name}: logit std {logits.std().item():.2f}, attention peak {peak:.2f}")


for model_name in MODELS:
    build(model_name, pathlib.Path(sys.argv[1]))

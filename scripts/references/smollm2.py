# SPDX-License-Identifier: Apache-2.0
"""References of SmolLM2-135M-Instruct for tests/worker/model/smollm2_parity_test.cc.

Usage: smollm2.py MODEL_DIR PROMPTS.json OUTPUT.json   (needs torch 2.13 and transformers 5)

PROMPTS is tests/data/model/smollm2_prompts.json; {LONG} in it stands for the long text below.

For each prompt: its ids, 48 greedy ids or fewer up to EOS in f32, and at each of them the f32
top-2 ids, their margin, and what transformers' own bf16 chooses when fed the same ids. Cases
that OUTPUT already holds for the same prompt are kept.
"""
import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

LENGTH = 48

LONG = " ".join(
    f"Entry {i}: the keeper of the lighthouse wrote that ship number {i * 37 % 101} passed at "
    f"{i % 24:02d}:{i * 7 % 60:02d} with {['coal', 'salt', 'timber', 'wool', 'tea'][i % 5]} aboard."
    for i in range(70))


def greedy(model, prompt, eos):
    cache, step, ids = None, torch.tensor([prompt]), []
    while len(ids) < LENGTH:
        out = model(step, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = out.past_key_values
        ids.append(int(out.logits[0, -1].argmax()))
        if ids[-1] == eos:
            break
        step = torch.tensor([[ids[-1]]])
    return ids


def main():
    folder, prompt_file, output = sys.argv[1:]
    given = json.loads(pathlib.Path(prompt_file).read_text(encoding="utf-8"))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    exact = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    half = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    prompts = []
    for chat in given["chats"]:
        messages = [{"role": r, "content": c.replace("{LONG}", LONG)} for r, c in chat]
        prompts.append(tokenizer.apply_chat_template(messages, add_generation_prompt=True,
                                                     tokenize=True, return_dict=False))
    prompts += [tokenizer(text)["input_ids"] for text in given["texts"]]
    known = {}
    if pathlib.Path(output).exists():
        cases = json.loads(pathlib.Path(output).read_text(encoding="ascii"))["cases"]
        known = {tuple(case["prompt"]): case for case in cases}
    cases, disagreements, positions = [], 0, 0
    with torch.no_grad():
        for prompt in prompts:
            if tuple(prompt) in known:
                cases.append(known[tuple(prompt)])
                disagreements += cases[-1]["bf16_disagreements"]
                positions += len(cases[-1]["output"])
                continue
            ids = greedy(exact, prompt, tokenizer.eos_token_id)
            whole = torch.tensor([prompt + ids[:-1]])
            logits = exact(whole, logits_to_keep=len(ids)).logits[0]
            top = logits.topk(2)
            margins = (top.values[:, 0] - top.values[:, 1]).tolist()
            bf16 = half(whole, logits_to_keep=len(ids)).logits[0].float().argmax(-1).tolist()
            best = top.indices[:, 0].tolist()
            differing = sum(a != b for a, b in zip(best, bf16))
            disagreements += differing
            positions += len(ids)
            cases.append({"prompt": prompt, "output": ids, "first": best,
                          "second": top.indices[:, 1].tolist(),
                          "margin": [round(m, 5) for m in margins],
                          "bf16_disagreements": differing})
            print(len(prompt), len(ids), differing, tokenizer.decode(ids)[:60].encode(), flush=True)
    with open(output, "w", encoding="ascii") as file:
        file.write('{"cases": [\n')
        file.write(",\n".join(json.dumps(c, separators=(",", ":")) for c in cases))
        file.write(f'\n], "positions": {positions}, "bf16_disagreements": {disagreements}}}\n')


main()

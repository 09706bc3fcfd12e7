# SPDX-License-Identifier: Apache-2.0
"""References of SmolLM2-135M-Instruct for tests/worker/model/smollm2_parity_test.cc.

Usage: smollm2.py MODEL_DIR OUTPUT.json   (needs torch 2.13 and transformers 5)

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

CHATS = [
    [("user", "What is the capital of France?")],
    [("user", "Explain gravity to a child in two sentences.")],
    [("system", "You are a pirate."), ("user", "How do I boil an egg?")],
    [("user", "Name three primary colors."), ("assistant", "Red, yellow and blue."),
     ("user", "And which of them make green?")],
    [("user", "My name is Ada."), ("assistant", "Nice to meet you, Ada!"),
     ("user", "What is my name?"), ("assistant", "Your name is Ada."),
     ("user", "Spell it backwards.")],
    [("user", "Write a haiku about rivers.")],
    [("user", "Translate to Spanish: The cat sleeps.")],
    [("user", "Write a Python function that reverses a string.")],
    [("user", "¿Cuál es la capital de Perú?")],
    [("user", "日本の首都はどこですか？")],
    [("user", "Что такое фотосинтез?")],
    [("user", "ما هي عاصمة مصر؟")],
    [("user", "I feel 😀🎉 today! What do these emoji mean?")],
    [("user", "Summarize in one sentence what this log is about.\n" + LONG)],
    [("user", "List the planets of the solar system in order.")],
    [("user", "Is 91 a prime number? Explain.")],
]

TEXTS = [
    "Once upon a time, in a village by the sea,",
    "def fibonacci(n):\n    \"\"\"Return the n-th Fibonacci number.\"\"\"\n",
    "#include <stdio.h>\n\nint main(void) {\n    for (int i = 0; i < 10; i++) {\n",
    "SELECT name, COUNT(*) FROM orders WHERE",
    "The three laws of thermodynamics are:\n1.",
    "北京是中国的首都。上海是",
    "Η Αθήνα είναι η πρωτεύουσα της",
    "🍎 apple\n🍌 banana\n🍇",
    "हिन्दी भारत की",
    "Q: What is 12 * 12?\nA:",
    "{\"name\": \"Alice\", \"age\": 30, \"city\":",
    "Dear Sir or Madam,\n\nI am writing to",
]


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
    folder, output = sys.argv[1:]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    exact = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    half = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    prompts = [tokenizer.apply_chat_template([{"role": r, "content": c} for r, c in chat],
                                             add_generation_prompt=True, tokenize=True,
                                             return_dict=False) for chat in CHATS]
    prompts += [tokenizer(text)["input_ids"] for text in TEXTS]
    known = {}
    if pathlib.Path(output).exists():
        known = {tuple(c["prompt"]): c for c in json.loads(pathlib.Path(output).read_text())["cases"]}
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

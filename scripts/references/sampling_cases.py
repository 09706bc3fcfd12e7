# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/sampling/processor_cases.txt: literal cases made with transformers' processors.

Run it from the root of the repository in an environment with torch and transformers:
  python scripts/references/sampling_cases.py
Each case is drawn from a fixed seed, processed in the order of transformers' own
GenerationMixin._get_logits_processor, and written down with the probabilities that result.
presence, frequency and logit_bias are not transformers' and are applied here by the formulas of
OpenAI's API; logit_bias is checked against SequenceBiasLogitsProcessor.
"""

import os

import torch
import transformers
from transformers.generation import logits_process as processors

OUT = "tests/data/sampling/processor_cases.txt"


def case(name, vocabulary=24, spread=3.0, **options):
    return dict(name=name, vocabulary=vocabulary, spread=spread, **options)


CASES = [
    case("Plain"),
    case("Temperature", temperature=0.7),
    case("HotTemperature", temperature=3.5),
    case("TopK", top_k=5),
    case("TopKOfOne", top_k=1),
    case("TopKBeyondTheVocabulary", top_k=1000),
    case("TopKWithTies", top_k=4, ties=True),
    case("TopP", top_p=0.8),
    case("TopPTiny", top_p=1e-6),
    case("TopPNearlyOne", top_p=0.999),
    case("TopPOverManyChunks", vocabulary=1000, top_p=0.5),
    case("TopPOnFlatLogits", vocabulary=300, spread=0.05, top_p=0.3),
    case("MinP", min_p=0.1),
    case("MinPOfOne", min_p=1.0),
    case("RepetitionPenalty", repetition_penalty=1.3, context=[1, 5, 5, 9, 1, 23, 0]),
    case("RepetitionReward", repetition_penalty=0.8, context=[2, 2, 3]),
    case("RepetitionBeyondTheVocabulary", repetition_penalty=2.0, context=[4, 24, 30]),
    case("PresencePenalty", presence_penalty=1.5, output=[3, 3, 7]),
    case("FrequencyPenalty", frequency_penalty=0.6, output=[3, 3, 7, 3]),
    case("NegativePenalties", presence_penalty=-0.5, frequency_penalty=-1.0, output=[8, 8]),
    case("LogitBias", logit_bias=[(2, 4.0), (11, -100.0)]),
    case("Masked", masked=[0, 1, 2]),
    case("TemperatureThenTopP", temperature=0.5, top_p=0.9),
    case("TopKThenTopP", top_k=6, top_p=0.7),
    case("TopPThenMinP", top_p=0.9, min_p=0.2),
    case("TopKOverManyChunks", vocabulary=1500, top_k=7, temperature=1.3),
    case("TopKOfMostOfTheVocabulary", vocabulary=200, top_k=150, spread=1.0),
    case("MaskedBestTokenThenTopK", top_k=3, mask_best=True),
    case("Everything", vocabulary=130, temperature=1.4, top_k=40, top_p=0.85, min_p=0.05,
         repetition_penalty=1.2, context=[5, 6, 7, 5, 100, 129], presence_penalty=0.4,
         frequency_penalty=0.3, output=[100, 129, 100], logit_bias=[(64, 3.0), (5, -2.0)],
         masked=[1]),
]


def logits_of(spec, seed):
    generator = torch.Generator().manual_seed(seed)
    row = torch.randn(spec["vocabulary"], generator=generator) * spec["spread"]
    if spec.get("ties"):
        row = torch.round(row)
        best = torch.topk(row, 4).values[-1]
        row[-3:] = best
    # Four digits: the literals are exactly what was processed.
    return torch.tensor([float(f"{value:.4f}") for value in row.tolist()])


def probabilities_of(spec, row):
    scores = row.clone()[None, :]
    output = spec.get("output", [])
    for token in set(output):
        scores[0, token] -= spec.get("presence_penalty", 0.0)
        scores[0, token] -= spec.get("frequency_penalty", 0.0) * output.count(token)
    context = torch.tensor([spec.get("context", [0])])
    chain = []
    if "logit_bias" in spec:
        bias = {(token,): value for token, value in spec["logit_bias"]}
        chain.append(processors.SequenceBiasLogitsProcessor(sequence_bias=bias))
    if "repetition_penalty" in spec:
        chain.append(processors.RepetitionPenaltyLogitsProcessor(spec["repetition_penalty"]))
    if "masked" in spec:
        chain.append(processors.SuppressTokensLogitsProcessor(spec["masked"]))
    if "temperature" in spec:
        chain.append(processors.TemperatureLogitsWarper(spec["temperature"]))
    if "top_k" in spec:
        chain.append(processors.TopKLogitsWarper(spec["top_k"]))
    if "top_p" in spec:
        chain.append(processors.TopPLogitsWarper(spec["top_p"]))
    if "min_p" in spec:
        chain.append(processors.MinPLogitsWarper(spec["min_p"]))
    for processor in chain:
        scores = processor(context, scores)
    return torch.softmax(scores.double(), dim=-1)[0]


def entry(spec, row, probabilities):
    """One case as lines of a key and its values, ended by a line "end"."""
    lines = [f"case {spec['name']}", "logits " + " ".join(f"{value:.4f}" for value in row.tolist())]
    for key in ("temperature", "top_k", "top_p", "min_p", "repetition_penalty",
                "presence_penalty", "frequency_penalty"):
        if key in spec:
            lines.append(f"{key} {spec[key]!r}")
    if "logit_bias" in spec:
        pairs = " ".join(f"{token} {bias!r}" for token, bias in spec["logit_bias"])
        lines.append(f"logit_bias {pairs}")
    for key in ("context", "output", "masked"):
        if key in spec:
            lines.append(f"{key} {' '.join(map(str, spec[key]))}")
    # Below e^-87 of the best a token counts as impossible: no draw could ever show the difference.
    kept = [(token, p) for token, p in enumerate(probabilities.tolist()) if p > 1e-37]
    lines.append("expected " + " ".join(f"{token} {p:.9g}" for token, p in kept))
    return "\n".join(lines + ["end"])


def main():
    body = []
    for seed, spec in enumerate(CASES):
        row = logits_of(spec, seed)
        if spec.get("mask_best"):
            spec["masked"] = [int(row.argmax())]
        body.append(entry(spec, row, probabilities_of(spec, row)))
    os.makedirs(os.path.dirname(OUT), exist_ok=True)
    with open(OUT, "w", encoding="ascii") as file:
        file.write("# Made by scripts/references/sampling_cases.py with transformers "
                   f"{transformers.__version__}; do not edit.\n")
        file.write("\n".join(body) + "\n")
    print(f"{len(body)} cases in {OUT}")


if __name__ == "__main__":
    main()

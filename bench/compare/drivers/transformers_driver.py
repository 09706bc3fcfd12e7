# SPDX-License-Identifier: Apache-2.0
"""transformers in bf16 with its fused attention: transformers_driver.py MODEL_DIR THREADS."""

import sys
import time

from answers import claim_channel, serve

CHANNEL = claim_channel()

import torch  # noqa: E402
import transformers  # noqa: E402


class Engine:
    def __init__(self, folder, threads):
        torch.set_num_threads(threads)
        self.model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.bfloat16, attn_implementation="sdpa").eval()
        self.vocabulary = self.model.config.vocab_size

    def _prompts(self, streams, tokens):
        ids = torch.arange(streams * tokens) * 7 % (self.vocabulary - 1000) + 1000
        return ids.view(streams, tokens)

    @torch.inference_mode()
    def prefill(self, tokens):
        ids = self._prompts(1, tokens)
        start = time.monotonic()
        out = self.model(ids, use_cache=True, logits_to_keep=1)
        out.logits[:, -1].argmax(-1).tolist()
        return tokens, time.monotonic() - start

    @torch.inference_mode()
    def decode(self, streams, prompt, tokens):
        out = self.model(self._prompts(streams, prompt), use_cache=True, logits_to_keep=1)
        ids = out.logits[:, -1:].argmax(-1)
        start = time.monotonic()
        for _ in range(tokens):
            out = self.model(ids, past_key_values=out.past_key_values, use_cache=True,
                             logits_to_keep=1)
            ids = out.logits[:, -1:].argmax(-1)
        return streams * tokens, time.monotonic() - start


def main():
    engine = Engine(sys.argv[1], int(sys.argv[2]))
    serve(CHANNEL, {"version": transformers.__version__, "torch": torch.__version__},
          {"prefill": engine.prefill, "decode": engine.decode})


if __name__ == "__main__":
    main()

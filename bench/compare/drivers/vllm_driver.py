# SPDX-License-Identifier: Apache-2.0
"""vLLM's own engine in this process, without prefix cache: vllm_driver.py MODEL_DIR THREADS."""

import sys
import time

from answers import claim_channel, serve

CHANNEL = claim_channel()

import vllm  # noqa: E402

# One step holds the prompts of 32 streams of 128 tokens, or a prompt of 4,096.
BATCHED_TOKENS = 4096
LENGTH_MAX = 4608


class Engine:
    def __init__(self, folder):
        self.llm = vllm.LLM(
            model=folder, dtype="bfloat16", max_model_len=LENGTH_MAX, max_num_seqs=64,
            max_num_batched_tokens=BATCHED_TOKENS, enable_prefix_caching=False,
            disable_log_stats=True, seed=0)
        self.engine = self.llm.llm_engine
        self.vocabulary = self.llm.llm_engine.model_config.get_vocab_size()
        self.requests = 0

    def _prompts(self, count, tokens):
        """Token ids unlike all before them."""
        first = self.requests + 1
        return [[1000 + (number * 131 + 7 * i) % (self.vocabulary - 1000) for i in range(tokens)]
                for number in range(first, first + count)]

    def _add(self, ids, tokens):
        self.requests += 1
        options = vllm.SamplingParams(temperature=0, max_tokens=tokens, ignore_eos=True,
                                      detokenize=False)
        self.engine.add_request(str(self.requests), {"prompt_token_ids": ids}, options)

    def prefill(self, tokens):
        (prompt,) = self._prompts(1, tokens)
        start = time.monotonic()
        self._add(prompt, 1)
        while self.engine.has_unfinished_requests():
            self.engine.step()
        return tokens, time.monotonic() - start

    def decode(self, streams, prompt, tokens):
        """Counts from when every stream has its first token until the first of them ends."""
        for ids in self._prompts(streams, prompt):
            self._add(ids, tokens + 1)
        counts = {}
        start = end = None
        before = produced = 0
        while self.engine.has_unfinished_requests():
            finished = False
            for output in self.engine.step():
                counts[output.request_id] = len(output.outputs[0].token_ids)
                finished = finished or output.finished
            now = time.monotonic()
            if start is None and len(counts) == streams:
                start, before = now, sum(counts.values())
            if finished and end is None:
                end, produced = now, sum(counts.values()) - before
        return produced, end - start


def main():
    engine = Engine(sys.argv[1])
    serve(CHANNEL, {"version": vllm.__version__},
          {"prefill": engine.prefill, "decode": engine.decode})


if __name__ == "__main__":
    main()

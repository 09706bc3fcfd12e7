# SPDX-License-Identifier: Apache-2.0
"""K conversations of T turns at once, turns of one in sequence; see README.md."""

import argparse
import asyncio
import json
import time

from openai_speech import OpenAiSpeech
from words import Script


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--speech", choices=("openai", "pintle"), required=True)
    parser.add_argument("--address", required=True)
    parser.add_argument("--model", default="")
    parser.add_argument("--sessions", type=int, required=True)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--words", type=int, default=185)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--seed", required=True)
    return parser.parse_args()


async def converse(speech, script, turns, results):
    await speech.open(script.opening)
    await asyncio.sleep(script.delay)
    for turn in range(turns):
        results.append((turn, *await speech.turn(script.next_turn())))


async def load(options):
    api = None
    if options.speech == "pintle":
        from pintle_speech import Api, PintleSpeech  # grpc is needed here alone
        api = Api(options.address)
        speeches = [PintleSpeech(api, f"chat-{options.seed}-{k}", options.tokens)
                    for k in range(options.sessions)]
    else:
        speeches = [OpenAiSpeech(options.address, options.model, options.tokens)
                    for _ in range(options.sessions)]
    results = []
    start = time.monotonic()
    await asyncio.gather(*(
        converse(speech, Script(options.seed, k, options.words), options.turns, results)
        for k, speech in enumerate(speeches)))
    seconds = time.monotonic() - start
    if api:
        await api.close()
    return {
        "seconds": seconds,
        "output_tokens": sum(tokens for _, _, tokens in results),
        "ttft_seconds": [[ttft for turn, ttft, _ in results if turn == wanted]
                         for wanted in range(options.turns)],
    }


def main():
    options = arguments()
    print(json.dumps(asyncio.run(load(options))))


if __name__ == "__main__":
    main()

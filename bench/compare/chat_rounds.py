# SPDX-License-Identifier: Apache-2.0
"""The chat load at 1, 8 and 16 sessions on every server in turn, several rounds."""

import json
import statistics
import subprocess

import chat_servers
import lines
import places
from chat_servers import CHAT_PEERS, PINTLE_SERVER
from driven import Unavailable

TURNS = 6
# Sessions: least output tokens/s against the best peer.
THROUGHPUT = {1: 1.6, 8: 1.8, 16: 1.6}
TTFT_BOUND = 0.6
ANSWER_SECONDS = 900


class ChatEngine:
    """A server with its client, as an engine of Rounds."""

    def __init__(self, server):
        self._server = server
        self.name = server.name
        self._runs = 0

    def start(self):
        return self._server.start()

    def run(self, task):
        self._runs += 1
        command = [places.CLIENT_PYTHON, places.HERE / "chat/client.py",
                   "--speech", self._server.speech, "--address", self._server.address,
                   "--model", "model", "--sessions", task.streams, "--turns", TURNS,
                   "--words", task.prompt, "--tokens", task.tokens, "--seed", self._runs]
        result = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                                check=False, timeout=ANSWER_SECONDS)
        if result.returncode != 0:
            words = result.stderr.strip().splitlines()
            raise Unavailable(f"its client: {words[-1][:200] if words else 'it said nothing'}")
        answer = json.loads(result.stdout)
        wanted = task.streams * TURNS * task.tokens
        if answer["output_tokens"] != wanted:
            raise Unavailable(f"answered {answer['output_tokens']} tokens instead of {wanted}")
        turns = [statistics.median(values) for values in answer["ttft_seconds"]]
        return {"tokens_per_second": answer["output_tokens"] / answer["seconds"],
                "ttft_seconds": turns, "ttft_last_turn": turns[-1]}

    def wake(self):
        self._server.wake()

    def sleep(self):
        self._server.sleep()

    def stop(self):
        self._server.stop()


def chat_tasks(make_task):
    """One per number of sessions; prompt = words of a turn, tokens = answered in each."""
    return [make_task(f"chat_{k}", f"chat, {k} session{'s' if k > 1 else ''} x {TURNS} turns",
                      "chat", k, 185, 32, (PINTLE_SERVER, *CHAT_PEERS)) for k in THROUGHPUT]


def create_engines(model, threads, binaries):
    return [ChatEngine(chat_servers.create(name, model, threads, binaries))
            for name in (PINTLE_SERVER, *CHAT_PEERS)]


def judge(samples, unavailable, rounds):
    verdicts = []
    for sessions, bound in THROUGHPUT.items():
        task = f"chat_{sessions}"
        title = f"chat, {sessions} sessions: output tokens/s / best peer"
        ttft_title = f"chat, {sessions} sessions: TTFT at turn {TURNS} / best peer"
        missing = [name for name in (PINTLE_SERVER, *CHAT_PEERS)
                   if name in unavailable or len(lines.rates(samples, task, name)) < rounds]
        if missing:
            why = f"{missing[0]}: {unavailable.get(missing[0], 'no figures')}"
            verdicts += [lines.not_run(title, bound, why),
                         lines.not_run(ttft_title, TTFT_BOUND, why, at_most=True)]
            continue
        verdicts.append(_against(samples, task, title, bound, "tokens_per_second", False))
        verdicts.append(_against(samples, task, ttft_title, TTFT_BOUND, "ttft_last_turn", True))
    return verdicts


def _against(samples, task, title, bound, key, at_most):
    ours = lines.rates(samples, task, PINTLE_SERVER, key)
    ratios = {peer: lines.paired_ratio(ours, lines.rates(samples, task, peer, key))
              for peer in CHAT_PEERS}
    best = (max if at_most else min)(ratios, key=ratios.get)
    theirs = statistics.median(lines.rates(samples, task, best, key))
    mine = statistics.median(ours)
    note = (f"{1000 * mine:.0f} / {1000 * theirs:.0f} ms ({best})" if at_most
            else f"{mine:.1f} / {theirs:.1f} tokens/s ({best})")
    return lines.verdict(title, ratios[best], bound, note, at_most)

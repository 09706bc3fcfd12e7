# SPDX-License-Identifier: Apache-2.0
"""Must-show 5: a worker killed and a worker stopped, with the real model in f32. Prints each figure
with its bound and PASS or FAIL; exits accordingly."""

import contextlib
import signal
import sys
import time

import grpc

import harness

TIMEOUT_SECONDS = 3.0
MARGIN = 1e-3
CONVERSATION = [
    "My name is Ada and I like green tea. Remember it.",
    "What is my name, and what do I like?",
    "Write one sentence about it.",
]


class Fleet:
    def __init__(self, stack):
        self.stack = stack
        self.coordinator = self.start("pintle-coordinator", "--worker-timeout", TIMEOUT_SECONDS)
        self.client = harness.Client(self.coordinator.address)
        self.workers = {}
        for name in ("one", "two"):
            self.workers[name] = self.start(
                "pintle-worker", "--model", harness.MODEL, "--coordinator",
                self.coordinator.address, "--name", name, "--threads", "1", "--dtype", "f32",
                "--kv-bytes", "256MiB",
            )
        self.wait(2)

    def start(self, binary, *flags):
        server = harness.Server(binary, "--listen", "127.0.0.1:0", *flags)
        self.stack.callback(server.kill)
        return server

    def wait(self, count):
        harness.wait_until(
            lambda: len(self.client.call("Fleet", "ListWorkers").workers) == count, "the fleet"
        )

    def session(self, name):
        self.client.call("Sessions", "CreateSession", {"id": name})
        return name

    def ask(self, session, text):
        return self.client.chat(
            text, session, max_tokens=24, output={"logprobs": True, "top_logprobs": 2}
        )


def verdict(name, figure, bound, passed):
    print(f"{name}: {figure} (bound: {bound}) {'PASS' if passed else 'FAIL'}", flush=True)
    return passed


def equal_to_first_margin(turn, reference):
    """Whether two greedy runs agree up to the reference's first margin of at most MARGIN."""
    scores = [score for chunk in reference.chunks for score in chunk.logprobs]
    for index, (ours, theirs) in enumerate(zip(turn.tokens[0], reference.tokens[0])):
        top = scores[index].top
        if ours != theirs:
            return top[0].logprob - top[1].logprob <= MARGIN
    return len(turn.tokens[0]) == len(reference.tokens[0])


def lose_a_worker(number, name):
    with contextlib.ExitStack() as stack:
        fleet = Fleet(stack)
        reference = fleet.session("undisturbed")
        undisturbed = [fleet.ask(reference, text) for text in CONVERSATION]
        lost = fleet.session("lost")
        first = fleet.ask(lost, CONVERSATION[0])
        worker = first.started.worker
        other_worker = "two" if worker == "one" else "one"
        other = next(
            session
            for session in map(fleet.session, (f"other-{i}" for i in range(8)))
            if fleet.ask(session, "Say hello.").started.worker == other_worker
        )
        stream = fleet.client.generate(
            session=lost, text="Once upon a time", stopping={"max_tokens": 2000, "ignore_eos": True}
        )
        next(stream)
        going_on = fleet.client.generate(
            session=other, text="Count:", stopping={"max_tokens": 150, "ignore_eos": True},
            sampling={"temperature": 0},
        )
        began = time.monotonic()
        fleet.workers[worker].signal(number)
        failure = None
        try:
            for _ in stream:
                pass
        except grpc.RpcError as error:
            failure = harness.failure_of(error)
        noticed = time.monotonic() - began
        results = [
            verdict(f"{name}: noticed after", f"{noticed:.2f} s",
                    f"<= --worker-timeout, {TIMEOUT_SECONDS} s", noticed <= TIMEOUT_SECONDS),
            verdict(f"{name}: its stream ended", failure and f"{failure.code} / {failure.reason}",
                    "UNAVAILABLE / WORKER_LOST with RetryInfo",
                    failure is not None
                    and (failure.code, failure.reason) == ("UNAVAILABLE", "WORKER_LOST")
                    and failure.retry is not None),
        ]
        kept = harness.Turn(going_on)
        results.append(
            verdict(f"{name}: another worker's stream", f"{len(kept.tokens[0])} tokens", "150",
                    len(kept.tokens[0]) == 150))
        fleet.wait(1)
        rolled_back = fleet.client.call("Sessions", "GetSession", {"id": lost}).session.turns
        results.append(
            verdict(f"{name}: turns after the rollback", rolled_back, "1", rolled_back == 1))
        moved = [fleet.ask(lost, text) for text in CONVERSATION[1:]]
        same = [equal_to_first_margin(a, b) for a, b in zip(moved, undisturbed[1:])]
        results.append(
            verdict(f"{name}: next turns elsewhere equal the undisturbed run", f"{sum(same)} of 2",
                    "2 of 2, greedy, f32, up to a first margin <= 1e-3",
                    all(same) and all(t.started.worker == other_worker for t in moved)))
        return all(results)


if __name__ == "__main__":
    outcomes = [lose_a_worker(signal.SIGKILL, "kill -9"), lose_a_worker(signal.SIGSTOP, "SIGSTOP")]
    sys.exit(0 if all(outcomes) else 1)

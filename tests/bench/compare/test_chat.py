# SPDX-License-Identifier: Apache-2.0
"""The chat load says the same to every server and counts what came back."""

import asyncio
import json

import pytest
from openai_speech import OpenAiSpeech
from words import Script


class FakeServer:
    """An OpenAI endpoint that streams a fixed answer and keeps what it was asked."""

    def __init__(self, events, status="200 OK"):
        self.bodies = []
        self._events = events
        self._status = status

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = "127.0.0.1:%d" % self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.split("Content-Length: ")[1].split("\r\n")[0])
        self.bodies.append(json.loads(await reader.readexactly(length)))
        writer.write(f"HTTP/1.1 {self._status}\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for event in self._events:
            line = f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n".encode()
            writer.write(b"%x\r\n" % len(line) + line + b"\r\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()


def piece(text):
    return {"choices": [{"text": text}]}


def converse(events, turns, **server):
    async def run():
        async with FakeServer(events, **server) as fake:
            speech = OpenAiSpeech(fake.address, "model", 2)
            await speech.open("Once. ")
            answers = [await speech.turn(f"User: {turn}\nAssistant:") for turn in range(turns)]
            return answers, fake.bodies

    return asyncio.run(run())


def test_a_turn_sends_the_whole_conversation_with_its_answers():
    _, bodies = converse([piece(" a"), piece("b"), "[DONE]"], 2)
    assert bodies[0]["prompt"] == "Once. User: 0\nAssistant:"
    assert bodies[1]["prompt"] == "Once. User: 0\nAssistant: ab\nUser: 1\nAssistant:"
    assert bodies[0]["ignore_eos"] and bodies[0]["max_tokens"] == 2


def test_tokens_are_those_the_server_counts():
    events = [piece(" ab"), {"choices": [], "usage": {"completion_tokens": 2}}, "[DONE]"]
    answers, _ = converse(events, 1)
    assert answers[0][1] == 2


def test_without_a_count_each_piece_is_a_token():
    answers, _ = converse([piece(" a"), piece("b"), piece("c"), "[DONE]"], 1)
    assert answers[0][1] == 3 and answers[0][0] >= 0


@pytest.mark.parametrize("events, status", [([{"error": "x"}], "200 OK"), ([], "500 No")])
def test_an_error_is_not_counted_as_an_answer(events, status):
    with pytest.raises(RuntimeError):
        converse(events, 1, status=status)


def test_a_seed_makes_the_same_conversation_and_another_makes_another():
    def says(seed, session=0):
        script = Script(seed, session, 185)
        return [script.opening, script.next_turn(), script.next_turn()]

    assert says("1") == says("1")
    assert len({tuple(says(seed, session)) for seed in "12" for session in (0, 1)}) == 4
    assert len(says("1")[1].split()) == 187

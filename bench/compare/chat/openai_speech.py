# SPDX-License-Identifier: Apache-2.0
"""Streams an OpenAI-compatible completion over a connection of its own: llama.cpp's server wants
no connection used again after a stream. Plain HTTP/1.1; the client costs as little as it can."""

import asyncio
import json
import time


class OpenAiSpeech:
    """One session. The server's prefix cache is the memory: each turn sends the whole text."""

    def __init__(self, address, model, max_tokens):
        self._host, _, self._port = address.rpartition(":")
        self._model = model
        self._max_tokens = max_tokens
        self._text = ""

    async def open(self, opening):
        self._text = opening

    async def turn(self, text):
        """(seconds to the first token, tokens answered)"""
        self._text += text
        body = json.dumps({
            "model": self._model, "prompt": self._text, "max_tokens": self._max_tokens,
            "temperature": 0, "stream": True, "ignore_eos": True, "cache_prompt": True,
            "stream_options": {"include_usage": True},
        }).encode()
        start = time.monotonic()
        reader, writer = await asyncio.open_connection(self._host, int(self._port), limit=1 << 20)
        try:
            writer.write(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n"
                         b"Content-Type: application/json\r\nConnection: close\r\n"
                         b"Content-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
            return await self._read(reader, start)
        finally:
            writer.close()

    async def _read(self, reader, start):
        status = await reader.readline()
        if b" 200" not in status:
            raise RuntimeError(f"the server answered {status.decode().strip()}")
        first, pieces, counted, answer = None, 0, None, []
        # Chunk sizes of the transfer encoding stand on lines of their own and are passed over.
        while line := await reader.readline():
            if not line.startswith(b"data:"):
                continue
            if line.strip().endswith(b"[DONE]"):
                break
            event = json.loads(line[5:])
            if "error" in event:
                raise RuntimeError("the server ended the stream with an error")
            if event.get("usage"):
                counted = event["usage"].get("completion_tokens")
            if event.get("choices"):
                first = first or time.monotonic()
                pieces += 1
                answer.append(event["choices"][0].get("text", ""))
        self._text += "".join(answer) + "\n"
        return first - start, counted or pieces

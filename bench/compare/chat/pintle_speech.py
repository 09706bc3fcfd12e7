# SPDX-License-Identifier: Apache-2.0
"""Speaks Generate to a coordinator; the API is learned through reflection."""

import time

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

OPTIONS = [("grpc.enable_http_proxy", 0)]


class Api:
    """One channel for all sessions, as a service would have it. Create inside the event loop."""

    def __init__(self, address):
        with grpc.insecure_channel(address, OPTIONS) as channel:
            pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
            self._generate_rpc = self._rpc(pool, "Inference", "Generate")
            self._create_rpc = self._rpc(pool, "Sessions", "CreateSession")
        self._channel = grpc.aio.insecure_channel(address, OPTIONS)
        self.generate = self._call(self._channel.unary_stream, *self._generate_rpc)
        self.create = self._call(self._channel.unary_unary, *self._create_rpc)

    async def close(self):
        await self._channel.close()

    @staticmethod
    def _rpc(pool, service, method):
        rpc = pool.FindServiceByName(f"pintle.v1.{service}").FindMethodByName(method)
        return (f"/pintle.v1.{service}/{method}",
                message_factory.GetMessageClass(rpc.input_type),
                message_factory.GetMessageClass(rpc.output_type))

    @staticmethod
    def _call(kind, path, request, response):
        stub = kind(path, request_serializer=request.SerializeToString,
                    response_deserializer=response.FromString)
        return lambda fields: stub(json_format.ParseDict(fields, request()))


class PintleSpeech:
    """One session: each turn sends what is new; the server remembers the rest."""

    def __init__(self, api, name, max_tokens):
        self._api = api
        self._name = name
        self._max_tokens = max_tokens
        self._unsent = ""

    async def open(self, opening):
        await self._api.create({"id": self._name})
        self._unsent = opening

    async def turn(self, text):
        """(seconds to the first token, tokens answered)"""
        start = time.monotonic()
        first, tokens = None, 0
        stream = self._api.generate({
            "session": self._name, "text": self._unsent + text, "sampling": {"temperature": 0},
            "stopping": {"max_tokens": self._max_tokens, "ignore_eos": True},
        })
        async for response in stream:
            if response.HasField("chunk"):
                first = first or time.monotonic()
                tokens += len(response.chunk.token_ids)
        # The line's end behind the answer.
        self._unsent = "\n"
        return first - start, tokens

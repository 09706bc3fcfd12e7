# SPDX-License-Identifier: Apache-2.0
"""Real processes and a plain gRPC client that knows the API only through reflection."""

import collections
import os
import pathlib
import queue
import re
import signal
import subprocess
import threading
import time

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from google.rpc import error_details_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_status import rpc_status

BIN = pathlib.Path(os.environ["PINTLE_BIN"])
MODEL = pathlib.Path(os.environ["PINTLE_MODEL"])
# Bounds every wait: two loaded cores may take a while to load a model, never this long.
PATIENCE_SECONDS = 60


class Server:
    """A process of ours, from its start to its end."""

    def __init__(self, binary, *arguments, environment=None, listens=("listening",)):
        self.addresses = {}
        self.errors = collections.deque(maxlen=400)
        self.process = subprocess.Popen(
            [str(BIN / binary), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._read_output, daemon=True).start()
        self._error_reader = threading.Thread(target=self._read_errors, daemon=True)
        self._error_reader.start()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not all(name in self.addresses for name in listens):
            line = self._next_line(deadline)
            found = re.fullmatch(r"(listening|metrics) on (\S+:\d+)", line)
            assert found, f"unexpected output: {line!r}"
            self.addresses[found[1]] = found[2]

    @property
    def address(self):
        return self.addresses["listening"]

    @property
    def metrics(self):
        return self.addresses["metrics"]

    def error_text(self):
        return "".join(self.errors)

    def stop(self):
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        return self.wait()

    def wait(self):
        code = self.process.wait(PATIENCE_SECONDS)
        self._error_reader.join(5)
        return code

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def signal(self, number):
        self.process.send_signal(number)

    def _next_line(self, deadline):
        try:
            line = self._lines.get(timeout=max(0.1, deadline - time.monotonic()))
        except queue.Empty:
            self.process.kill()
            raise AssertionError(f"no address in time; it said: {self.error_text()}") from None
        if line is None:
            code = self.wait()
            raise AssertionError(f"exited with {code}: {self.error_text()}")
        return line.rstrip("\n")

    def _read_output(self):
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line)


def run_to_end(binary, *arguments, environment=None):
    """Runs a process that must end by itself: (exit code, standard error)."""
    result = subprocess.run(
        [str(BIN / binary), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        env={**os.environ, **(environment or {})},
        check=False,
    )
    return result.returncode, result.stderr


Failure = collections.namedtuple("Failure", "code reason fields retry message metadata quotas")


def failure_of(error):
    """The canonical code and google.rpc details of a failed call."""
    status = rpc_status.from_call(error)
    reason, fields, retry, metadata, quotas = None, [], None, {}, []
    for detail in status.details if status else []:
        for kind in (
            error_details_pb2.ErrorInfo,
            error_details_pb2.BadRequest,
            error_details_pb2.RetryInfo,
            error_details_pb2.QuotaFailure,
        ):
            if not detail.Is(kind.DESCRIPTOR):
                continue
            value = kind()
            detail.Unpack(value)
            if kind is error_details_pb2.ErrorInfo:
                assert value.domain == "pintle"
                reason, metadata = value.reason, dict(value.metadata)
            elif kind is error_details_pb2.BadRequest:
                fields = [violation.field for violation in value.field_violations]
            elif kind is error_details_pb2.QuotaFailure:
                quotas = [violation.subject for violation in value.violations]
            else:
                retry = value.retry_delay.ToTimedelta().total_seconds()
    return Failure(error.code().name, reason, fields, retry, error.details(), metadata, quotas)


class Client:
    """Calls by name with dictionaries: client("Inference", "Generate", {...})."""

    def __init__(self, address, token=None, metadata=(), credentials=None):
        options = [
            ("grpc.max_send_message_length", -1),
            ("grpc.enable_http_proxy", 0),
            # A reader that stops shall be felt soon: no growing windows on this side.
            ("grpc.http2.bdp_probe", 0),
            ("grpc.http2.lookahead_bytes", 65536),
        ]
        self.channel = (
            grpc.secure_channel(address, credentials, options)
            if credentials
            else grpc.insecure_channel(address, options)
        )
        self.metadata = list(metadata)
        if token:
            self.metadata.append(("authorization", f"Bearer {token}"))
        self._pool = None

    def close(self):
        self.channel.close()

    def service(self, name):
        if self._pool is None:
            self._pool = descriptor_pool.DescriptorPool(
                ProtoReflectionDescriptorDatabase(self.channel)
            )
        return self._pool.FindServiceByName(name if "." in name else f"pintle.v1.{name}")

    def message(self, name, value=None):
        self.service("Inference")
        kind = message_factory.GetMessageClass(
            self._pool.FindMessageTypeByName(name if "." in name else f"pintle.v1.{name}")
        )
        return json_format.ParseDict(value or {}, kind())

    def call(self, service, method, request=None, timeout=PATIENCE_SECONDS):
        """Starts a call; streams are iterators of messages, unary calls return the message."""
        descriptor = self.service(service)
        rpc = descriptor.FindMethodByName(method)
        request_kind = message_factory.GetMessageClass(rpc.input_type)
        response_kind = message_factory.GetMessageClass(rpc.output_type)
        shape = ("stream" if rpc.client_streaming else "unary") + (
            "_stream" if rpc.server_streaming else "_unary"
        )
        stub = getattr(self.channel, shape)(
            f"/{descriptor.full_name}/{method}",
            request_serializer=request_kind.SerializeToString,
            response_deserializer=response_kind.FromString,
        )
        if not rpc.client_streaming and not isinstance(request, request_kind):
            request = json_format.ParseDict(request or {}, request_kind())
        return stub(request, timeout=timeout, metadata=self.metadata)

    def generate(self, timeout=PATIENCE_SECONDS, **request):
        return self.call("Inference", "Generate", request, timeout)

    def turn(self, timeout=PATIENCE_SECONDS, **request):
        """A whole Generate."""
        return Turn(self.generate(timeout, **request))

    def chat(self, text, session="", timeout=PATIENCE_SECONDS, max_tokens=16, **request):
        return self.turn(
            timeout,
            session=session,
            chat={"messages": [{"role": "user", "parts": [{"text": text}]}]},
            stopping={"max_tokens": max_tokens, **request.pop("stopping", {})},
            sampling={"temperature": 0, **request.pop("sampling", {})},
            **request,
        )

    def failure(self, service, method, request=None, timeout=PATIENCE_SECONDS):
        """The failure of a call that must fail."""
        try:
            answer = self.call(service, method, request, timeout)
            for _ in answer if hasattr(answer, "__iter__") and hasattr(answer, "cancel") else ():
                pass
        except grpc.RpcError as error:
            return failure_of(error)
        raise AssertionError(f"{method} was expected to fail")


class Turn:
    """A finished Generate, its promises checked: order of events and gap-free indices."""

    def __init__(self, stream):
        self.started = None
        self.finished = None
        self.tokens = collections.defaultdict(list)
        self.text = collections.defaultdict(str)
        self.reasons = {}
        self.chunks = []
        self.prompt = []
        for response in stream:
            self._take(response)
        assert self.started is not None and self.finished is not None
        assert set(self.reasons) >= set(self.tokens)

    def _take(self, response):
        assert self.finished is None, "nothing follows `finished`"
        kind = response.WhichOneof("event")
        event = getattr(response, kind)
        if kind == "started":
            assert self.started is None
            self.started = event
            return
        assert self.started is not None, "`started` comes first"
        if kind == "chunk":
            assert event.first_index == len(self.tokens[event.choice]), "indices are gap-free"
            assert event.choice not in self.reasons
            self.tokens[event.choice].extend(event.token_ids)
            self.text[event.choice] += event.text
            self.chunks.append(event)
        elif kind == "prompt":
            self.prompt.append(event)
        elif kind == "choice_finished":
            assert event.choice not in self.reasons
            self.reasons[event.choice] = event.DESCRIPTOR.fields_by_name[
                "reason"
            ].enum_type.values_by_number[event.reason].name
        else:
            self.finished = event

    @property
    def usage(self):
        return self.finished.usage


def wait_until(condition, what, seconds=PATIENCE_SECONDS):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")

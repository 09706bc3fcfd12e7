# SPDX-License-Identifier: Apache-2.0
"""The three servers of the chat load, each with the settings that served it best."""

import os
import queue
import re
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import places
from driven import Stoppable, Unavailable
from engines import python_environment, vllm_environment

LLAMA_SERVER = "llama.cpp server bf16"
VLLM_SERVER = "vLLM server bf16"
PINTLE_SERVER = "Pintle coordinator + worker bf16"
CHAT_PEERS = (LLAMA_SERVER, VLLM_SERVER)

# The longest conversation is about 1,350 tokens.
CONTEXT = 2048
SESSIONS_MAX = 16


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class HttpServer:
    """A peer with an OpenAI endpoint, ready when /health answers 200."""

    speech = "openai"

    def __init__(self, name, command, environment, load_seconds):
        self.name = name
        self._command = command
        self._environment = environment
        self._load_seconds = load_seconds
        self._server = None
        self.address = ""

    def start(self):
        if not os.path.exists(self._command[0]):
            raise Unavailable(f"{os.path.basename(self._command[0])} is missing; "
                              "run make bench-compare-setup")
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        self._server = Stoppable([*self._command, "--host", "127.0.0.1", "--port", port],
                                 log_of(self.name), self._environment, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + self._load_seconds
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while time.monotonic() < deadline and self._server.alive():
            try:
                with opener.open(f"http://{self.address}/health", timeout=5) as answer:
                    if answer.status == 200:
                        return {}
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        words = self._server.last_words()
        self._server.stop()
        raise Unavailable(f"its server did not become ready: {words}")

    def wake(self):
        self._server.wake()

    def sleep(self):
        self._server.sleep()

    def stop(self):
        if self._server:
            self._server.stop()


class PintleServer:
    """A coordinator and a worker, processes of their own, over gRPC."""

    speech = "pintle"

    def __init__(self, name, binaries, model, threads):
        self.name = name
        self._binaries = binaries
        self._model = model
        self._threads = threads
        self._processes = []
        self.address = ""

    def start(self):
        self.address = self._process("pintle-coordinator", "--listen", "127.0.0.1:0")
        # The answers to random words repeat themselves, which drafts would profit from.
        self._process("pintle-worker", "--listen", "127.0.0.1:0", "--coordinator", self.address,
                      "--model", self._model, "--threads", self._threads, "--dtype", "bf16",
                      "--kv-bytes", "2GiB", "--speculation", "off")
        waited = subprocess.run(
            [self._binaries / "pintle", "--target", self.address, "workers", "--wait", "1"],
            check=False, capture_output=True, timeout=60)
        if waited.returncode != 0:
            self.stop()
            raise Unavailable("its worker did not join")
        return {}

    def _process(self, program, *arguments):
        binary = self._binaries / program
        if not binary.exists():
            raise Unavailable(f"{program} is not built; run make build")
        process = Stoppable([binary, *arguments], log_of(program), stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, text=True)
        self._processes.append(process)
        lines = queue.Queue()
        threading.Thread(target=lambda: lines.put(process.process.stdout.readline()),
                         daemon=True).start()
        try:
            found = re.fullmatch(r"listening on (\S+)\n", lines.get(timeout=60))
        except queue.Empty:
            found = None
        if not found:
            words = process.last_words()
            self.stop()
            raise Unavailable(f"{program}: {words}")
        return found[1]

    def wake(self):
        for process in self._processes:
            process.wake()

    # Stopped for minutes, the two would take each other for dead. They sleep by themselves:
    # `others_busy` of the report would show it if they did not.
    def sleep(self):
        pass

    def stop(self):
        for process in reversed(self._processes):
            process.stop()
        self._processes = []


def log_of(name):
    return places.PEERS / "logs" / (name.replace(" ", "_") + ".log")


def create(name, model, threads, binaries):
    if name == PINTLE_SERVER:
        return PintleServer(name, binaries, model, threads)
    if name == LLAMA_SERVER:
        return HttpServer(name, [
            places.LLAMA_BIN / "llama-server", "-m", places.gguf(model, "bf16"), "-t", threads,
            "-np", SESSIONS_MAX, "-c", SESSIONS_MAX * CONTEXT, "-fa", "on", "--no-webui",
        ], python_environment(), 120)
    return HttpServer(name, [
        places.VENV_PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--model", model,
        "--served-model-name", "model", "--dtype", "bfloat16", "--max-model-len", CONTEXT,
        "--max-num-seqs", SESSIONS_MAX, "--enable-prefix-caching", "--disable-log-stats",
    ], vllm_environment(threads), 900)

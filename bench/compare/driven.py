# SPDX-License-Identifier: Apache-2.0
"""A process that answers one JSON line per JSON line and is stopped while others are measured."""

import ctypes
import json
import os
import queue
import signal
import subprocess
import threading
import time


LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def _die_with_parent():
    """A stopped process would never notice that the runner was killed, and keep its memory."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Unavailable(Exception):
    """An engine that cannot run here; the message says why in one line."""


class Stoppable:
    """A process group that exists all the time and runs only when it is woken. SIGSTOP instead of
    trust: runtimes spin after their work, and on few cores the next engine would pay for it."""

    def __init__(self, command, log, environment=None, **pipes):
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with open(log, "wb") as errors:
            try:
                self.process = subprocess.Popen(
                    [str(word) for word in command], stderr=errors, start_new_session=True,
                    preexec_fn=_die_with_parent, env={**os.environ, **(environment or {})}, **pipes)
            except OSError as error:
                program = os.path.basename(str(command[0]))
                raise Unavailable(f"{program}: {error.strerror}") from None
        self._stopped = False

    def last_words(self):
        """The last line of its log that says something."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        lines = [line.strip() for line in lines if line.strip()]
        return lines[-1][:200] if lines else "it said nothing"

    def alive(self):
        return self.process.poll() is None

    def wake(self):
        self._signal(signal.SIGCONT)

    def sleep(self):
        self._signal(signal.SIGSTOP)

    def stop(self):
        """Ends the whole group; a second call does nothing, for the number may be another's."""
        if self._stopped:
            return
        self._stopped = True
        self.wake()
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass


class Driven(Stoppable):
    """Stoppable, and asked by lines. The first line it prints says that it has loaded."""

    def __init__(self, command, log, environment=None, load_seconds=900, answer_seconds=900):
        super().__init__(command, log, environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True)
        self._answer_seconds = answer_seconds
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.loaded = self._next(load_seconds)
        except Unavailable:
            self.stop()
            raise

    def ask(self, request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except OSError:
            raise Unavailable(f"ended: {self.last_words()}") from None
        answer = self._next(self._answer_seconds)
        if "error" in answer:
            raise Unavailable(answer["error"])
        return answer

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _next(self, seconds):
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self._lines.get(timeout=max(0.1, deadline - time.monotonic()))
            except queue.Empty:
                raise Unavailable(f"no answer within {seconds} s") from None
            if line is None:
                self.process.wait()
                raise Unavailable(f"ended with {self.process.returncode}: {self.last_words()}")
            if line.startswith("{"):
                return json.loads(line)

# SPDX-License-Identifier: Apache-2.0
"""The channel to the runner: libraries may print what they like, to standard error."""

import json
import os
import sys


def claim_channel():
    """Call before importing a library. Standard output becomes standard error for all but us."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return channel


def serve(channel, loaded, operations):
    """Answers requests with operations[request["op"]](**the rest) -> (tokens, seconds)."""
    _say(channel, {"op": "load", **loaded})
    for line in sys.stdin:
        request = json.loads(line)
        operation = request.pop("op")
        try:
            tokens, seconds = operations[operation](**request)
        except Exception as error:  # pylint: disable=broad-except
            _say(channel, {"error": f"{operation}: {type(error).__name__}: {error}"[:300]})
            continue
        _say(channel, {"op": operation, "tokens": tokens, "seconds": seconds,
                       "tokens_per_second": tokens / seconds})


def _say(channel, answer):
    channel.write(json.dumps(answer) + "\n")
    channel.flush()

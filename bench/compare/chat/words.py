# SPDX-License-Identifier: Apache-2.0
"""Conversations that are reproducible and of equal length."""

import random

WORDS = (
    "time year people way day man thing woman life child world school state family student group "
    "country problem hand part place case week company system program question work government "
    "number night point home water room mother area money story fact month lot right study book "
    "eye job word business issue side kind head house service friend father power hour game line "
    "end member law car city community name president team minute idea body information back "
    "parent face others level office door health person art war history party result change "
    "morning reason research girl guy moment air teacher force education"
).split()

# Sessions do not begin all at once.
STAGGER_SECONDS = 0.5


class Script:
    """What one session's user says, turn by turn."""

    def __init__(self, seed, session, words):
        self._random = random.Random(f"{seed}/{session}")
        self._words = words
        self.opening = f"Session {seed}-{session}. "
        self.delay = self._random.random() * STAGGER_SECONDS

    def next_turn(self):
        words = " ".join(self._random.choice(WORDS) for _ in range(self._words))
        return f"User: {words}\nAssistant:"

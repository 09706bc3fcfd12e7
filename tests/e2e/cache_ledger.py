# SPDX-License-Identifier: Apache-2.0
"""The events of a worker's cache added up, and Prometheus text read: held against its figures."""

import collections
import re
import threading
import urllib.request


class Ledger:
    """Sums of what a watch tells: by tier, what came, moved and left by reason."""

    def __init__(self):
        self.stored = collections.Counter()
        self.moved_in = collections.Counter()
        self.moved_out = collections.Counter()
        self.removed = collections.Counter()  # by (tier, reason)
        self.evictions = collections.Counter()  # by (policy, reason, tier)
        self.evicted_tokens = collections.Counter()
        self.evicted_bytes = collections.Counter()
        self.events = 0

    def start(self, cache):
        """Begins with the figures of a snapshot."""
        self.__init__()
        for tier in cache.tiers:
            self.stored[tier.tier] = tier.tokens_stored
            self.moved_in[tier.tier] = tier.tokens_moved_in
            self.moved_out[tier.tier] = tier.tokens_moved_out
            for row in tier.removed:
                self.removed[tier.tier, row.reason] = row.tokens
        for row in cache.evictions:
            self.evictions[row.policy, row.reason, row.tier] = row.evictions
            self.evicted_tokens[row.policy, row.reason, row.tier] = row.tokens
            self.evicted_bytes[row.policy, row.reason, row.tier] = row.bytes

    def add(self, event):
        self.events += 1
        kind = event.DESCRIPTOR.fields_by_name["kind"].enum_type.values_by_number[event.kind].name
        if kind == "STORED":
            self.stored[event.tier] += event.tokens
        elif kind == "MOVED":
            self.moved_out[event.tier] += event.tokens
            self.moved_in[event.to_tier] += event.tokens
        else:
            self.removed[event.tier, event.reason] += event.tokens
        if kind == "EVICTED":
            key = (event.eviction.policy, event.reason, event.tier)
            self.evictions[key] += 1
            self.evicted_tokens[key] += event.tokens
            self.evicted_bytes[key] += event.bytes

    def resident(self, tier):
        gone = sum(tokens for (at, _), tokens in self.removed.items() if at == tier)
        return self.stored[tier] + self.moved_in[tier] - self.moved_out[tier] - gone

    def differences(self, cache):
        """What these sums and the figures of GetCacheStats disagree in: nothing."""
        other = Ledger()
        other.start(cache)
        wrong = []
        for name in ("stored", "moved_in", "moved_out", "removed", "evictions", "evicted_tokens",
                     "evicted_bytes"):
            mine, theirs = +getattr(self, name), +getattr(other, name)
            if mine != theirs:
                wrong.append(f"{name}: events {dict(mine)}, figures {dict(theirs)}")
        for tier in cache.tiers:
            if self.resident(tier.tier) != tier.tokens_resident:
                wrong.append(f"resident: {self.resident(tier.tier)}, {tier.tokens_resident}")
        return wrong


class Watch(threading.Thread):
    """Follows a worker's events in the background; `ledger` is always start plus events so far.

    With `after`, a watch that was cancelled, it resumes where that one ended and adds up in its
    ledger, which it holds before the first message can come.
    """

    def __init__(self, client, after=None):
        super().__init__(daemon=True)
        self.ledger = after.ledger if after else Ledger()
        self.epoch = after.epoch if after else 0
        self.sequence = after.sequence if after else 0
        self.gaps = self.snapshots = 0
        request = {"epoch": self.epoch, "sequence": self.sequence} if after else {}
        self.error = None
        self._lock = threading.Lock()
        self._call = client.call("CacheStats", "WatchCacheEvents", request, timeout=None)
        self.start()

    def run(self):
        try:
            for message in self._call:
                self._take(message)
        except Exception as error:  # pylint: disable=broad-except
            self.error = error

    def _take(self, message):
        with self._lock:
            kind = message.WhichOneof("content")
            if kind == "snapshot":
                self.snapshots += 1
                self.ledger.start(message.snapshot.cache)
            elif kind == "gap":
                self.gaps += 1
            else:
                for event in message.events.events:
                    assert event.sequence == self.sequence + 1, "sequences have no gap"
                    self.sequence = event.sequence
                    self.ledger.add(event)
            self.epoch, self.sequence = message.epoch, message.sequence

    def differences(self, cache):
        with self._lock:
            return self.ledger.differences(cache)

    def cancel(self):
        self._call.cancel()
        self.join()


def metrics_of(address):
    """{(name, frozenset of labels): value} of a process's Prometheus endpoint."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as response:
        text = response.read().decode()
    found = {}
    for name, labels, value in re.findall(r"^(\w+)(?:\{([^}]*)\})? (\S+)$", text, re.M):
        found[name, frozenset(re.findall(r'(\w+)="([^"]*)"', labels))] = float(value)
    return found


def counters_disagree(metrics, cache, enums):
    """What Prometheus' counters and GetCacheStats disagree in. `enums` names tiers and reasons."""
    wrong = []

    def expect(name, value, **labels):
        got = sum(
            figure
            for (metric, have), figure in metrics.items()
            if metric == name and set(labels.items()) <= have
        )
        if got != value:
            wrong.append(f"{name} {labels}: {got}, GetCacheStats {value}")

    for tier in cache.tiers:
        where = enums["Tier"][tier.tier].lower()
        expect("pintle_kv_stored_tokens_total", tier.tokens_stored, tier=where)
        expect("pintle_kv_moved_in_tokens_total", tier.tokens_moved_in, tier=where)
        expect("pintle_kv_moved_out_tokens_total", tier.tokens_moved_out, tier=where)
        expect("pintle_kv_tokens", tier.tokens_resident, tier=where)
        expect("pintle_kv_blocks", tier.blocks_total, tier=where)
        removed = sum(row.tokens for row in tier.removed)
        expect("pintle_kv_removed_tokens_total", removed, tier=where)
        for row in tier.removed:
            reason = enums["RemovalReason"][row.reason]
            expect("pintle_kv_removed_tokens_total", row.tokens, tier=where, reason=reason)
            expect("pintle_kv_evictions_total", row.evictions, tier=where, reason=reason)
    for row in cache.evictions:
        labels = {"policy": row.policy, "reason": enums["RemovalReason"][row.reason],
                  "tier": enums["Tier"][row.tier].lower()}
        expect("pintle_kv_evictions_total", row.evictions, **labels)
        expect("pintle_kv_evicted_tokens_total", row.tokens, **labels)
        expect("pintle_kv_evicted_bytes_total", row.bytes, **labels)
    expect("pintle_kv_regret_tokens_total", sum(row.tokens for row in cache.regret))
    expect("pintle_kv_prefix_query_tokens_total", cache.prefix.query_tokens)
    return wrong


def enums_of(message):
    """Names of the enums of a message's file: {"Tier": {1: "DEVICE", ...}, ...}."""
    kinds = message.DESCRIPTOR.file.enum_types_by_name
    return {
        name: {number: value.name for number, value in kind.values_by_number.items()}
        for name, kind in kinds.items()
    }

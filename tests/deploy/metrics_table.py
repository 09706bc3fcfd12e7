# SPDX-License-Identifier: Apache-2.0
"""services/metrics/metric_table.cc as data, and expressions of PromQL held against it."""

import dataclasses
import re

from manifests import ROOT

TABLE = ROOT / "services/metrics/metric_table.cc"
# What scraping adds to every series: deploy/prometheus/prometheus.yml and Prometheus itself.
TARGET_LABELS = {"job", "instance", "namespace", "pod"}
JOBS = {"pintle-coordinator": "coordinator", "pintle-worker": "worker"}
# Read with a range only, because their value alone means nothing.
COUNTED = ("_bucket", "_sum", "_count")


@dataclasses.dataclass(frozen=True)
class Metric:
    name: str
    type: str
    labels: frozenset
    help: str
    worker: bool
    coordinator: bool


def _read_table():
    text = TABLE.read_text()
    row = re.compile(
        r'MetricRow\{\s*"(\w+)",\s*k(\w+),\s*"([\w,]*)",\s*((?:"[^"]*"\s*)+),'
        r"\s*(true|false),\s*(true|false)\}"
    )
    metrics = {
        found[1]: Metric(
            found[1],
            found[2].lower(),
            frozenset(found[3].split(",")) - {""},
            "".join(re.findall(r'"([^"]*)"', found[4])),
            found[5] == "true",
            found[6] == "true",
        )
        for found in row.finditer(text)
    }
    # A row in a form that the pattern does not know must not go unseen.
    assert len(metrics) == text.count("MetricRow{"), "metric_table.cc has rows in another form"
    return metrics


METRICS = _read_table()


def metric_of(series):
    """(metric, suffix) of the name of a series; None for a name that no process exposes."""
    if series in METRICS and METRICS[series].type != "histogram":
        return METRICS[series], ""
    for suffix in COUNTED:
        base = METRICS.get(series.removesuffix(suffix)) if series.endswith(suffix) else None
        if base is not None and base.type == "histogram":
            return base, suffix
    return None


def _words_of_sources():
    words = set()
    for room in ("contract", "services", "worker", "coordinator", "sessions"):
        for path in (ROOT / room).rglob("*.cc"):
            words.update(re.findall(r'"([\w.-]+)"', path.read_text()))
        for path in (ROOT / room).rglob("*.h"):
            words.update(re.findall(r'"([\w.-]+)"', path.read_text()))
    return words


SOURCE_WORDS = _words_of_sources()
# gRPC's own names of codes come from Abseil and so stand in no source of ours.
CODES = set(
    "OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS "
    "PERMISSION_DENIED UNAUTHENTICATED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED "
    "OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS".split()
)

_SELECTOR = re.compile(r"(?<![\w:])((?:pintle[_:][\w:]*|up))\s*(\{[^}]*\})?\s*(\[[^\]]+\])?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")


def _value_is_known(label, value):
    if label == "job":
        return value in JOBS
    if label == "code":
        return value in CODES
    if label in ("namespace", "pod", "instance", "model"):
        return True
    return value in SOURCE_WORDS


def mistakes_in(expression, recorded):
    """What is wrong with an expression. `recorded` maps names of recording rules to labels."""
    wrong, allowed = [], {"le"}
    for name, matchers, duration in _SELECTOR.findall(expression):
        if name == "up":
            labels, found = TARGET_LABELS, None
        elif ":" in name:
            if name not in recorded:
                wrong.append(f"{name} is recorded nowhere")
                continue
            labels, found = recorded[name], None
        else:
            found = metric_of(name)
            if found is None:
                wrong.append(f"{name} is not in the metric table")
                continue
            metric, suffix = found
            labels = metric.labels | TARGET_LABELS | ({"le"} if suffix == "_bucket" else set())
            counts = metric.type == "counter" or suffix
            if counts and not duration:
                wrong.append(f"{name} counts, but is read without a range")
            if not counts and duration:
                wrong.append(f"{name} is a gauge, but is read over a range")
        allowed |= labels
        for label, operator, value in _MATCHER.findall(matchers):
            if label not in labels:
                wrong.append(f"{name} has no label {label}")
            if value.startswith("$"):
                continue
            for each in value.split("|") if "~" in operator else [value]:
                if not _value_is_known(label, each):
                    wrong.append(f"{name}: no code writes {label}={each!r}")
            if label == "job" and found is not None and value in JOBS:
                if not getattr(found[0], JOBS[value]):
                    wrong.append(f"{name} is not exposed by {value}")
    for group in _GROUPING.findall(expression):
        for label in filter(None, re.split(r"[,\s]+", group)):
            if label not in allowed:
                wrong.append(f"grouped by {label}, which nothing in the expression has")
    return wrong

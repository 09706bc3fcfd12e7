# SPDX-License-Identifier: Apache-2.0
"""What is promised, as ratios with bounds, and whether a run keeps it. A line whose engines did
not all run in this very run is NOT RUN, and that fails like FAIL."""

import dataclasses
import statistics

import tasks

PASS, FAIL, NOT_RUN = "PASS", "FAIL", "NOT RUN"


@dataclasses.dataclass(frozen=True)
class Line:
    """`engine` on `task` against every one of `against`; the best of them counts. With `base`
    the other side is measured on that task. `synthetic` is the bound on the synthetic model."""

    group: str
    title: str
    task: str
    engine: str
    against: tuple
    bound: float
    synthetic: float
    base: str = ""
    # The other side is the roofline of the weights' bytes.
    roofline: bool = False


def _peers(group, task, title, bound, synthetic, against=tasks.PEERS, engine=tasks.PINTLE):
    return Line(group, title, task, engine, against, bound, synthetic)


LINES = (
    _peers("decode", "decode_1", "decode, 1 stream / llama.cpp bf16", 1.15, 1.0, (tasks.LLAMA,)),
    Line("decode", "decode, 1 stream / (read bandwidth / weight bytes)", "decode_1", tasks.PINTLE,
         (), 0.80, 0.80, roofline=True),
    _peers("decode", "decode_1_at_4096", "decode, 1 stream at 4,096 cached / llama.cpp bf16", 1.6,
           1.0, (tasks.LLAMA,)),
    _peers("decode", "decode_1", "decode, 1 stream, int8 / llama.cpp Q8_0", 1.6, 1.0,
           (tasks.LLAMA_Q8,), tasks.PINTLE_INT8),
    _peers("batch", "decode_8", "decode, 8 streams / best peer", 2.3, 0.8 * 2.3),
    _peers("batch", "decode_32", "decode, 32 streams / best peer", 1.7, 0.8 * 1.7),
    Line("batch", "decode, 64 streams / 32 streams", "decode_64", tasks.PINTLE, (tasks.PINTLE,),
         1.0, 1.0, base="decode_32"),
    _peers("prefill", "prefill_512", "prefill of 512 / best peer", 1.2, 0.8 * 1.2),
    _peers("prefill", "prefill_4096", "prefill of 4,096 / best peer", 1.4, 0.8 * 1.4),
    _peers("prefill", "prefill_512", "prefill of 512, int8 x int8 with int8 KV / our bf16", 1.5,
           0.8 * 1.5, (tasks.PINTLE,), tasks.PINTLE_W8A8),
    _peers("prefill", "prefill_4096", "prefill of 4,096, int8 x int8 with int8 KV / our bf16", 1.5,
           0.8 * 1.5, (tasks.PINTLE,), tasks.PINTLE_W8A8),
)


@dataclasses.dataclass
class Verdict:
    title: str
    figure: float | None
    bound: float
    at_most: bool
    word: str
    note: str


def rates(samples, task, engine, key="tokens_per_second"):
    """One per counted round."""
    return [sample[key] for sample in samples.get(task, {}).get(engine, [])]


def is_settled(task, engine, samples):
    """Whether one sample of this engine on this task is enough: no line is about it, or those that
    are compare with the best of several, of which another was more than twice as fast."""
    if not rates(samples, task, engine):
        return False
    return all(_is_behind(line, task, engine, samples) for line in LINES
               if engine in _sides(line, task))


def _sides(line, task):
    ours = (line.engine,) if line.task == task else ()
    return ours + (line.against if (line.base or line.task) == task else ())


def _is_behind(line, task, engine, samples):
    if (line.task, line.engine) == (task, engine):
        return False
    firsts = {peer: rates(samples, line.base or line.task, peer)[:1] for peer in line.against}
    best = max((first[0] for first in firsts.values() if first), default=0.0)
    return bool(firsts[engine]) and 2 * firsts[engine][0] < best


def paired_ratio(ours, theirs):
    """The median over rounds of one round's ratio: both were measured moments apart."""
    return statistics.median(a / b for a, b in zip(ours, theirs))


def verdict(title, figure, bound, note, at_most=False):
    kept = figure <= bound if at_most else figure >= bound
    return Verdict(title, figure, bound, at_most, PASS if kept else FAIL, note)


def not_run(title, bound, why, at_most=False):
    return Verdict(title, None, bound, at_most, NOT_RUN, why)


def judge(line, samples, unavailable, rounds, weight_bytes, synthetic=False, large=False):
    bound = line.synthetic if synthetic else line.bound
    base = line.base or line.task
    for engine, task in [(line.engine, line.task)] + [(peer, base) for peer in line.against]:
        once = large and _is_behind(line, task, engine, samples)
        if len(rates(samples, task, engine)) < (1 if once else rounds) or engine in unavailable:
            return not_run(line.title, bound, f"{engine}: {unavailable.get(engine, 'no figures')}")
    ours = rates(samples, line.task, line.engine)
    if line.roofline:
        reads = rates(samples, line.task, line.engine, "read_bytes_per_second")
        figure = paired_ratio(ours, [read / weight_bytes for read in reads])
        return verdict(line.title, figure, bound,
                       f"{statistics.median(ours):.1f} tokens/s, "
                       f"{statistics.median(reads) / 1e9:.1f} GB/s")
    ratios = {peer: paired_ratio(ours, rates(samples, base, peer)) for peer in line.against}
    best = min(ratios, key=ratios.get)
    return verdict(line.title, ratios[best], bound,
                   f"{statistics.median(ours):.1f} / "
                   f"{statistics.median(rates(samples, base, best)):.1f} tokens/s ({best})")

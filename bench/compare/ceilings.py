# SPDX-License-Identifier: Apache-2.0
"""The most tokens per second that this run's own read bandwidth and bf16 peak allow."""

import statistics


def of_run(samples):
    """Medians over every measurement in which an engine measured them, or None."""
    found = [sample for engines in samples.values() for values in engines.values()
             for sample in values if sample.get("read_bytes_per_second")]
    if not found:
        return None
    return {key: statistics.median(sample[key] for sample in found)
            for key in ("read_bytes_per_second", "bf16_operations_per_second")}


def tokens_per_second(task, shape, limits):
    """bf16: weights and KV are read once a step, and every operation is done at the peak."""
    read, peak = limits["read_bytes_per_second"], limits["bf16_operations_per_second"]
    if task.kind == "prefill":
        least = shape.weight_bytes() / read
        if peak:
            least = max(least, shape.prefill_operations(task.prompt) / peak)
        return task.prompt / least
    context = task.prompt + task.tokens / 2
    least = (shape.weight_bytes() + task.streams * shape.kv_bytes(context)) / read
    if peak:
        least = max(least, task.streams * shape.decode_operations(context) / peak)
    return task.streams / least

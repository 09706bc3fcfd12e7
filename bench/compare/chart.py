# SPDX-License-Identifier: Apache-2.0
"""The run as a picture: one panel per measurement, a bar per engine, the limit as a line."""

import statistics
from xml.sax.saxutils import escape

import ceilings
import lines

LEFT, BAR, GAP, WIDTH, PANEL = 250, 16, 5, 460, 46
OURS, THEIRS, LIMIT, INK, FAINT = "#2b6cb0", "#a0aec0", "#c53030", "#1a202c", "#718096"


def svg(run):
    body, y = [], 64
    for task in run["tasks"]:
        panel, y = _panel(run, task, y)
        body += panel
    machine = run["machine"]
    head = [
        _text(16, 24, f"{run['model']}, {run['threads']} threads, tokens per second", 15, INK,
              "bold"),
        _text(16, 42, f"{machine['processor']}, {machine['cores']} cores; median of "
              f"{run['rounds']} interleaved rounds; red: what the machine allows", 11, FAINT),
    ]
    total = LEFT + WIDTH + 90
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total} {y}" width="{total}" '
        f'height="{y}" font-family="sans-serif" role="img">',
        f'<rect width="{total}" height="{y}" fill="#ffffff"/>', *head, *body, "</svg>", ""])


def _panel(run, task, y):
    medians = {}
    for engine in task.engines:
        values = lines.rates(run["samples"], task.name, engine)
        if values:
            medians[engine] = statistics.median(values)
    if not medians:
        return [], y
    limit = None
    if task.kind != "chat" and run["limits"]:
        limit = ceilings.tokens_per_second(task, run["shape"], run["limits"])
    scale = WIDTH / max([*medians.values(), limit or 0])
    parts = [_text(16, y + 12, task.title, 12, INK, "bold")]
    top = y = y + 20
    for engine, value in medians.items():
        colour = OURS if engine.startswith("Pintle") else THEIRS
        parts += [
            _text(LEFT - 8, y + BAR - 4, engine, 11, INK, anchor="end"),
            f'<rect x="{LEFT}" y="{y}" width="{value * scale:.1f}" height="{BAR}" '
            f'fill="{colour}"/>',
            _text(LEFT + value * scale + 5, y + BAR - 4, f"{value:,.0f}", 11, INK),
        ]
        y += BAR + GAP
    if limit:
        x = LEFT + limit * scale
        parts += [f'<line x1="{x:.1f}" y1="{top - 4}" x2="{x:.1f}" y2="{y}" stroke="{LIMIT}" '
                  'stroke-width="2"/>', _text(x + 5, top - 6, f"{limit:,.0f}", 10, LIMIT)]
    return parts, y + PANEL - 20


def _text(x, y, text, size, colour, weight="normal", anchor="start"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" '
            f'font-weight="{weight}" text-anchor="{anchor}">{escape(text)}</text>')

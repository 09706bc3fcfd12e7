# SPDX-License-Identifier: Apache-2.0
"""The pages for readers, and what can be found in them."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("**/*.md"))]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(page):
    return page.read_text(encoding="utf-8")


def fences(text, language=None):
    """Contents of the fenced blocks, of one language if given."""
    return [body for kind, body in FENCE.findall(text) if language in (None, kind)]


def spans(text):
    """Inline code."""
    return [span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", FENCE.sub("", text))]


def code(text):
    return spans(text) + fences(text)


def links(text):
    """Targets of Markdown links, without those of other sites."""
    targets = re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text))
    return [target for target in targets if "://" not in target]


def anchors(text):
    """The names of a page's headings, as sites derive them."""
    headings = re.findall(r"^#+ +(.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(text, heading):
    """The text below a heading up to the next of its level."""
    below = rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)"
    found = re.search(below, text, re.MULTILINE | re.DOTALL)
    assert found, f"no section '{heading}'"
    return found[1]

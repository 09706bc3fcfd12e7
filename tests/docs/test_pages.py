# SPDX-License-Identifier: Apache-2.0
"""What the pages name exists: links, paths, make targets, flags."""

import os
import pathlib
import re
import subprocess

import pytest

from pages import PAGES, README, ROOT, anchors, code, links, spans, text_of

BIN = pathlib.Path(os.environ["PINTLE_BIN"])
# Made by the build or set-up, or by the reader.
NOT_IN_THE_REPOSITORY = ("build", "models", ".deps")
# Flags of other programs, and of scripts.
FOREIGN_FLAGS = set(
    "--previous --build-arg --for --from-file --type --install --prefix".split()
)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def rooms():
    return {entry.name for entry in ROOT.iterdir() if entry.is_dir()} - set(NOT_IN_THE_REPOSITORY)


def paths_in(text):
    """Inline code that looks like a path from the repository's root."""
    for span in spans(text):
        first, slash, _ = span.partition("/")
        if slash and first in rooms() and re.fullmatch(r"[\w./*-]+", span):
            yield span


def makefiles():
    return [ROOT / "Makefile", *(ROOT / "make").glob("*.mk")]


def targets():
    found = set()
    for makefile in makefiles():
        for line in re.findall(r"^([a-z][\w -]*):(?!=)", text_of(makefile), re.MULTILINE):
            found.update(line.split())
    return found


def announced_targets():
    """Those that `make help` lists."""
    lines = "".join(map(text_of, makefiles()))
    return set(re.findall(r"^## ([a-z][\w-]*):", lines, re.MULTILINE))


def make_targets_in(text):
    """`make a`, `make b` in code; words behind a comment sign do not count."""
    for piece in code(text):
        for line in piece.splitlines():
            yield from re.findall(r"(?:^|[`\s])make ([a-z][\w-]*)", line.split("#")[0])


def flags_of_the_binaries():
    helps = [["pintle-coordinator"], ["pintle-worker"], ["pintle"]]
    commands = "serve plan simulate generate chat sessions cache workers top".split()
    commands += ["tokenize", "models"]
    helps += [["pintle", command] for command in commands]
    verbs = "list get create update delete fork truncate export import"
    helps += [["pintle", "sessions", verb] for verb in verbs.split()]
    flags = set()
    for binary, *rest in helps:
        answer = subprocess.run(
            [BIN / binary, *rest, "--help"], capture_output=True, text=True, timeout=60, check=True
        )
        flags.update(re.findall(r"--[a-z][a-z-]+", answer.stdout))
    return flags


@each_page
def test_every_link_leads_somewhere(page):
    for link in links(text_of(page)):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(text_of(target)), link


@each_page
def test_every_path_in_code_exists(page):
    for path in paths_in(text_of(page)):
        assert any(ROOT.glob(path.rstrip("/"))), path


@each_page
def test_every_make_target_exists(page):
    assert set(make_targets_in(text_of(page))) <= targets()


def test_the_readme_names_every_target_that_shows_something():
    shown = {target for target in announced_targets() if target.startswith("show-")}
    assert shown and shown <= set(make_targets_in(text_of(README)))


def test_the_readme_names_every_room():
    explained = {room for room in rooms() if (ROOT / room / "README.md").exists()}
    named = {span.rstrip("/") for span in spans(text_of(README))}
    assert "worker" in explained and explained <= named


def test_every_flag_exists():
    known = flags_of_the_binaries() | FOREIGN_FLAGS
    for page in PAGES:
        pieces = [piece for piece in code(text_of(page)) if "openssl" not in piece]
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", "\n".join(pieces)))
        assert named <= known, f"{page.name}: {sorted(named - known)}"

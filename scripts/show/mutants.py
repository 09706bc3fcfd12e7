#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants small bugs, one at a time, and shows that a named test turns red for each.

Works on a copy of the tracked sources under build/mutants, never on the checkout. Every test must
be green before; a mutant is CAUGHT when its test fails, crashes or hangs. A mutant whose text is
gone or found twice (STALE), or that does not compile, is a failure as one that SURVIVED is.
Prints each mutant, then how many were caught, the bound, PASS or FAIL; exits 1 on FAIL.
Usage: mutants.py [--list] [--only NAME]... [--jobs N]
"""

import argparse
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from planted_mutants import MUTANTS

BOUND = 20
# A red test mostly ends at once; one that hangs is given ten times what it takes when green.
TIMEOUT_MIN = 30.0
TIMEOUT_GREEN = 600.0

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = ROOT / "build" / "mutants" / "source"
BUILD = ROOT / "build" / "mutants" / "build"


def say(line):
    print(line, flush=True)


def copy_sources():
    """Makes SOURCE equal to the tracked files; what is equal already keeps its time."""
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    wanted = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for path in [p for p in SOURCE.rglob("*") if p.is_file()]:
        if str(path.relative_to(SOURCE)) not in wanted:
            path.unlink()
    for name in wanted:
        target = SOURCE / name
        content = (ROOT / name).read_bytes()
        if target.is_file() and target.read_bytes() == content:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def configure():
    command = ["cmake", "-S", SOURCE, "-B", BUILD, "-G", "Ninja", "-DPINTLE_PURE_ONLY=ON"]
    # Quick to compile, and the tests of models still end in seconds.
    command += ["-DCMAKE_BUILD_TYPE=", "-DCMAKE_CXX_FLAGS=-O1"]
    ccache = shutil.which("ccache")
    if ccache:
        command.append(f"-DCMAKE_CXX_COMPILER_LAUNCHER={ccache}")
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ended.returncode != 0:
        sys.exit(f"{ended.stdout}\nmutants: configuring failed: FAIL")


def build(targets, jobs, show):
    """Returns what the compiler said when the build failed, None when it did not."""
    ended = subprocess.run(
        ["ninja", "-C", BUILD, "-j", str(jobs), *targets],
        stdout=None if show else subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return None if ended.returncode == 0 else (ended.stdout or "see above")


def limit_child():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run_test(mutant, timeout):
    """Returns how the test went: "green", or how it turned red; and the seconds it took."""
    start = time.monotonic()
    with subprocess.Popen(
        [BUILD / "tests" / mutant.target, f"--gtest_filter={mutant.test}", "--gtest_brief=1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=limit_child,
    ) as child:
        try:
            output, _ = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            # Its group, for death tests have children.
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            return "hangs", time.monotonic() - start
    seconds = time.monotonic() - start
    if child.returncode < 0:
        return f"crashes, {signal.Signals(-child.returncode).name}", seconds
    if child.returncode != 0:
        return "fails", seconds
    # A filter that finds nothing is green too; every part of it must find something.
    if "[  PASSED  ] 0 tests" in output:
        return "is not there", seconds
    return "green", seconds


def check_green(mutants, jobs):
    """Builds all, and returns each test's seconds; ends the program when one is not green."""
    targets = sorted({mutant.target for mutant in mutants})
    say(f"building {len(targets)} tests without a mutant")
    if build(targets, jobs, show=True) is not None:
        sys.exit("mutants: the sources do not build: FAIL")
    taken = {}
    for mutant in mutants:
        key = (mutant.target, mutant.test)
        if key in taken:
            continue
        for part in mutant.test.split(":"):
            how, seconds = run_test(mutant._replace(test=part), TIMEOUT_GREEN)
            if how != "green":
                sys.exit(f"{mutant.target} {part} {how} without a mutant: FAIL")
            taken[key] = taken.get(key, 0.0) + seconds
    say(f"{len(taken)} tests are green without a mutant")
    return taken


def plant(mutant, jobs, green_seconds):
    """Returns the verdict on one mutant; the file is as before when it returns."""
    path = SOURCE / mutant.file
    before = path.read_text() if path.is_file() else ""
    count = before.count(mutant.old)
    if count != 1:
        return "STALE", f"its text is found {count} times in {mutant.file}"
    path.write_text(before.replace(mutant.old, mutant.new))
    try:
        broken = build([mutant.target], jobs, show=False)
        if broken is not None:
            print(broken)
            return "NOT COMPILED", mutant.file
        how, seconds = run_test(mutant, max(TIMEOUT_MIN, 10 * green_seconds))
    finally:
        path.write_text(before)
    if how == "green":
        return "SURVIVED", f"{mutant.target} {mutant.test}"
    return "CAUGHT", f"{mutant.test} {how} ({seconds:.1f} s)"


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--list", action="store_true", help="list the mutants and end")
    arguments.add_argument("--only", action="append", metavar="NAME", help="plant only this one")
    arguments.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    options = arguments.parse_args()
    chosen = [m for m in MUTANTS if not options.only or m.name in options.only]
    unknown = set(options.only or []) - {mutant.name for mutant in MUTANTS}
    if unknown:
        sys.exit(f"no mutant is named {', '.join(sorted(unknown))}; --list names them")
    if options.list:
        for mutant in chosen:
            print(f"{mutant.file}: {mutant.name}\n    {mutant.target} {mutant.test}")
        return 0

    start = time.monotonic()
    copy_sources()
    configure()
    green = check_green(chosen, options.jobs)
    caught = 0
    for number, mutant in enumerate(chosen, 1):
        verdict, why = plant(mutant, options.jobs, green[mutant.target, mutant.test])
        caught += verdict == "CAUGHT"
        say(f"{number:3}/{len(chosen)} {verdict:9} {mutant.name}: {why}")
    bound = len(chosen) if options.only else max(BOUND, len(chosen))
    passed = caught >= bound
    bound_text = "all of them" if options.only else f"all of them and >= {BOUND}"
    say(
        f"planted mutants: {caught} of {len(chosen)} caught, bound {bound_text}, "
        f"in {time.monotonic() - start:.0f} s: {'PASS' if passed else 'FAIL'}"
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""The image build file, as far as it can be judged without a container engine."""

import fnmatch
import functools
import os
import pathlib
import re
import subprocess

import pytest
from manifests import ROOT

TEXT = (ROOT / "deploy/image/Dockerfile").read_text()
BIN = pathlib.Path(os.environ["PINTLE_BIN"])
PROGRAMS = ("pintle", "pintle-coordinator", "pintle-worker")


def instructions():
    """(instruction, rest) of each, continued lines joined."""
    lines = [line for line in TEXT.splitlines() if line.strip() and not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in joined.splitlines()]


def stages():
    found = []
    for name, rest in instructions():
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append((name, rest))
    return found


BUILD, RUNTIME = stages()


def packages_of(stage):
    runs = " ".join(rest for name, rest in stage if name == "RUN")
    listed = re.findall(r"apt-get install ([^&;]*)", runs)
    return [word for words in listed for word in words.split() if not word.startswith("-")]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def on_bookworm():
    return "VERSION_CODENAME=bookworm" in pathlib.Path("/etc/os-release").read_text()


@functools.cache
def dependencies():
    """{package: names it depends on} of all that is installed here, by dpkg."""
    done = run("dpkg-query", "-W", "-f", "${Package}\t${Depends},${Pre-Depends}\n")
    assert done.returncode == 0, done.stderr
    found = {}
    for line in done.stdout.splitlines():
        package, _, depends = line.partition("\t")
        # "a (>= 1) | b:any, c": the names alone; of a choice, all of them.
        found[package] = set(re.findall(r"(?:^|[,|])\s*([\w.+-]+)", depends))
    return found


def with_dependencies(packages):
    """Names of the packages and of all that they depend on."""
    seen, left = set(), list(packages)
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            left.extend(dependencies().get(name, ()))
    return seen


def test_both_stages_start_from_one_debian():
    assert [stage[0][1].split()[0] for stage in (BUILD, RUNTIME)] == ["${DEBIAN}"] * 2
    default = dict(i for i in instructions() if i[1].startswith("DEBIAN="))["ARG"]
    assert default == "DEBIAN=debian:bookworm-slim"


def test_the_last_stage_has_nothing_to_build_with():
    packages = packages_of(RUNTIME)
    assert packages == sorted(packages)
    for package in packages:
        assert not package.endswith("-dev"), package
    forbidden = {"gcc", "g++", "make", "cmake", "cargo", "python3", "git", "gcc-12", "rustc"}
    assert not forbidden & with_dependencies(packages)
    copies = [rest for name, rest in RUNTIME if name in ("COPY", "ADD")]
    assert copies == ["--from=build /opt/pintle /opt/pintle"]


def test_the_last_stage_runs_as_a_numbered_user_and_stays_so():
    names = [name for name, _ in RUNTIME]
    assert names.count("USER") == 1
    user = dict(RUNTIME)["USER"]
    assert re.fullmatch(r"([1-9]\d+):([1-9]\d+)", user)
    assert "RUN" not in names[names.index("USER"):]
    number = user.partition(":")[0]
    assert f"--uid {number}" in TEXT and f"--gid {number}" in TEXT


def test_the_version_is_the_projects():
    version = re.search(r"project\(pintle VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())
    assert f'org.opencontainers.image.version="{version[1]}"' in TEXT


def test_apt_installs_leave_no_lists_and_no_suggestions():
    for _, rest in [i for i in instructions() if i[0] == "RUN" and "apt-get install" in i[1]]:
        assert "--no-install-recommends" in rest
        assert "rm -rf /var/lib/apt/lists/*" in rest


def test_the_build_uses_the_projects_own_setup():
    runs = " && ".join(rest for name, rest in BUILD if name == "RUN")
    steps = re.search(r"scripts/setup\.sh ([\w ]+?)\s*(?:&&|$)", runs)[1].split()
    for step in steps:
        sources = "".join(p.read_text() for p in (ROOT / "scripts/setup").glob("*.sh"))
        assert f"setup_{step}()" in sources, step
    assert "cmake --preset release" in runs
    assert "cmake --install build/release --prefix /opt/pintle" in runs
    # The GPU half is taken from where the set-up puts it, to where LibTorch's run path looks.
    assert 'PINTLE_PRIVATE_LIBDIR "${CMAKE_INSTALL_LIBDIR}/pintle"' in (
        ROOT / "cmake/PintleInstall.cmake").read_text()
    assert "/opt/pintle/lib/pintle/" in runs and ".deps/nvidia /opt/pintle/nvidia" in runs


def test_what_the_build_reads_is_let_into_it():
    ignored = (ROOT / "deploy/image/Dockerfile.dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    for path in allowed:
        assert (ROOT / path).exists(), path
    rooms = re.findall(r"set\(PINTLE_\w+_ROOMS\s+([^)]*)\)", (ROOT / "CMakeLists.txt").read_text())
    needed = {room.split("/")[0] for rooms_of in rooms for room in rooms_of.split()
              if "$" not in room and (ROOT / room).exists()}
    installed = re.findall(r"install\(FILES ([A-Z][^$]*?) DESTINATION",
                           (ROOT / "cmake/PintleInstall.cmake").read_text())
    needed |= {name for names in installed for name in names.split()}
    needed |= {"cmake", "scripts", "CMakeLists.txt", "CMakePresets.json"}
    assert needed <= allowed, needed - allowed
    for _, rest in [i for i in BUILD if i[0] == "COPY" and i[1] != ". ."]:
        for source in rest.split()[:-1]:
            assert any(fnmatch.fnmatch(source, a) or source.startswith(a + "/") for a in allowed)
    # Secrets, models and builds must never travel in a layer.
    assert not {".git", ".deps", "build", "models", "tests"} & allowed


@pytest.mark.skipif(not on_bookworm(), reason="the packages are those of Debian 12")
@pytest.mark.parametrize("package", packages_of(RUNTIME))
def test_every_package_of_the_last_stage_exists(package):
    assert run("apt-cache", "show", "--no-all-versions", package).returncode == 0 or (
        run("dpkg-query", "-W", package).returncode == 0
    )


def owners_of(libraries):
    """{library: package}; Debian 12 knows some by /lib and some by /usr/lib."""
    spellings = {}
    for library in libraries:
        other = library.removeprefix("/usr") if library.startswith("/usr/") else "/usr" + library
        for path in (library, other, os.path.realpath(library)):
            spellings[path] = library
    found = run("dpkg-query", "-S", *spellings).stdout
    owners = {
        spellings[path]: package.split(":")[0]
        for package, path in (line.rsplit(": ", 1) for line in found.splitlines())
        if path in spellings
    }
    assert set(owners) == set(libraries), set(libraries) - set(owners)
    return owners


@pytest.mark.skipif(not on_bookworm(), reason="the packages are those of Debian 12")
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_last_stage_has_every_library_that_is_linked(program):
    done = run("ldd", str(BIN / program))
    assert done.returncode == 0, done.stderr
    assert "not found" not in done.stdout
    available = with_dependencies(packages_of(RUNTIME))
    # LibTorch is left out: the installation carries it along.
    libraries = [library for library in re.findall(r"=> (/\S+)", done.stdout)
                 if "libtorch" not in library and ".deps" not in os.path.realpath(library)]
    missing = {library: owner for library, owner in owners_of(libraries).items()
               if owner not in available}
    assert not missing

# SPDX-License-Identifier: Apache-2.0
"""docs/deploy.md and the READMEs of deploy/ name what exists."""

import os
import pathlib
import re
import subprocess

import pytest
import yaml
from manifests import DEPLOY, KUBERNETES, ROOT, rendered

BIN = pathlib.Path(os.environ["PINTLE_BIN"])
GUIDE = (ROOT / "docs/deploy.md").read_text()
PAGES = [ROOT / "docs/deploy.md", ROOT / "docs/metrics.md", *sorted(DEPLOY.rglob("README.md"))]
YAML = sorted(DEPLOY.rglob("*.yaml")) + sorted(DEPLOY.rglob("*.yml"))


def help_of(*command):
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:], "--help"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return set(re.findall(r"(--[a-z][a-z-]+)", done.stdout))


def blocks():
    """Shell commands of the guide, continued lines joined."""
    text = "\n".join(re.findall(r"^```sh\n(.*?)^```", GUIDE, re.M | re.S))
    return text.replace("\\\n", " ").splitlines()


@pytest.mark.parametrize("path", YAML, ids=lambda path: str(path.relative_to(DEPLOY)))
def test_every_yaml_file_parses_and_names_its_licence(path):
    text = path.read_text()
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n")
    assert text.isascii()
    assert [document for document in yaml.safe_load_all(text) if document]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_pages_name_files_that_exist(page):
    named = re.findall(r"(?<![\w/.-])((?:deploy|docs|tests|services)/[\w./-]+\w)", page.read_text())
    for path in named:
        assert (ROOT / path).exists(), path


def test_the_guide_names_flags_that_exist():
    for command in blocks():
        if command.startswith("pintle "):
            subcommand = command.split()[1]
            known = help_of("pintle", subcommand)
            assert set(re.findall(r"\s(--[a-z-]+)", command)) <= known, command
    prose = re.sub(r"^```sh\n.*?^```", "", GUIDE, flags=re.M | re.S)
    known = help_of("pintle-worker") | help_of("pintle-coordinator") | help_of("pintle", "generate")
    assert set(re.findall(r"`(--[a-z-]+)", prose)) <= known
    for name in re.findall(r"`PINTLE_(\w+)`", prose):
        assert "--" + name.lower().replace("_", "-") in known, name


def test_the_guide_makes_the_secrets_that_the_manifests_mount():
    wanted = {}
    folders = ["base", "overlays/cpu-tls", "overlays/cpu-mesh"]
    for folder in folders:
        for (kind, _), manifest in rendered(folder).items():
            if kind in ("Deployment", "StatefulSet"):
                for volume in manifest["spec"]["template"]["spec"]["volumes"]:
                    if "secret" in volume:
                        wanted[volume["secret"]["secretName"]] = volume["secret"]
    commands = "\n".join(blocks())
    assert set(wanted) == {"pintle-identity", "pintle-coordinator-tls", "pintle-worker-tls"}
    assert "create secret generic pintle-identity" in commands
    for name in ("cluster-token", "admin-token", "tenants"):
        assert f"--from-file={name}" in commands
    assert 'create secret generic "$1-tls"' in commands
    assert "certificate pintle-coordinator " in commands
    assert "certificate pintle-worker " in commands


def test_certificates_are_for_the_names_that_are_dialled():
    worker = rendered("base")["StatefulSet", "pintle-worker"]
    arguments = worker["spec"]["template"]["spec"]["containers"][0]["args"]
    dialled = [a.partition("=")[2] for a in arguments if a.split("=")[0] in
               ("--advertise", "--coordinator")]
    for address in dialled:
        host = address.rpartition(":")[0].replace("$(POD_NAMESPACE)", "pintle")
        name = host.replace("$(POD_NAME)", "*")
        assert f"`{name}`" in GUIDE and re.search(rf"certificate .*{re.escape(name)}", GUIDE), name


def test_the_commands_of_the_guide_are_a_shells():
    for command in re.findall(r"^```sh\n(.*?)^```", GUIDE, re.M | re.S):
        done = subprocess.run(["bash", "-n"], input=command, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr


def test_no_secret_and_no_latest_is_in_deploy():
    for path in [p for p in DEPLOY.rglob("*") if p.is_file()]:
        text = path.read_text()
        assert not re.search(r"BEGIN [A-Z ]*PRIVATE KEY|:latest\b", text), path
    assert not [p for p in KUBERNETES.rglob("*.yaml") if "kind: Secret\n" in p.read_text()]

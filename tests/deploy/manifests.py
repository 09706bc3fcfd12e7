# SPDX-License-Identifier: Apache-2.0
"""The manifests as a cluster would get them: a small part of kustomize, enough for ours."""

import copy
import pathlib

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir() if path.is_dir())

# Lists whose elements are merged by a key; every other list is replaced as a whole.
MERGE_KEYS = {
    "containers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "ports": "containerPort",
}


def documents(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def _merged_list(base, patch, key):
    result = copy.deepcopy(base)
    for item in patch:
        for index, old in enumerate(result):
            if old[key] == item[key]:
                result[index] = merged(old, item)
                break
        else:
            result.append(copy.deepcopy(item))
    return result


def merged(base, patch):
    """A strategic merge of `patch` into `base`."""
    result = copy.deepcopy(base)
    for name, value in patch.items():
        old = result.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            result[name] = merged(old, value)
        elif isinstance(old, list) and isinstance(value, list) and name in MERGE_KEYS:
            result[name] = _merged_list(old, value, MERGE_KEYS[name])
        else:
            result[name] = copy.deepcopy(value)
    return result


def _apply(folder, resources):
    """Adds to `resources` what the kustomization in `folder` says; unknown fields are an error."""
    (kustomization,) = documents(folder / "kustomization.yaml")
    known = {"apiVersion", "kind", "namespace", "resources", "components", "patches"}
    assert set(kustomization) <= known, set(kustomization) - known
    for entry in kustomization.get("resources", []):
        path = folder / entry
        if path.is_dir():
            _apply(path.resolve(), resources)
        else:
            for document in documents(path):
                key = (document["kind"], document["metadata"]["name"])
                assert key not in resources, key
                resources[key] = document
    for entry in kustomization.get("patches", []):
        assert set(entry) == {"path"}, entry
        for patch in documents(folder / entry["path"]):
            key = (patch["kind"], patch["metadata"]["name"])
            resources[key] = merged(resources[key], patch)
    for entry in kustomization.get("components", []):
        _apply((folder / entry).resolve(), resources)
    if "namespace" in kustomization:
        for (kind, _), document in resources.items():
            if kind != "Namespace":
                document["metadata"]["namespace"] = kustomization["namespace"]


def rendered(folder):
    """{(kind, name): manifest} of a folder of deploy/kubernetes."""
    resources = {}
    _apply(KUBERNETES / folder, resources)
    return resources


def overlay(name):
    return rendered(f"overlays/{name}")


WORKLOADS = (("Deployment", "pintle-coordinator"), ("StatefulSet", "pintle-worker"))


def pod_of(workload):
    return workload["spec"]["template"]["spec"]


def container_of(workload):
    (container,) = pod_of(workload)["containers"]
    return container


def flags_of(container):
    """{flag: value} of the arguments; a flag alone has the value None."""
    flags = {}
    for argument in container["args"]:
        assert argument.startswith("--"), argument
        name, equals, value = argument.partition("=")
        assert name not in flags, name
        flags[name] = value if equals else None
    return flags


def settings_of(container):
    """{flag: value} of the environment variables PINTLE_*."""
    return {
        "--" + entry["name"].removeprefix("PINTLE_").lower().replace("_", "-"): entry["value"]
        for entry in container.get("env", [])
        if entry["name"].startswith("PINTLE_")
    }

# SPDX-License-Identifier: Apache-2.0
"""The manifests fit one another, and are what a careful cluster asks for."""

import re

import pytest
from manifests import (
    KUBERNETES,
    OVERLAYS,
    ROOT,
    WORKLOADS,
    container_of,
    documents,
    flags_of,
    merged,
    overlay,
    pod_of,
    rendered,
    settings_of,
)

VERSION = re.search(r"project\(pintle VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
MIB = {"Mi": 1, "Gi": 1024}

each_overlay = pytest.mark.parametrize("name", OVERLAYS)
each_workload = pytest.mark.parametrize("workload", WORKLOADS, ids=lambda key: key[1])


def mib(quantity):
    number, unit = re.fullmatch(r"(\d+)(\w\w)B?", quantity).groups()
    return int(number) * MIB[unit]


def port_of(address):
    return int(address.rpartition(":")[2])


def pods():
    """(name, pod, container) of everything that runs, in every overlay."""
    for name in OVERLAYS:
        for key in WORKLOADS:
            workload = overlay(name)[key]
            yield f"{name} {key[1]}", pod_of(workload), container_of(workload)
    (loader,) = documents(KUBERNETES / "model-loader.yaml")
    yield "model-loader", loader["spec"], loader["spec"]["containers"][0]


each_pod = pytest.mark.parametrize("pod, container", [p[1:] for p in pods()],
                                   ids=[p[0] for p in pods()])


def test_there_is_an_overlay_for_each_device_and_encryption():
    assert set(OVERLAYS) == {"cpu-tls", "cpu-mesh", "gpu-tls", "gpu-mesh"}


def test_merging_replaces_by_key_and_adds_what_is_new():
    base = {"env": [{"name": "A", "value": "1"}], "args": ["x"], "keep": 1}
    patch = {"env": [{"name": "A", "value": "2"}, {"name": "B", "value": "3"}], "args": ["y"]}
    assert merged(base, patch) == {
        "env": [{"name": "A", "value": "2"}, {"name": "B", "value": "3"}],
        "args": ["y"],
        "keep": 1,
    }


@each_pod
def test_pods_have_no_privileges(pod, container):
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    dockerfile = (ROOT / "deploy/image/Dockerfile").read_text()
    assert f"\nUSER {security['runAsUser']}:{security['runAsGroup']}\n" in dockerfile
    assert security["fsGroup"] == security["runAsGroup"]
    own = container["securityContext"]
    assert own["readOnlyRootFilesystem"] is True
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        assert field not in pod
    assert not any("hostPath" in volume for volume in pod["volumes"])


@each_pod
def test_images_are_of_this_version(pod, container):
    assert re.fullmatch(rf"pintle:{re.escape(VERSION)}(-cuda)?", container["image"])
    uses_gpu = "nvidia.com/gpu" in container["resources"]["limits"]
    assert container["image"].endswith("-cuda") == uses_gpu


@each_pod
def test_mounts_and_volumes_match(pod, container):
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = container["volumeMounts"]
    assert {mount["name"] for mount in mounts} == set(volumes)
    for mount in mounts:
        if "secret" in volumes[mount["name"]]:
            assert mount["readOnly"] is True
            assert volumes[mount["name"]]["secret"]["defaultMode"] & 0o337 == 0


@each_pod
def test_memory_is_bounded(pod, container):
    limits, requests = container["resources"]["limits"], container["resources"]["requests"]
    assert mib(limits["memory"]) >= mib(requests["memory"])


@each_overlay
@each_workload
def test_ports_are_those_of_the_flags(name, workload):
    manifests = overlay(name)
    container = container_of(manifests[workload])
    flags = flags_of(container)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {
        "grpc": port_of(flags["--listen"]),
        "metrics": port_of(flags["--metrics-listen"]),
        "health": port_of(flags["--health-listen"]),
    }
    assert len(set(ports.values())) == 3
    for port in manifests["Service", workload[1]]["spec"]["ports"]:
        assert port["targetPort"] == port["name"]
        assert port["port"] == ports[port["name"]]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["grpc"]["port"] == ports["health"]


@each_overlay
@each_workload
def test_each_probe_asks_for_its_own_service(name, workload):
    container = container_of(overlay(name)[workload])
    served = (ROOT / "services/host/grpc_host.cc").read_text()
    for probe in ("startup", "liveness", "readiness"):
        assert container[f"{probe}Probe"]["grpc"]["service"] == probe
        assert f'{{"{probe}"' in served, "GrpcHost serves another set of names"


@each_overlay
@each_workload
def test_the_kubelet_waits_longer_than_the_process(name, workload):
    manifest = overlay(name)[workload]
    grace = float(flags_of(container_of(manifest))["--grace-seconds"])
    # A drain may take grace + 2 s for the turns, and the servers close after it.
    assert pod_of(manifest)["terminationGracePeriodSeconds"] >= grace + 10


@each_overlay
@each_workload
def test_selectors_find_their_pods(name, workload):
    manifests = overlay(name)
    manifest = manifests[workload]
    labels = manifest["spec"]["template"]["metadata"]["labels"]
    wanted = manifest["spec"]["selector"]["matchLabels"]
    assert wanted == labels
    assert manifests["Service", workload[1]]["spec"]["selector"] == wanted
    budget = manifests["PodDisruptionBudget", workload[1]]["spec"]
    assert budget["selector"]["matchLabels"] == wanted
    policy = manifests["NetworkPolicy", workload[1]]["spec"]
    assert policy["podSelector"]["matchLabels"] == wanted
    account = pod_of(manifest)["serviceAccountName"]
    assert manifests["ServiceAccount", account]["automountServiceAccountToken"] is False


@each_overlay
def test_workers_and_coordinator_find_each_other(name):
    manifests = overlay(name)
    worker = manifests["StatefulSet", "pintle-worker"]
    flags = flags_of(container_of(worker))
    service = worker["spec"]["serviceName"]
    headless = manifests["Service", service]["spec"]
    assert headless["clusterIP"] == "None"
    assert headless["publishNotReadyAddresses"] is True
    port = port_of(flags["--listen"])
    assert flags["--advertise"] == f"$(POD_NAME).{service}.$(POD_NAMESPACE).svc:{port}"
    coordinator = container_of(manifests["Deployment", "pintle-coordinator"])
    port = port_of(flags_of(coordinator)["--listen"])
    assert flags["--coordinator"] == f"pintle-coordinator.$(POD_NAMESPACE).svc:{port}"
    defined = {entry["name"] for entry in container_of(worker)["env"]}
    assert set(re.findall(r"\$\((\w+)\)", " ".join(container_of(worker)["args"]))) <= defined


@each_overlay
def test_secrets_reach_only_who_needs_them(name):
    manifests = overlay(name)
    assert not any(kind == "Secret" for kind, _ in manifests)
    worker = pod_of(manifests["StatefulSet", "pintle-worker"])
    (identity,) = [v["secret"] for v in worker["volumes"] if v["name"] == "identity"]
    assert [item["key"] for item in identity["items"]] == ["cluster-token"]
    for key in WORKLOADS:
        pod, container = pod_of(manifests[key]), container_of(manifests[key])
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        secrets = {v["name"] for v in pod["volumes"] if "secret" in v}
        values = {**flags_of(container), **settings_of(container)}
        for flag, value in values.items():
            if flag.endswith("-token-file") or flag == "--tenants" or flag.startswith("--tls-"):
                assert mounts[value.rpartition("/")[0]] in secrets, flag


@each_overlay
def test_encryption_is_one_or_the_other(name):
    for key in WORKLOADS:
        settings = settings_of(container_of(overlay(name)[key]))
        tls = {flag for flag in settings if flag.startswith("--tls-")}
        if name.endswith("-tls"):
            assert tls == {"--tls-cert", "--tls-key", "--tls-ca"}
            assert "--allow-plaintext" not in settings
        else:
            assert not tls
            assert settings["--allow-plaintext"] == "true"


def test_the_base_alone_names_no_encryption():
    for key in WORKLOADS:
        container = container_of(rendered("base")[key])
        given = {**flags_of(container), **settings_of(container)}
        assert not any(f.startswith("--tls") or f == "--allow-plaintext" for f in given)


@pytest.mark.parametrize("name", [name for name in OVERLAYS if name.startswith("cpu")])
def test_a_cpu_worker_gets_the_cores_and_the_memory_it_uses(name):
    container = container_of(overlay(name)["StatefulSet", "pintle-worker"])
    settings, resources = settings_of(container), container["resources"]
    assert settings["--device"] == "cpu"
    assert resources["limits"] == resources["requests"]
    assert settings["--threads"] == resources["limits"]["cpu"]
    assert mib(settings["--kv-bytes"]) + 1024 <= mib(resources["limits"]["memory"])


@pytest.mark.parametrize("name", [name for name in OVERLAYS if name.startswith("gpu")])
def test_a_gpu_worker_gets_a_gpu(name):
    container = container_of(overlay(name)["StatefulSet", "pintle-worker"])
    assert settings_of(container)["--device"] == "cuda:0"
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    cores = int(container["resources"]["requests"]["cpu"])
    assert int(settings_of(container)["--threads"]) <= cores


def peers_of(rules, side):
    """{(peer, port)}; a peer is a component of ours or the labels of a namespace."""
    found = set()
    for rule in rules:
        for peer in rule[side]:
            (selector,) = peer.values()
            labels = selector["matchLabels"]
            name = labels.get("app.kubernetes.io/component") or ",".join(sorted(labels.values()))
            found.update((name, port["port"]) for port in rule["ports"])
    return found


def test_the_network_lets_through_what_is_needed_and_no_more():
    manifests = rendered("base")
    policies = {name: m["spec"] for (kind, name), m in manifests.items() if kind == "NetworkPolicy"}
    assert policies["pintle-default-deny"] == {
        "podSelector": {}, "policyTypes": ["Ingress", "Egress"]
    }
    assert peers_of(policies["pintle-dns"]["egress"], "to") == {("kube-system", 53)}
    coordinator, worker = policies["pintle-coordinator"], policies["pintle-worker"]
    assert peers_of(coordinator["ingress"], "from") == {
        ("true", "grpc"), ("worker", "grpc"), ("monitoring", "metrics")
    }
    assert peers_of(coordinator["egress"], "to") == {("worker", 50052)}
    assert peers_of(worker["ingress"], "from") == {
        ("coordinator", "grpc"), ("monitoring", "metrics")
    }
    assert peers_of(worker["egress"], "to") == {("coordinator", 50051)}
    ports = {
        key[1]: port_of(flags_of(container_of(manifests[key]))["--listen"]) for key in WORKLOADS
    }
    assert ports == {"pintle-coordinator": 50051, "pintle-worker": 50052}


def test_there_is_one_coordinator_and_never_two():
    spec = rendered("base")["Deployment", "pintle-coordinator"]["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_the_namespace_asks_for_the_strictest_profile():
    labels = rendered("base")["Namespace", "pintle"]["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"

"""Exceptions: applied no wider than needed, and each named in the output."""

import pytest
from manifests import changed, container_of, everything, find, pod_of

from opea_pulumi.convert._security import ROOT_CAPABILITIES
from opea_pulumi.convert.kubernetes import objects, to_kubernetes

CASES = [
    # exceptions, level, capabilities added, read-only root, seccomp profile set
    ([], "restricted", [], True, True),
    (["host-ipc"], "restricted", [], True, True),
    (["SYS_NICE", "host-ipc"], "restricted", [], True, True),
    (["writable-root"], "restricted", [], False, True),
    (["root"], "baseline", list(ROOT_CAPABILITIES), True, True),
    (["unconfined"], "baseline", [], True, False),
    (["SYS_PTRACE"], "privileged", ["SYS_PTRACE"], True, True),
    (["root", "SYS_PTRACE"], "privileged", sorted([*ROOT_CAPABILITIES, "SYS_PTRACE"]), True, True),
    (["privileged"], "privileged", [], True, True),
]


@pytest.mark.parametrize(("names", "level", "added", "read_only", "confined"), CASES)
def test_exceptions(names, level, added, read_only, confined):
    security = {"exceptions": {name: f"because of {name}" for name in names}}
    blueprint = changed(everything(), "llm", security=security)
    blueprint = changed(blueprint, "graph-db", security={})
    made = objects(blueprint)
    item = find(made, "Deployment", "llm")
    context = container_of(item)["securityContext"]
    assert context["capabilities"] == {"drop": ["ALL"], **({"add": added} if added else {})}
    assert context["readOnlyRootFilesystem"] is read_only
    assert context["runAsNonRoot"] is ("root" not in names)
    assert context["runAsUser"] == (0 if "root" in names else 1000)
    assert context["allowPrivilegeEscalation"] is ("privileged" in names)
    assert ("seccompProfile" in context) is confined
    assert not {"hostIPC", "hostPID", "hostNetwork"} & pod_of(item).keys()
    labels = find(made, "Namespace", "ai")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == level
    assert labels["pod-security.kubernetes.io/warn"] == "restricted"
    text = to_kubernetes(blueprint).text.split("---\n")[0]
    assert ("Pod Security:" in text) is (level != "restricted")
    for name in names:
        assert name in text


def test_memory_stands_in_for_the_hosts_ipc():
    security = {"exceptions": {"host-ipc": "compose"}}
    pod = pod_of(find(objects(changed(everything(), "llm", security=security)), "Deployment", "llm"))
    folders = {volume["name"]: volume for volume in pod["volumes"]}
    assert folders["shm"]["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Gi"}


def test_a_low_port_needs_no_root():
    made = objects(everything())
    (sysctl,) = pod_of(find(made, "Deployment", "llm-server"))["securityContext"]["sysctls"]
    assert sysctl == {"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}
    assert "sysctls" not in pod_of(find(made, "Deployment", "llm"))["securityContext"]


def test_every_exception_of_an_annotation_stands_in_the_header():
    text = to_kubernetes(everything()).text
    header = text.split("---\n")[0]
    for item in objects(everything()):
        for key, value in item["metadata"].get("annotations", {}).items():
            if key.startswith("checkov.io/skip"):
                check, _, reason = value.partition("=")
                assert check.startswith("CKV")
                line = next(line for line in header.splitlines() if reason in line)
                assert item["metadata"]["name"] in line


def test_a_digest_a_high_user_and_no_secret_need_no_exception():
    image = "x/y@sha256:" + "0" * 64
    blueprint = changed(
        everything(), "router", image=image, security={"user": 10001, "group": 10001, "exceptions": {}}
    )
    assert "annotations" not in find(objects(blueprint), "Deployment", "router")["metadata"]

"""Security contexts: Pod Security *restricted*, and a workload's exceptions, each no wider than needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from opea_pulumi.blueprint import Workload
from opea_pulumi.convert._security import capabilities_for
from opea_pulumi.convert._security import exceptions_of as named_exceptions

from ._names import Object

Level = Literal["restricted", "baseline", "privileged"]
LEVELS: tuple[Level, ...] = ("restricted", "baseline", "privileged")

UNNEEDED = {
    "host-ipc": "here /dev/shm is a folder in memory, of the pod's own",
    "SYS_NICE": "the device plugin gives the cards, and upstream's charts run without it",
}
"""Exceptions that a container engine asks for and Kubernetes does not, with what stands in for them."""

BASELINE = {
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
}
"""What Pod Security *baseline* allows (k8s.io/pod-security-admission, check_capabilities_baseline)."""


def exceptions_of(workload: Workload) -> dict[str, str]:
    """The workload's exceptions that matter on Kubernetes, with their reasons, in a fixed order."""
    return {name: reason for name, reason in named_exceptions(workload).items() if name not in UNNEEDED}


def capabilities_of(workload: Workload) -> list[str]:
    """The capabilities that the container gets, by the exceptions."""
    return capabilities_for(exceptions_of(workload))


def level_of(workload: Workload) -> Level:
    """The Pod Security level that the workload's pods meet."""
    names = set(exceptions_of(workload))
    added = set(capabilities_of(workload))
    if "privileged" in names or added - BASELINE:
        return "privileged"
    # restricted allows to bind low ports, and no other capability
    return "baseline" if names & {"root", "unconfined"} or added - {"NET_BIND_SERVICE"} else "restricted"


def container_security(workload: Workload) -> Object:
    """``securityContext`` of the container.

    ``unconfined`` leaves the seccomp profile to the cluster, as upstream's charts do: to ask for
    *Unconfined* would need a privileged namespace.
    """
    names = exceptions_of(workload)
    security, root = workload.security, "root" in names
    added = capabilities_of(workload)
    capabilities: Object = {"drop": ["ALL"], "add": added} if added else {"drop": ["ALL"]}
    context: Object = {
        "runAsNonRoot": not root,
        "runAsUser": 0 if root else security.user,
        "runAsGroup": 0 if root else security.group,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": "writable-root" not in names,
        "capabilities": capabilities,
    }
    if "unconfined" not in names:
        context["seccompProfile"] = {"type": "RuntimeDefault"}
    if "privileged" in names:  # the API server refuses it without escalation
        context |= {"privileged": True, "allowPrivilegeEscalation": True}
    return context


def pod_security(workloads: Sequence[Workload]) -> Object:
    """``securityContext`` of the pod of these workloads' containers; the first is the main one."""
    names = {name for workload in workloads for name in exceptions_of(workload)}
    main = workloads[0]
    context: Object = {}
    if "root" not in names:
        context["runAsNonRoot"] = True
    context |= {"fsGroup": main.security.group or 1000, "fsGroupChangePolicy": "OnRootMismatch"}
    if min(main.port.number, *main.other_ports, 1024) < 1024:  # a process that is not root opens port 80
        context["sysctls"] = [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]
    return context

"""Claims, and the volumes of a pod.

A folder of the host is a PersistentVolume that the namespace's claim is bound to, not a hostPath volume of
the pod: Pod Security forbids those on every level but *privileged*.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from opea_pulumi.blueprint import Blueprint, Volume, Workload

from ._config import FILES, SECRETS, file_keys, files_name, secret_files, secret_mount, secret_volume
from ._index import index
from ._members import most_replicas
from ._names import Object, derived, metadata, namespace_of
from ._security import UNNEEDED

_SHM = "/dev/shm"  # noqa: S108 - a folder of the container
_SHM_SIZE = "1Gi"  # upstream's charts; for servers that share memory and say no size
_HUGEPAGES = "/hugepages-2Mi"


def claims(blueprint: Blueprint) -> list[Object]:
    """PersistentVolumeClaims (and the volumes of those on the host) that no StatefulSet makes itself."""
    wanted = [
        volume for volume in blueprint.volumes if not volume.claim and not _is_templated(blueprint, volume)
    ]
    claimed = [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": metadata(blueprint, claim_name(volume)),
            "spec": _claim_spec(blueprint, volume),
        }
        for volume in wanted
    ]
    return [*(_host_volume(blueprint, volume) for volume in wanted if volume.host_path), *claimed]


def claim_templates(blueprint: Blueprint, workload: Workload) -> list[Object]:
    """``volumeClaimTemplates`` of a store's StatefulSet."""
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim_name(volume)},
            "spec": _claim_spec(blueprint, volume),
        }
        for volume in mounted(blueprint, workload)
        if _is_templated(blueprint, volume)
    ]


def claim_name(volume: Volume) -> str:
    """The name of a volume's claim."""
    return volume.claim or derived(volume.name, "")


def access_mode(blueprint: Blueprint, volume: Volume) -> str:
    """``ReadWriteMany`` where pods on several nodes may mount the volume."""
    users = index(blueprint).users.get(volume.name, [])
    several = len(users) > 1 or any(most_replicas(item) > 1 for item in users)
    return "ReadWriteMany" if volume.shared or several else "ReadWriteOnce"


def mounted(blueprint: Blueprint, workload: Workload) -> list[Volume]:
    """The volumes of the workload's pod, each once."""
    members = index(blueprint).members[workload.name]
    names = dict.fromkeys(mount.volume for member in members for mount in member.mounts)
    return [index(blueprint).volumes[name] for name in names]


def pod_volumes(blueprint: Blueprint, workloads: Sequence[Workload]) -> list[Object]:
    """``volumes`` of the pod of these workloads' containers."""
    claimed = [item for item in mounted(blueprint, workloads[0]) if not _is_templated(blueprint, item)]
    volumes: dict[str, Object] = {
        derived(item.name, ""): {"persistentVolumeClaim": {"claimName": claim_name(item)}} for item in claimed
    }
    for workload in workloads:
        volumes |= {
            name: source for name, (_path, source) in _folders(workload).items() if name not in volumes
        }
        if file_keys(workload):
            volumes[FILES] = {"configMap": {"name": files_name(workload)}}
        if secret_files(workload):
            volumes[SECRETS] = secret_volume(blueprint, workload)
    return [{"name": name, **source} for name, source in volumes.items()]


def container_mounts(workload: Workload) -> list[Object]:
    """``volumeMounts`` of the workload's container."""
    mounts: list[Object] = []
    for mount in workload.mounts:
        entry: Object = {"name": derived(mount.volume, ""), "mountPath": mount.path}
        mounts.append({**entry, "readOnly": True} if mount.read_only else entry)
    mounts += [{"name": name, "mountPath": path} for name, (path, _source) in _folders(workload).items()]
    for path, key in file_keys(workload).items():
        mounts.append({"name": FILES, "mountPath": path, "subPath": key, "readOnly": True})
    return [*mounts, *secret_mount(workload)]


def _folders(workload: Workload) -> dict[str, tuple[str, Object]]:
    """Folders of the pod's own, by volume name: the path, and an emptyDir with its limit."""
    taken = {mount.path for mount in workload.mounts}
    kind = "init" if workload.role == "prefetch" else "dir"  # each container has its own
    size = workload.resources.ephemeral_storage
    found: dict[str, tuple[str, Object]] = {
        _folder_name(kind, path): (path, {"emptyDir": {"sizeLimit": size}})
        for path in workload.security.writable
        if path not in taken
    }
    shares = bool(set(workload.security.exceptions) & set(UNNEEDED))
    shared = workload.shared_memory or (_SHM_SIZE if shares else "")
    if shared and _SHM not in taken:
        found["shm"] = (_SHM, {"emptyDir": {"medium": "Memory", "sizeLimit": shared}})
    if workload.resources.hugepages:
        found["hugepages"] = (_HUGEPAGES, {"emptyDir": {"medium": "HugePages-2Mi"}})
    return found


def _folder_name(kind: str, path: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-")
    return derived(f"{kind}-{words}", "")


def _is_templated(blueprint: Blueprint, volume: Volume) -> bool:
    """Whether only one store mounts the volume, so that its StatefulSet claims it."""
    if volume.claim or volume.host_path or volume.shared:
        return False
    return [item.role for item in index(blueprint).users.get(volume.name, [])] == ["store"]


def _claim_spec(blueprint: Blueprint, volume: Volume) -> Object:
    spec: Object = {
        "accessModes": [access_mode(blueprint, volume)],
        "resources": {"requests": {"storage": volume.size}},
    }
    if volume.host_path:
        return {**spec, "storageClassName": "", "volumeName": _host_volume_name(blueprint, volume)}
    return {**spec, "storageClassName": volume.storage_class} if volume.storage_class else spec


def _host_volume(blueprint: Blueprint, volume: Volume) -> Object:
    described = metadata(blueprint, _host_volume_name(blueprint, volume))
    del described["namespace"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": described,
        "spec": {
            "capacity": {"storage": volume.size},
            "accessModes": [access_mode(blueprint, volume)],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": namespace_of(blueprint), "name": claim_name(volume)},
            "hostPath": {"path": volume.host_path, "type": "Directory"},
        },
    }


def _host_volume_name(blueprint: Blueprint, volume: Volume) -> str:
    return derived(f"{namespace_of(blueprint)}-{volume.name}", "", limit=253)

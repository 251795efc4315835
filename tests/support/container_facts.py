"""What a container is started with, as (kind, value), from two sides: `docker inspect`, and Compose's words.

Kinds: ``image``, ``entrypoint`` and ``arguments`` (JSON; without what exports secrets), ``environment``
(``NAME=value``, with ``<secret NAME>`` for a secret's value), ``health`` (its command) and ``patience`` (its
times), ``mount``, ``secrets`` (the volume with their files), ``tmpfs``, ``network``, ``published``,
``restart``, ``user``, ``root``, ``capability``, ``security``, ``runtime``, ``device``, ``cards``, ``group``,
``ipc``, ``shm``, ``memory``, ``reserved``, ``cpus``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docker_images import NAME
from format_facts import EXPORT

Fact = tuple[str, str]

_UNITS = {"k": 2**10, "m": 2**20, "g": 2**30}
_NANO = 10**9


def inspected(seen: Mapping[str, Any], image: Mapping[str, Any], prefix: str) -> set[Fact]:
    """The facts of a container from `docker inspect` of it and of its image, one of `stand_ins`.

    ``prefix`` is what the names of its networks and volumes begin with.
    """
    config, host, own = seen["Config"], seen["HostConfig"], image["Config"]
    facts = {("image", (own["Labels"] or {}).get(NAME, config["Image"]))}
    entrypoint = config["Entrypoint"] if config["Entrypoint"] != own["Entrypoint"] else []
    facts |= set(_start(entrypoint or []))
    facts |= {("arguments", json.dumps(config["Cmd"]))} if config["Cmd"] else set()
    facts |= {("environment", entry) for entry in config["Env"] or () if entry not in (own["Env"] or ())}
    facts |= set(_health(config.get("Healthcheck") or {}))
    facts |= {_mount(mount, prefix) for mount in host.get("Mounts") or ()}
    facts |= {("tmpfs", f"{path}:{options}") for path, options in (host.get("Tmpfs") or {}).items()}
    facts |= {("network", name.removeprefix(prefix)) for name in seen["NetworkSettings"]["Networks"]}
    facts |= set(_published(host["PortBindings"] or {}))
    facts |= set(_hosted(host))
    facts |= {("user", config["User"])} if config["User"] else set()
    return facts


def described(name: str, service: Mapping[str, Any], published: str = "") -> set[Fact]:
    """The facts of a service in Compose's words; ``published`` is where the host listens (ADDRESS:PORT)."""
    facts = {("image", service["image"]), *_start(service.get("entrypoint", []))}
    facts |= {("arguments", json.dumps(service["command"]))} if service.get("command") else set()
    facts |= {("environment", f"{key}={value}") for key, value in service.get("environment", {}).items()}
    if check := service.get("healthcheck"):
        facts |= {("health", json.dumps(check["test"]))}
        times = [check[key] for key in ("interval", "timeout", "start_period")]
        facts |= {("patience", f"{' '.join(times)} {check['retries']}")}
    for mount in service.get("volumes", ()):
        options = ["ro"] * mount.get("read_only", False) + ["nocopy"] * ("volume" in mount)
        facts |= {("mount", " ".join([mount["type"], mount["source"], mount["target"], *options]))}
    facts |= {("secrets", f"{name}-secrets")} if service.get("secrets") else set()
    facts |= {("tmpfs", entry) for entry in service.get("tmpfs", ())}
    mode = service.get("network_mode")
    facts |= {("network", each) for each in ([mode] if mode else service.get("networks", ["default"]))}
    facts |= {("published", f"{published} {entry.rpartition(':')[2]}") for entry in service.get("ports", ())}
    return facts | set(_limits(service))


def _start(words: Sequence[str]) -> Iterator[Fact]:
    """An entrypoint; the script that exports secrets before it is told as environment."""
    script = words[2] if len(words) > 2 and "/run/secrets/" in words[2] else ""
    for file, variable, value in EXPORT.findall(script):
        secret = f"<secret {file.strip(chr(39)).rpartition('/')[2]}>"
        yield "environment", f"{variable}={value}".replace(f'"$(cat {file})"', secret).replace("'", "")
    if script:
        assert EXPORT.sub("", script) == 'exec "$@"'
        words = words[4:]
    if words:
        yield "entrypoint", json.dumps(list(words))


def _health(check: Mapping[str, Any]) -> Iterator[Fact]:
    if check:
        times = [f"{check[key] // _NANO}s" for key in ("Interval", "Timeout", "StartPeriod")]
        yield "health", json.dumps(check["Test"])
        yield "patience", f"{' '.join(times)} {check['Retries']}"


def _mount(mount: Mapping[str, Any], prefix: str) -> Fact:
    if mount["Target"] == "/run/secrets":
        assert mount["ReadOnly"]
        return "secrets", mount["Source"].removeprefix(prefix)
    nocopy = (mount.get("VolumeOptions") or {}).get("NoCopy")
    options = ["ro"] * bool(mount.get("ReadOnly")) + ["nocopy"] * bool(nocopy)
    return "mount", " ".join([mount["Type"], mount["Source"].removeprefix(prefix), mount["Target"], *options])


def _published(bindings: Mapping[str, Any]) -> Iterator[Fact]:
    for port, rows in bindings.items():
        for row in rows:
            yield "published", f"{row['HostIp']}:{row['HostPort']} {port.removesuffix('/tcp')}"


def _hosted(host: Mapping[str, Any]) -> Iterator[Fact]:
    restart = host["RestartPolicy"]
    count = f":{restart['MaximumRetryCount']}" if restart["MaximumRetryCount"] else ""
    yield "restart", (restart["Name"] or "no") + count
    yield "root", "read-only" if host["ReadonlyRootfs"] else "writable"
    yield from (("capability", f"+{name}") for name in host["CapAdd"] or ())
    yield from (("capability", f"-{name}") for name in host["CapDrop"] or ())
    own = ["label=disable"] if host["IpcMode"] == "host" else []  # what Docker makes of it
    yield from (("security", option) for option in host["SecurityOpt"] or () if option not in own)
    yield from (("group", name) for name in host["GroupAdd"] or ())
    yield from (("device", row["PathOnHost"]) for row in host["Devices"] or ())
    for row in host.get("DeviceRequests") or ():
        yield "cards", f"{row['Driver']} {','.join(row['DeviceIDs'])}"
    if host["Runtime"] not in ("", "runc"):
        yield "runtime", host["Runtime"]
    if host["IpcMode"] != "private":
        yield "ipc", host["IpcMode"]
    if host["Privileged"]:
        yield "security", "privileged"
    if host["ShmSize"] != 64 * 2**20 and host["IpcMode"] != "host":
        yield "shm", str(host["ShmSize"])
    for kind, key in (("memory", "Memory"), ("reserved", "MemoryReservation")):
        if host[key]:
            yield kind, str(host[key])
    if host["NanoCpus"]:
        yield "cpus", f"{host['NanoCpus'] / _NANO:g}"


def _limits(service: Mapping[str, Any]) -> Iterator[Fact]:
    yield "restart", service.get("restart", "no")
    yield "root", "read-only" if service.get("read_only") else "writable"
    yield from (("capability", f"+{name}") for name in service.get("cap_add", ()))
    yield from (("capability", f"-{name}") for name in service.get("cap_drop", ()))
    yield from (("security", option) for option in service.get("security_opt", ()))
    yield from (("group", name) for name in service.get("group_add", ()))
    yield from (("device", path) for path in service.get("devices", ()))
    yield from ((kind, service[kind]) for kind in ("user", "runtime", "ipc") if kind in service)
    if service.get("privileged"):
        yield "security", "privileged"
    if "shm_size" in service:
        yield "shm", str(number(service["shm_size"]))
    resources = service["deploy"]["resources"]
    limits, reserved = resources["limits"], resources.get("reservations", {})
    yield "memory", str(number(limits["memory"]))
    if "memory" in reserved:
        yield "reserved", str(number(reserved["memory"]))
    if "cpus" in limits:
        yield "cpus", f"{float(limits['cpus']):g}"
    for row in reserved.get("devices", ()):
        yield "cards", f"{row['driver']} {','.join(row['device_ids'])}"


def number(size: str) -> int:
    """Bytes, of a size as Compose writes it."""
    return int(size[:-1]) * _UNITS[size[-1]]

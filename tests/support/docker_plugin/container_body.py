"""What Docker's API is asked for when a container is made: docker_container's create."""

from typing import Any

from .connection import ProviderError
from .fields import Values, seconds
from .simple import labels

MIB = 1024 * 1024


def body(inputs: Values) -> Values:
    """The request of `POST /containers/create`. Raises ProviderError."""
    return {**_config(inputs), "HostConfig": _host(inputs), "NetworkingConfig": {}}


def _config(inputs: Values) -> Values:
    if "" in (inputs.get("command") or []):
        raise ProviderError("values for command may not be empty")
    exposed, _ = _ports(inputs.get("ports") or [])
    volumes, _, _ = _volumes(inputs.get("volumes") or [])
    return _given(
        {
            "Image": inputs["image"],
            "Hostname": inputs.get("hostname"),
            "Domainname": inputs.get("domainname"),
            "Tty": bool(inputs.get("tty")),
            "OpenStdin": bool(inputs.get("stdinOpen")),
            "StopSignal": inputs.get("stopSignal"),
            "StopTimeout": inputs.get("stopTimeout") or None,
            "Env": inputs.get("envs"),
            "Cmd": inputs.get("command"),
            "Entrypoint": inputs.get("entrypoints"),
            "User": inputs.get("user"),
            "WorkingDir": inputs.get("workingDir"),
            "Labels": labels(inputs.get("labels")),
            "ExposedPorts": exposed,
            "Volumes": volumes,
            "Healthcheck": _healthcheck(inputs.get("healthcheck")),
        }
    )


def _healthcheck(check: Values | None) -> Values | None:
    if not check:
        return None
    return {
        "Test": check.get("tests") or [],
        "Interval": _nanoseconds(check.get("interval")),
        "Timeout": _nanoseconds(check.get("timeout")),
        "StartPeriod": _nanoseconds(check.get("startPeriod")),
        "Retries": check.get("retries") or 0,
        **({"StartInterval": start} if (start := _nanoseconds(check.get("startInterval"))) else {}),
    }


def _nanoseconds(text: str | None) -> int:
    return round(seconds(text or "0s") * 1e9)


def _host(inputs: Values) -> Values:
    _, bindings = _ports(inputs.get("ports") or [])
    _, binds, others = _volumes(inputs.get("volumes") or [])
    capabilities = inputs.get("capabilities") or {}
    security = inputs.get("securityOpts") or []
    unmasked = {"MaskedPaths": [], "ReadonlyPaths": []} if "systempaths=unconfined" in security else {}
    return _given(
        {
            "Privileged": bool(inputs.get("privileged")),
            "PublishAllPorts": bool(inputs.get("publishAllPorts")),
            "RestartPolicy": restart_policy(inputs),
            "Runtime": inputs.get("runtime"),
            "Mounts": [_mount(entry) for entry in inputs.get("mounts") or []],
            "AutoRemove": bool(inputs.get("rm")),
            "ReadonlyRootfs": bool(inputs.get("readOnly")),
            "LogConfig": {"Type": inputs.get("logDriver") or "", "Config": inputs.get("logOpts") or {}},
            "Tmpfs": inputs.get("tmpfs"),
            "PortBindings": bindings,
            "ExtraHosts": [f"{entry['host']}:{entry['ip']}" for entry in inputs.get("hosts") or []],
            "Binds": binds,
            "VolumesFrom": others,
            "Ulimits": [_ulimit(entry) for entry in inputs.get("ulimits") or []],
            "CapAdd": capabilities.get("adds"),
            "CapDrop": capabilities.get("drops"),
            "Devices": [_device(entry) for entry in inputs.get("devices") or []],
            "DeviceCgroupRules": inputs.get("deviceCgroupRules"),
            "DeviceRequests": _device_requests(inputs),
            "Dns": inputs.get("dns"),
            "DnsOptions": inputs.get("dnsOpts"),
            "DnsSearch": inputs.get("dnsSearches"),
            "SecurityOpt": [option for option in security if option != "systempaths=unconfined"],
            **unmasked,
            "ShmSize": (inputs.get("shmSize") or 0) * MIB or None,
            "NetworkMode": inputs.get("networkMode") or "bridge",
            "UsernsMode": inputs.get("usernsMode"),
            "PidMode": inputs.get("pidMode"),
            "Sysctls": inputs.get("sysctls"),
            "IpcMode": inputs.get("ipcMode"),
            "GroupAdd": inputs.get("groupAdds"),
            "CgroupnsMode": inputs.get("cgroupnsMode"),
            "CgroupParent": inputs.get("cgroupParent"),
            "Init": bool(inputs.get("init")),
            "StorageOpt": inputs.get("storageOpts"),
            **_cpu(inputs),
            **resources(inputs),
        }
    )


def restart_policy(inputs: Values) -> Values:
    """The restart policy."""
    return {"Name": inputs.get("restart") or "no", "MaximumRetryCount": inputs.get("maxRetryCount") or 0}


def resources(inputs: Values) -> Values:
    """What an update can change, too."""
    swap = inputs.get("memorySwap") or 0
    return _given(
        {
            "Memory": (inputs.get("memory") or 0) * MIB,
            "MemoryReservation": (inputs.get("memoryReservation") or 0) * MIB,
            "MemorySwap": (swap * MIB if swap > 0 else swap) or None,
            "CpuShares": inputs.get("cpuShares") or 0,
            "CpusetCpus": inputs.get("cpuSet") or "",
            "BlkioDeviceReadBps": _rates(inputs.get("deviceReadBps")),
            "BlkioDeviceReadIOps": _rates(inputs.get("deviceReadIops")),
            "BlkioDeviceWriteBps": _rates(inputs.get("deviceWriteBps")),
            "BlkioDeviceWriteIOps": _rates(inputs.get("deviceWriteIops")),
        }
    )


def _cpu(inputs: Values) -> Values:
    if inputs.get("cpus"):
        return {"NanoCpus": round(float(inputs["cpus"]) * 1e9)}
    return _given({"CpuPeriod": inputs.get("cpuPeriod"), "CpuQuota": inputs.get("cpuQuota")})


def _rates(entries: list[Values] | None) -> list[Values] | None:
    return [{"Path": entry["path"], "Rate": entry["rate"]} for entry in entries or []] or None


def _ulimit(entry: Values) -> Values:
    return {"Name": entry["name"], "Soft": entry["soft"], "Hard": entry["hard"]}


def _device(entry: Values) -> Values:
    return {
        "PathOnHost": entry["hostPath"],
        "PathInContainer": entry.get("containerPath") or entry["hostPath"],
        "CgroupPermissions": entry.get("permissions") or "rwm",
    }


def _device_requests(inputs: Values) -> list[Values]:
    if gpus := (inputs.get("gpus") or "").strip().strip("\"'"):
        return [_gpus(gpus)]
    return [
        {
            "Driver": entry.get("driver") or "cdi",
            "Count": entry.get("count") or 0,
            "DeviceIDs": entry.get("deviceIds") or [],
            "Capabilities": [entry.get("capabilities") or []],
            "Options": entry.get("options") or {},
        }
        for entry in inputs.get("deviceRequests") or []
    ]


def _gpus(text: str) -> Values:
    """`all`, a count, or `device=ID[,ID...]`, as `docker run --gpus` reads it."""
    request: Values = {"Driver": "", "Count": 0, "DeviceIDs": [], "Capabilities": [["gpu"]], "Options": {}}
    if text.startswith("device="):
        return {**request, "DeviceIDs": text.removeprefix("device=").split(",")}
    if text == "all":
        return {**request, "Count": -1}
    if text.isdecimal():
        return {**request, "Count": int(text)}
    raise ProviderError(f"Error setting gpus: unexpected key '{text.partition('=')[0]}' in '{text}'")


def _ports(entries: list[Values]) -> tuple[Values, Values]:
    exposed: Values = {}
    bindings: dict[str, list[Values]] = {}
    for entry in entries:
        port = f"{entry['internal']}/{entry.get('protocol') or 'tcp'}"
        exposed[port] = {}
        binding = {"HostPort": str(entry.get("external") or 0), "HostIp": entry.get("ip") or "0.0.0.0"}
        bindings.setdefault(port, []).append(binding)
    return exposed, bindings


def _volumes(entries: list[Values]) -> tuple[Values, list[str], list[str]]:
    paths: Values = {}
    binds: list[str] = []
    others: list[str] = []
    for entry in entries:
        other, path = entry.get("fromContainer"), entry.get("containerPath")
        source = entry.get("hostPath") or entry.get("volumeName")
        if not other and not path:
            raise ProviderError(
                "Unable to parse volumes: volume entry without container path or source container"
            )
        if other and path:
            raise ProviderError(
                "Unable to parse volumes: both a container and a path specified in a volume entry"
            )
        if other:
            others.append(other)
            continue
        paths[str(path)] = {}
        if source:
            mode = "ro" if entry.get("readOnly") else "rw"
            relabel = f",{entry['selinuxRelabel']}" if entry.get("selinuxRelabel") else ""
            binds.append(f"{source}:{path}:{mode}{relabel}")
    return paths, binds, others


def _mount(entry: Values) -> Values:
    mount: Values = {
        "Type": entry["type"],
        "Target": entry["target"],
        "Source": entry.get("source", ""),
        "ReadOnly": bool(entry.get("readOnly")),
    }
    if entry["type"] == "bind" and entry.get("bindOptions"):
        mount["BindOptions"] = {"Propagation": entry["bindOptions"].get("propagation", "")}
    if entry["type"] == "volume" and (options := entry.get("volumeOptions")):
        mount["VolumeOptions"] = _volume_options(options)
    if entry["type"] == "tmpfs" and (options := entry.get("tmpfsOptions")):
        mount["TmpfsOptions"] = {"SizeBytes": options.get("sizeBytes", 0), "Mode": options.get("mode", 0)}
    return mount


def _volume_options(options: Values) -> Values:
    return {
        "NoCopy": bool(options.get("noCopy")),
        "Labels": labels(options.get("labels")),
        "DriverConfig": {
            "Name": options.get("driverName", ""),
            "Options": options.get("driverOptions") or {},
        },
        **({"Subpath": options["subpath"]} if options.get("subpath") else {}),
    }


def _given(values: dict[str, Any]) -> Values:
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}

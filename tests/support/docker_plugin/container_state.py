"""What docker_container's read writes into the state, from what the engine says."""

from typing import Any

from .container_body import MIB
from .fields import Values, go_duration


def state(seen: Values, before: Values) -> Values:
    """The state of a container: what is read of it, over what was known.

    Environment, labels, uploads and volumes are never read: they stay as they were asked for.
    """
    config, host, running = seen["Config"], seen["HostConfig"], seen["State"]["Running"]
    after = {**before, **_scalars(seen, config, host), **_resources(host), **_lists(config, host, before)}
    after["bridge"] = seen["NetworkSettings"]["Bridge"]
    after["networkDatas"] = [_network(*item) for item in (seen["NetworkSettings"]["Networks"] or {}).items()]
    if before.get("ports") and (running or before.get("mustRun", True)):
        after["ports"] = _ports(seen["NetworkSettings"]["Ports"] or {})
    if not running:
        after["exitCode"] = seen["State"]["ExitCode"]
        if before.get("mustRun", True):
            after["mustRun"] = False  # a difference to what is asked for, so that an update starts it
    if config.get("Healthcheck"):
        after["healthcheck"] = _healthcheck(config["Healthcheck"])
    return after


def _scalars(seen: Values, config: Values, host: Values) -> Values:
    return {
        "name": seen["Name"].lstrip("/"),
        "rm": host["AutoRemove"],
        "readOnly": host["ReadonlyRootfs"],
        "hostname": config["Hostname"],
        "domainname": config["Domainname"],
        "user": config["User"],
        "publishAllPorts": host["PublishAllPorts"],
        "restart": host["RestartPolicy"]["Name"],
        "maxRetryCount": host["RestartPolicy"]["MaximumRetryCount"],
        "init": bool(host.get("Init")),
        "workingDir": config["WorkingDir"],
        "runtime": host.get("Runtime"),
        "platform": seen["Platform"],
        "privileged": host["Privileged"],
        "logDriver": host["LogConfig"]["Type"],
        "networkMode": host["NetworkMode"],
        "usernsMode": host["UsernsMode"],
        "ipcMode": host["IpcMode"],
        "tty": config["Tty"],
        "stdinOpen": config["OpenStdin"],
        "stopSignal": config.get("StopSignal"),
        "stopTimeout": config.get("StopTimeout"),
        "shmSize": host["ShmSize"] // MIB,
    }


def _resources(host: Values) -> Values:
    swap = host["MemorySwap"]
    nano = {"cpus": f"{host['NanoCpus'] / 1e9:g}"} if host.get("NanoCpus") else {}
    return {
        "memory": host["Memory"] // MIB,
        "memoryReservation": host["MemoryReservation"] // MIB,
        "memorySwap": swap // MIB if swap > 0 else swap,
        "cpuShares": host["CpuShares"],
        "cpuSet": host["CpusetCpus"],
        "deviceReadBps": _rates(host["BlkioDeviceReadBps"]),
        "deviceReadIops": _rates(host["BlkioDeviceReadIOps"]),
        "deviceWriteBps": _rates(host["BlkioDeviceWriteBps"]),
        "deviceWriteIops": _rates(host["BlkioDeviceWriteIOps"]),
        **nano,
    }


def _lists(config: Values, host: Values, before: Values) -> Values:
    found: dict[str, Any] = {
        "command": config["Cmd"] or [],
        "entrypoints": config["Entrypoint"] or [],
        "dns": host["Dns"] or [],
        "dnsOpts": host["DnsOptions"] or [],
        "dnsSearches": host["DnsSearch"] or [],
        "securityOpts": host["SecurityOpt"] or [],
        "groupAdds": host["GroupAdd"] or [],
        "mounts": [_mount(entry) for entry in host.get("Mounts") or []],
        "tmpfs": host.get("Tmpfs") or {},
        "hosts": [
            dict(zip(("host", "ip"), entry.split(":", 1), strict=True)) for entry in host["ExtraHosts"] or []
        ],
        "storageOpts": host.get("StorageOpt") or {},
        "sysctls": host.get("Sysctls") or {},
    }
    if host["CapAdd"] or host["CapDrop"]:
        found["capabilities"] = {"adds": host["CapAdd"] or [], "drops": host["CapDrop"] or []}
    found["image"] = config["Image"]
    if before.get("logOpts"):
        found["logOpts"] = host["LogConfig"]["Config"] or {}
    return found | _configured(host, before)


def _configured(host: Values, before: Values) -> Values:
    """What is read only where it was asked for."""
    found: Values = {}
    if before.get("ulimits"):
        found["ulimits"] = [
            {"name": each["Name"], "soft": each["Soft"], "hard": each["Hard"]}
            for each in host["Ulimits"] or []
        ]
    if before.get("devices"):
        pathed = {entry["hostPath"] for entry in before["devices"] if entry.get("containerPath")}
        found["devices"] = [_device(entry, pathed) for entry in host["Devices"] or []]
    if before.get("deviceRequests") and not before.get("gpus"):
        found["deviceRequests"] = [_request(entry) for entry in host["DeviceRequests"] or []]
    if before.get("pidMode"):
        found["pidMode"] = host["PidMode"]
    return found


def _device(entry: Values, pathed: set[str]) -> Values:
    source = entry["PathOnHost"]
    path = {"containerPath": entry["PathInContainer"]} if source in pathed else {}
    return {"hostPath": source, "permissions": entry["CgroupPermissions"], **path}


def _request(entry: Values) -> Values:
    return {
        "driver": entry["Driver"],
        "count": entry["Count"],
        "deviceIds": entry["DeviceIDs"] or [],
        "capabilities": (entry["Capabilities"] or [[]])[0],
        "options": entry["Options"] or {},
    }


def _rates(entries: list[Values] | None) -> list[Values]:
    return [{"path": entry["Path"], "rate": entry["Rate"]} for entry in entries or []]


def _network(name: str, data: Values) -> Values:
    return {
        "networkName": name,
        "ipAddress": data["IPAddress"],
        "ipPrefixLength": data["IPPrefixLen"],
        "gateway": data["Gateway"],
        "globalIpv6Address": data["GlobalIPv6Address"],
        "globalIpv6PrefixLength": data["GlobalIPv6PrefixLen"],
        "ipv6Gateway": data["IPv6Gateway"],
        "macAddress": data["MacAddress"],
    }


def _ports(known: dict[str, list[Values] | None]) -> list[Values]:
    return [
        {
            "internal": int(port.partition("/")[0]),
            "external": int(binding["HostPort"]),
            "ip": binding["HostIp"],
            "protocol": port.partition("/")[2],
        }
        for port in sorted(known, key=lambda name: int(name.partition("/")[0]))
        for binding in known[port] or []
    ]


def _mount(entry: Values) -> Values:
    mount = {
        "type": entry["Type"],
        "target": entry["Target"],
        "source": entry.get("Source", ""),
        "readOnly": entry.get("ReadOnly", False),
    }
    if options := entry.get("BindOptions"):
        mount["bindOptions"] = {"propagation": options.get("Propagation", "")}
    if options := entry.get("VolumeOptions"):
        driver = options.get("DriverConfig") or {}
        mount["volumeOptions"] = {
            "noCopy": options.get("NoCopy", False),
            "labels": [
                {"label": name, "value": value} for name, value in (options.get("Labels") or {}).items()
            ],
            "driverName": driver.get("Name", ""),
            "driverOptions": driver.get("Options") or {},
            "subpath": options.get("Subpath", ""),
        }
    if options := entry.get("TmpfsOptions"):
        mount["tmpfsOptions"] = {"sizeBytes": options.get("SizeBytes", 0), "mode": options.get("Mode", 0)}
    return mount


def _healthcheck(check: Values) -> Values:
    return {
        "tests": check.get("Test") or [],
        "interval": go_duration(check.get("Interval", 0)),
        "timeout": go_duration(check.get("Timeout", 0)),
        "startPeriod": go_duration(check.get("StartPeriod", 0)),
        "startInterval": go_duration(check.get("StartInterval", 0)),
        "retries": check.get("Retries", 0),
    }

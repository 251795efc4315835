"""Health checks that run inside of the container, with what its image has."""

from __future__ import annotations

from typing import Any

from opea_pulumi.blueprint import Workload
from opea_pulumi.convert._model import Loss

_TIMEOUT = 5
_RETRIES = 3


def healthcheck(workload: Workload) -> tuple[dict[str, Any] | None, list[Loss]]:
    """``healthcheck`` of a long-running service, and what it cannot see.

    While the start budget lasts, failures do not count; one success ends it.
    """
    test, losses = _test(workload)
    if not test:
        return None, losses
    health = workload.health
    check = {
        "test": test,
        "interval": f"{health.interval}s",
        "timeout": f"{_TIMEOUT}s",
        "retries": _RETRIES,
        "start_period": f"{health.start_budget}s",
    }
    return check, losses


def _test(workload: Workload) -> tuple[list[str], list[Loss]]:
    health, port = workload.health, workload.health.port or workload.port.number
    if health.command:
        return ["CMD", *health.command], []
    if health.path:
        test = _asks(workload, port)
        if test:
            return test, []
    test = _connect(workload, port)
    lost = "its health endpoint is not asked" if health.path and test else "no health check"
    if test and not health.path:
        return test, []
    return test, [Loss(workload.name, lost, "the image has nothing to ask with")]


def _asks(workload: Workload, port: int) -> list[str]:
    health = workload.health
    scheme = "https" if health.tls else "http"
    return _get(workload.http_client, f"{scheme}://127.0.0.1:{port}{health.path}", port, health.path)


def _get(client: str, url: str, port: int, path: str) -> list[str]:
    """A GET that fails unless the answer is 2xx; within the container no certificate is checked."""
    tls = url.startswith("https:")
    if client == "python":
        context = ", context=ssl._create_unverified_context()" if tls else ""
        modules = "ssl, urllib.request as r" if tls else "urllib.request as r"
        code = f"import {modules}; r.urlopen('{url}', timeout={_TIMEOUT}{context})"
        return ["CMD", "python3", "-c", code]
    if client == "curl":
        unchecked = ["-k"] if tls else []
        return ["CMD", "curl", "-fsS", *unchecked, "-o", "/dev/null", "--max-time", str(_TIMEOUT), url]
    if client == "wget":
        unchecked = ["--no-check-certificate"] if tls else []
        return ["CMD", "wget", "-q", *unchecked, "-O", "/dev/null", "-T", str(_TIMEOUT), url]
    if client == "bash" and not tls:
        request = f"GET {path} HTTP/1.0\\r\\nHost: 127.0.0.1\\r\\n\\r\\n"
        script = (
            f"exec 3<>/dev/tcp/127.0.0.1/{port} && printf '{request}' >&3 && "
            "read -r _ status _ <&3 && [[ $status == 2* ]]"
        )
        return ["CMD", "bash", "-c", script]
    return []


def _connect(workload: Workload, port: int) -> list[str]:
    """Whether the port accepts connections; without a client, whether the kernel lists it as listening."""
    if workload.http_client == "python":
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), {_TIMEOUT})"
        return ["CMD", "python3", "-c", code]
    if workload.http_client == "bash":
        return ["CMD", "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}"]
    if workload.shell:
        listening = f"grep -qE ':{port:04X} [0-9A-F:]+ 0A' /proc/net/tcp /proc/net/tcp6 2>/dev/null"
        return ["CMD", workload.shell, "-c", listening]
    return []

"""Probes of a container.

Start-up has the whole budget. Readiness asks what the catalogue says. Liveness only whether the port
still accepts connections: a server that is busy, or whose downstream is away, must not be restarted for it.
"""

from __future__ import annotations

from opea_pulumi.blueprint import Workload

from ._names import Object

_LIVENESS_PERIOD, _LIVENESS_FAILURES = 20, 6
_TIMEOUT = 5


def probes_of(workload: Workload) -> dict[str, Object]:
    """The three probes, by their key in a container."""
    health = workload.health
    asked = _action(workload)
    failures = max(1, -(-health.start_budget // health.interval))
    return {
        "startupProbe": {
            **asked,
            "periodSeconds": health.interval,
            "timeoutSeconds": _TIMEOUT,
            "failureThreshold": failures,
        },
        "readinessProbe": {
            **asked,
            "periodSeconds": max(health.interval, 5),
            "timeoutSeconds": _TIMEOUT,
            "failureThreshold": 3,
        },
        "livenessProbe": {
            "tcpSocket": {"port": workload.port.number},
            "periodSeconds": _LIVENESS_PERIOD,
            "timeoutSeconds": _TIMEOUT,
            "failureThreshold": _LIVENESS_FAILURES,
        },
    }


def only_a_port(workload: Workload) -> bool:
    """Whether all that can be asked of the workload is to accept connections."""
    return not workload.health.path and not workload.health.command


def _action(workload: Workload) -> Object:
    health = workload.health
    port = health.port or workload.port.number
    if health.path:
        asked = {"path": health.path, "port": port}
        return {"httpGet": {**asked, "scheme": "HTTPS"} if health.tls else asked}
    if health.command:
        return {"exec": {"command": list(health.command)}}
    return {"tcpSocket": {"port": port}}

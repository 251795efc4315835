"""What Prometheus' operator scrapes."""

from __future__ import annotations

from opea_pulumi.blueprint import Blueprint, Workload

from ._names import Object, derived, metadata
from ._pods import port_name

_ROLES = ("megaservice", "microservice", "router", "server")
_UNCHECKED = {"insecureSkipVerify": True}


def is_scraped(workload: Workload) -> bool:
    """Whether the workload serves ``/metrics``: OPEA's services, the model servers and the router do."""
    return workload.role in _ROLES and port_name(workload) in {"http", "https"}


def service_monitor(blueprint: Blueprint) -> Object:
    """One ServiceMonitor for the application."""
    instance = derived(blueprint.name, "")
    roles = {"key": "app.kubernetes.io/component", "operator": "In", "values": list(_ROLES)}
    chosen = {"matchLabels": {"app.kubernetes.io/instance": instance}, "matchExpressions": [roles]}
    asked: list[Object] = [{"port": "http", "path": "/metrics", "interval": "30s"}]
    if blueprint.settings.exposure.tls:  # the certificate is made for the name that users know
        asked.append({**asked[0], "port": "https", "scheme": "https", "tlsConfig": _UNCHECKED})
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": metadata(blueprint, instance),
        "spec": {"selector": chosen, "endpoints": asked},
    }

"""Plain Kubernetes manifests; one module per kind of object, shared with the kubernetes target."""

from ._autoscaling import METRIC, autoscaler
from ._check import check_names
from ._config import config_map, namespace, namespace_level, service_account
from ._controllers import controller, deployment, disruption_budget, stateful_set
from ._convert import to_kubernetes
from ._environment import AddressOf
from ._exposure import exposure, public_workload
from ._gates import GateException, gate_exceptions
from ._header import secret_commands
from ._members import pod_workloads, running
from ._monitoring import service_monitor
from ._names import Object, namespace_of
from ._network import default_deny, network_policy
from ._objects import objects
from ._pods import container, pod_spec, pod_template
from ._services import headless_service, service
from ._storage import claim_templates, claims

__all__ = [
    "METRIC",
    "AddressOf",
    "GateException",
    "Object",
    "autoscaler",
    "check_names",
    "claim_templates",
    "claims",
    "config_map",
    "container",
    "controller",
    "default_deny",
    "deployment",
    "disruption_budget",
    "exposure",
    "gate_exceptions",
    "headless_service",
    "namespace",
    "namespace_level",
    "namespace_of",
    "network_policy",
    "objects",
    "pod_spec",
    "pod_template",
    "pod_workloads",
    "public_workload",
    "running",
    "secret_commands",
    "service",
    "service_account",
    "service_monitor",
    "stateful_set",
    "to_kubernetes",
]

"""All objects of an application, in the order in which they are applied, with its patches."""

from __future__ import annotations

from collections.abc import Iterator

from opea_pulumi.blueprint import Blueprint
from opea_pulumi.convert._patch import Part, apply_patches

from ._autoscaling import autoscaler
from ._check import check_names
from ._config import config_map, namespace, service_account
from ._controllers import controller, disruption_budget
from ._exposure import exposure
from ._members import running
from ._monitoring import service_monitor
from ._names import Object, derived
from ._network import default_deny, network_policy
from ._services import headless_service, service
from ._storage import claims

TARGET = "kubernetes"
_NAME = "app.kubernetes.io/name"


def objects(blueprint: Blueprint) -> list[Object]:
    """The objects as plain data; a prefetch step has none of its own (see ``_members``).

    Raises:
        BlueprintError: a name is none that Kubernetes takes, files are larger than a ConfigMap may be,
            a patch fits nothing or fails.
    """
    check_names(blueprint)
    names = {derived(item.name, ""): item.name for item in blueprint.workloads}
    made = [
        Part(item, kind=item["kind"], workload=names.get(item["metadata"]["labels"].get(_NAME, ""), ""))
        for item in _all(blueprint)
    ]
    return apply_patches(made, [patch for patch in blueprint.patches if patch.target == TARGET])


def _all(blueprint: Blueprint) -> Iterator[Object]:
    workloads = running(blueprint)
    yield namespace(blueprint)
    yield service_account(blueprint)
    yield from claims(blueprint)
    yield from (made for item in workloads if (made := config_map(blueprint, item)))
    yield default_deny(blueprint)
    for make in (network_policy, service):
        yield from (make(blueprint, item) for item in workloads)
    yield from (headless_service(blueprint, item) for item in workloads if item.role == "store")
    yield from (controller(blueprint, item) for item in workloads)
    for optional in (disruption_budget, autoscaler):
        yield from (made for item in workloads if (made := optional(blueprint, item)))
    yield from exposure(blueprint)
    if blueprint.settings.monitoring:
        yield service_monitor(blueprint)

"""What plain manifests do not do, though the application asks for it: the blueprint does not hold it."""

from __future__ import annotations

from opea_pulumi.application import Application
from opea_pulumi.blueprint import Exposure

from ._model import Loss

_UNCHECKED = {
    "kubernetes": "the kubernetes target makes what checks it; plain manifests do not",
    "gmc": "GMC's router checks no key",
    "kserve": "KServe's own ingress decides",
}


def losses_of_application(application: Application, to: str, exposure: Exposure) -> tuple[Loss, ...]:
    """The losses of a format that is made from the blueprint alone."""
    deployment, place, found = application.deployment, "opea_deployment", []
    checked = exposure.keys and to == "kubernetes"
    if deployment.auth not in (None, "none") and not checked:
        found.append(Loss(f"{place}.auth", f"{deployment.auth}: nothing checks who asks", _UNCHECKED[to]))
    if deployment.address:
        why = "it is of one machine; here opea_deployment.expose says how users come in"
        found.append(Loss(f"{place}.address", deployment.address, why))
    if deployment.allocator:
        why = "targets allocate nodes; this is applied to a cluster that is there"
        found.append(Loss(f"{place}.allocator", str(deployment.allocator), why))
    return tuple(found)

"""Where users come in, and what stands at the door: one address, API keys and TLS of our router."""

from __future__ import annotations

from collections.abc import Iterable

from opea_pulumi.application import split_address
from opea_pulumi.errors import BlueprintError
from opea_pulumi.terms import Orchestrator

from ._model import EndpointValue, Exposure, SecretFileValue, Value, Workload
from ._plan import Plan, blueprint_error
from ._values import ROUTER

_ADDRESS, _TLS = "opea_deployment.address", "opea_deployment.tls"
_KEYS = {"OPEA_ROUTER_API_KEYS_FILE": "router-keys"}
_CERTIFICATE = {
    "OPEA_ROUTER_TLS_CERTIFICATE_FILE": "tls-certificate",
    "OPEA_ROUTER_TLS_KEY_FILE": "tls-key",
}
PURPOSES = {
    "router-keys": "who may ask and ingest: lines NAME:SCOPES:sha256:HEX (docs/router.md)",
    "tls-certificate": "the router's certificate and what is between it and its CA, as PEM",
    "tls-key": "the private key of the router's certificate, as PEM without a passphrase",
}
"""What the secrets are for that the router reads as files."""


def exposure_of(plan: Plan) -> Exposure:
    """The deployment's exposure.

    Raises:
        BlueprintError: TLS is asked for where nothing speaks it.
    """
    given = plan.application.deployment
    ours = plan.orchestrator is Orchestrator.ROUTER
    if given.tls and not ours:
        message = f"only this project's router speaks TLS, and here {_who(plan)}"
        hint = "choose orchestrator: router, or put a proxy with a certificate in front"
        raise blueprint_error("no-tls", message, _TLS, hint)
    address, port = split_address(given.address) if given.address else (None, None)
    return Exposure(
        kind=given.expose or "none",
        host=given.host or "",
        **({} if address is None else {"address": str(address)}),
        port=port,
        auth=given.auth or "none",
        keys=ours and given.auth == "api_key" and not given.ui,
        tls=bool(given.tls),
    )


def router_access(plan: Plan) -> dict[str, Value]:
    """The variables that tell the router where its keys and its certificate lie."""
    exposure = exposure_of(plan)
    files = {**(_KEYS if exposure.keys else {}), **(_CERTIFICATE if exposure.tls else {})}
    return {variable: SecretFileValue(secret=name) for variable, name in files.items()}


def check_exposure(plan: Plan, workloads: Iterable[Workload]) -> None:
    """See that nobody is let in by mistake.

    Raises:
        BlueprintError: what other machines reach checks nobody and encrypts nothing, and nobody said
            that it may; or a workload asks the router, and would have to know a key or trust a certificate.
    """
    exposure = exposure_of(plan)
    if exposure.tls:
        _check_callers(workloads)
    given = plan.application.deployment
    if exposure.is_public and not exposure.protected and not given.insecure_public:
        raise _unprotected(plan, exposure)


def _check_callers(workloads: Iterable[Workload]) -> None:
    for workload in workloads:
        if any(_asks_router(value) for value in workload.environment.values()):
            message = f"{workload.name} asks the router without TLS, so the router cannot speak it"
            hint = "leave the user interface out, or put a proxy with a certificate in front of it"
            raise blueprint_error("no-tls", message, _TLS, hint)


def _asks_router(value: Value) -> bool:
    return isinstance(value, EndpointValue) and value.workload == ROUTER


def _unprotected(plan: Plan, exposure: Exposure) -> BlueprintError:
    lacking = [
        what for what, there in (("checks who asks", exposure.keys), ("encrypts", exposure.tls)) if not there
    ]
    message = f"other machines reach {exposure.address}, and nothing there {' or '.join(lacking)}"
    accept = "--insecure-public (config opea:insecurePublic) accepts it as it is"
    if plan.orchestrator is not Orchestrator.ROUTER or plan.application.deployment.ui:
        hint = f"{_who(plan)}, with neither keys nor TLS; publish on 127.0.0.1 behind a proxy; {accept}"
    else:
        hint = f"set opea_deployment.auth: api_key and tls: true (docs/docker.md, Exposure); {accept}"
    return blueprint_error("public-unprotected", message, _ADDRESS, hint)


def _who(plan: Plan) -> str:
    if plan.application.deployment.ui:
        return "users come in by the user interface"
    return f"the orchestrator is {plan.orchestrator}"


def insecure(exposure: Exposure) -> str:
    """A warning about an exposure that lets anybody in; empty where there is nothing to warn of."""
    if not exposure.is_public or exposure.protected:
        return ""
    lacking = [] if exposure.keys else ["whoever reaches it may ask, ingest and delete"]
    lacking += [] if exposure.tls else ["whoever is on the way reads along"]
    return f"{exposure.address} can be reached from other machines: {'; '.join(lacking)}"


def refuse_exposure(exposure: Exposure, target: str) -> None:
    """For a target whose processes anybody on this machine may ask, and nobody else.

    Raises:
        BlueprintError: the application asks for keys, for TLS, or for another address.
    """
    asked = {
        _ADDRESS: exposure.address != "127.0.0.1" and f"listens on 127.0.0.1, not on {exposure.address}",
        "opea_deployment.auth": exposure.auth != "none" and f"checks no keys (auth: {exposure.auth})",
        _TLS: exposure.tls and "speaks no TLS",
    }
    for place, why in asked.items():
        if why:
            hint = "--target docker does; or lay a file over it in which that key is null"
            raise blueprint_error("target-exposure", f"target {target} {why}", place, hint)

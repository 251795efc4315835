"""The comment above the manifests: what they are, what must be there first, and the named exceptions."""

from __future__ import annotations

from collections.abc import Iterator

from opea_pulumi.blueprint import Blueprint, EndpointValue

from ._autoscaling import METRIC
from ._config import SECRET_KEY, namespace_level
from ._exposure import gateway_class, public_workload, tls_secret
from ._gates import gate_exceptions
from ._members import pod_workloads, running
from ._names import INGRESS_LABEL, MANAGER, SCRAPE_LABEL, derived, namespace_of
from ._security import UNNEEDED, exceptions_of, level_of
from ._storage import access_mode, claim_name

_RANDOM = '"$(openssl rand -hex 24)"'  # no character that an address would need to escape


def header(blueprint: Blueprint) -> str:
    """The comment, each line with its ``#``, and a newline at the end."""
    parts = [
        _what(blueprint),
        secret_commands(blueprint),
        _needs(blueprint),
        _reach(blueprint),
        _exceptions(blueprint),
    ]
    blocks = [block for part in parts if (block := list(part))]
    lines = [line for block in blocks for line in ("", *block)]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines[1:])


def _what(blueprint: Blueprint) -> Iterator[str]:
    yield f"{blueprint.name}: OPEA {blueprint.release} on {blueprint.hardware}, as Kubernetes manifests."
    yield "Made by opea-pulumi convert --to kubernetes; change the application, not this file."
    yield "Apply with: kubectl apply -f FILE"


def secret_commands(blueprint: Blueprint) -> Iterator[str]:
    """The commands for the Secrets that are not there already."""
    place = f"--namespace {namespace_of(blueprint)}"
    missing = [secret for secret in blueprint.secrets if not secret.existing]
    certificate = tls_secret(blueprint)
    if missing or certificate:
        yield "First the secrets (these files hold references only):"
        yield f"  kubectl create namespace {namespace_of(blueprint)}"
    required = _inside_addresses(blueprint)
    for secret in missing:
        value = _RANDOM if secret.generate else "..."
        given = f"--from-literal={secret.key or SECRET_KEY}={value}"
        yield f"  kubectl create secret generic {derived(secret.name, '')} {place} {given}"
        needed = secret.generate or secret.name in required
        yield f"    # {secret.purpose}{'' if needed else '; may be left out where it is not needed'}"
    if certificate:
        yield f"  kubectl create secret tls {certificate} {place} --cert=... --key=..."


def _inside_addresses(blueprint: Blueprint) -> set[str]:
    values = [value for item in blueprint.workloads for value in item.environment.values()]
    return {value.secret for value in values if isinstance(value, EndpointValue)} - {""}


def _needs(blueprint: Blueprint) -> Iterator[str]:
    """What the cluster must offer."""
    settings = blueprint.settings
    needs = [
        f"a storage class with ReadWriteMany for the claim {claim_name(volume)}"
        for volume in blueprint.volumes
        if not (volume.claim or volume.host_path) and access_mode(blueprint, volume) == "ReadWriteMany"
    ]
    needs += [
        f"on each node: the folder {volume.host_path}, for {volume.purpose}, which the pods' users may write"
        for volume in blueprint.volumes
        if volume.host_path
    ]
    needs += [
        f"the claim {volume.claim}, for {volume.purpose}" for volume in blueprint.volumes if volume.claim
    ]
    needs += [
        f"the Secret {secret.existing} with the key {secret.key or SECRET_KEY}, for {secret.purpose}"
        for secret in blueprint.secrets
        if secret.existing
    ]
    if not settings.image_registry:
        own = sorted({item.image for item in blueprint.workloads if item.image.startswith(f"{MANAGER}/")})
        needs += [f"the image {image} in a registry (set image_registry to it)" for image in own]
    cards = {item.resources.accelerator for item in blueprint.workloads if item.resources.accelerators}
    needs += [f"the device plugin of {card}" for card in sorted(cards - {""})]
    for item in blueprint.workloads:
        if item.autoscaling:
            series = " + ".join(item.autoscaling.series)
            needs.append(f"the pods' metric {METRIC} of {item.name}, from a metrics adapter: {series}")
    if settings.exposure.kind in {"ingress", "gateway"}:
        needs.append(f"on the namespace of what brings users in, the label {INGRESS_LABEL}=true")
    if settings.exposure.kind == "gateway":
        needs.append(
            f"the Gateway API, and the gateway class {gateway_class(blueprint)} (a patch names another)"
        )
    if settings.monitoring:
        needs.append(f"Prometheus' operator, and the label {SCRAPE_LABEL}=true on its namespace")
    if needs:
        yield "The cluster must have:"
        yield from (f"  - {need}" for need in needs)


def _reach(blueprint: Blueprint) -> Iterator[str]:
    if blueprint.settings.exposure.kind != "none":
        return
    public = public_workload(blueprint)
    port = public.port.requested or (public.port.number if public.port.number > 1023 else 8080)
    forwarded = f"service/{public.name} {port}:{public.port.number}"
    yield "Nothing is open to the outside. From your machine:"
    yield f"  kubectl port-forward --namespace {namespace_of(blueprint)} {forwarded}"
    if public.name == blueprint.route.workload:
        scheme = blueprint.settings.exposure.scheme
        yield f"  then POST to {scheme}://localhost:{port}{blueprint.route.endpoint}"
    else:
        yield f"  then open http://localhost:{port}"


def _exceptions(blueprint: Blueprint) -> Iterator[str]:
    """Each exception with its reason, and the workloads that have it."""
    level = namespace_level(blueprint)
    if level != "restricted":
        yield f"Pod Security: the namespace enforces {level} (and warns below restricted), because of"
        for member in (each for item in running(blueprint) for each in pod_workloads(blueprint, item)):
            if level_of(member) != "restricted":
                yield f"  - {member.name}: {', '.join(exceptions_of(member))}"
    found = _named(blueprint)
    if found:
        yield "Named exceptions:"
        for (name, reason), workloads in sorted(found.items()):
            yield f"  - {name}: {reason} ({', '.join(workloads)})"


def _named(blueprint: Blueprint) -> dict[tuple[str, str], list[str]]:
    """The workloads by name and reason of an exception."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in running(blueprint):
        for exception in gate_exceptions(pod_workloads(blueprint, item)):
            found.setdefault((exception.name, exception.reason), []).append(item.name)
        for name in sorted(set(item.security.exceptions) & set(UNNEEDED)):
            found.setdefault((name, f"not asked for: {UNNEEDED[name]}"), []).append(item.name)
    return found

"""The comment at the top of a compose file: what it is, how it runs, its secrets, what it is allowed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from opea_pulumi.blueprint import Blueprint, Secret
from opea_pulumi.catalog import docker_cards
from opea_pulumi.convert._security import exceptions_of

from ._devices import HOST_GROUP
from ._losses import FILES_REASON
from ._networks import url_of
from ._secrets import FOLDER, secrets_of
from ._volumes import owned_volumes, owner_name

_WIDTH = 110


def header(
    blueprint: Blueprint, cards: Mapping[str, tuple[int, ...]], loosened: Iterable[tuple[str, str]] = ()
) -> str:
    """Comment lines, the same for equal blueprints; ``loosened``: protection that patches changed."""
    paragraphs = [
        *_what(blueprint),
        *_secrets(blueprint),
        *_cards(blueprint, cards),
        *_exceptions(blueprint, loosened),
    ]
    return "".join(f"# {line}".rstrip() + "\n" for line in paragraphs)


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH - 2,
        initial_indent=indent,
        subsequent_indent=f"{indent}  " if indent else "",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _what(blueprint: Blueprint) -> Iterator[str]:
    kind = f"OPEA release {blueprint.release}, {blueprint.hardware}, orchestrator {blueprint.orchestrator}"
    name = blueprint.application or blueprint.name
    yield from _wrapped(f"{name} ({kind}) for Docker Compose, written by 'opea-pulumi convert'.")
    yield ""
    yield "Run:   docker compose up --detach --wait"
    yield f"Use:   {url_of(blueprint)}"
    yield "Stop:  docker compose down   (--volumes deletes its data, too)"
    yield ""
    yield from _wrapped(
        "Services reach each other by their names in a network without a way out; one port is published, on "
        f"{blueprint.settings.exposure.address}; only services that load models or call remote services are "
        "in the network 'outside'."
    )


def _secrets(blueprint: Blueprint) -> Iterator[str]:
    files = secrets_of(blueprint)
    if not files:
        return
    yield ""
    yield from _wrapped(
        f"Secrets are files of ./secrets (or of the folder in {FOLDER}), one line each; an empty one means "
        "none. Only you can open the folder; containers see only their own files:"
    )
    yield "  umask 022; mkdir -p -m 700 secrets"
    for secret in blueprint.secrets:
        if secret.name in files:
            yield f"  {_command(secret)} > secrets/{secret.name}"
            yield from _wrapped(f"({_purpose(secret)})", "    ")


def _command(secret: Secret) -> str:
    if secret.generate:
        return "openssl rand -hex 16"
    variables = secret.environment
    return f'printf %s "${variables[0]}"' if variables else "cat"


def _purpose(secret: Secret) -> str:
    return secret.purpose + (", any random text" if secret.generate else "")


def _cards(blueprint: Blueprint, cards: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    if not cards:
        return
    shares = [f"{name} {','.join(map(str, indexes))}" for name, indexes in cards.items()]
    count = sum(map(len, cards.values()))
    yield ""
    yield from _wrapped(f"Cards: this machine needs {count}, each for one service: {'; '.join(shares)}.")
    kinds = {workload.resources.accelerator for workload in blueprint.workloads}
    if any(row.host_group for kind, row in docker_cards().items() if kind in kinds):
        yield f"Before it runs: export {HOST_GROUP}=$(getent group render | cut -d: -f3)"


def _exceptions(blueprint: Blueprint, loosened: Iterable[tuple[str, str]]) -> Iterator[str]:
    lines = [
        f"{workload.name}: {name}: {reason}"
        for workload in blueprint.workloads
        for name, reason in exceptions_of(workload).items()
    ]
    lines += [f"{item.name}: writable-root: {FILES_REASON}" for item in blueprint.workloads if item.files]
    lines += [f"{name}: {keys}: patches of the application" for name, keys in loosened]
    if owner_name(blueprint):
        volumes = ", ".join(owned_volumes(blueprint))
        reason = f"it gives new volumes ({volumes}) to who writes them, and ends"
        lines.append(f"{owner_name(blueprint)}: root, CHOWN, FOWNER: {reason}")
    yield ""
    if not lines:
        yield "Every service runs without root, capabilities and a writable root file system."
        return
    yield from _wrapped("Services run without root, capabilities and a writable root file system, but for:")
    for line in lines:
        yield from _wrapped(line, "  ")

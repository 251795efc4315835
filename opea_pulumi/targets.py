"""What a target is, and how the installed ones are found (entry points ``opea_pulumi.targets``).

A target is where an application runs. This module imports no Pulumi package: a target's module
must not either, until its ``program`` runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from opea_pulumi.application import Loaded
from opea_pulumi.blueprint import Blueprint, build_blueprint
from opea_pulumi.errors import Location, OperationError, PreflightError, UsageError
from opea_pulumi.terms import Profile

if TYPE_CHECKING:
    from ssl import SSLContext

    from httpx import BaseTransport

DEFAULT = "local"
"""The target that is meant when nothing names one."""

OUTPUTS = ("application", "endpoints", "profile", "target", "url")
"""The stack outputs that every target gives.

``url``: where users send questions (the mega endpoint, whole); ``endpoints``: base URL by workload;
``application``: absolute path of its file; ``target`` and ``profile``: their names.
"""


@dataclass(frozen=True)
class Deployment:
    """One application on its way to a target; ``source`` is the absolute path of its file.

    ``definition`` is the application as unified YAML, if overlays or settings make it another than the file.
    """

    blueprint: Blueprint
    source: Path
    stack: str
    definition: str = ""


@dataclass(frozen=True)
class WorkloadStatus:
    """What one workload is doing: ``state`` is ``running``, ``unhealthy`` or ``stopped``.

    ``since`` is an ISO 8601 time, ``detail`` what the target adds (such as a process id).
    """

    name: str
    state: str
    url: str = ""
    since: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Check:
    """One thing that doctor looked at.

    ``state`` is ``ok``, ``missing`` (needed, and not there) or ``hint`` (there is something to know);
    ``detail`` is what was found, in figures; ``hint`` what to do.
    """

    name: str
    state: Literal["ok", "missing", "hint"]
    detail: str
    hint: str = ""


def unknown_workload(name: str, known: Iterable[str]) -> OperationError:
    """The error about a workload that a stack has not."""
    hint = f"one of {', '.join(known)}"
    return OperationError(f"no workload is named {name!r}", code="unknown-workload", hint=hint)


class Operations(Protocol):
    """What can be asked of a running stack, with the same words on every target."""

    def status(self) -> list[WorkloadStatus]:
        """The state of every workload, in the order in which they start."""
        ...

    def logs(self, workload: str, *, tail: int, follow: bool) -> Iterator[str]:
        """The last ``tail`` lines of a workload's log, and with ``follow`` those to come.

        Raises:
            OperationError: the stack has no such workload.
        """
        ...

    def data(self) -> list[str]:
        """The URNs of the resources that hold ingested data, if their deletion can be left out."""
        ...

    def transport(self, verify: SSLContext | bool = True) -> BaseTransport | None:
        """How the addresses of ``endpoints`` are reached from here; ``None``: as any other.

        ``verify`` says whose certificates are believed.
        """
        ...


class Target(Protocol):
    """A place where applications run."""

    @property
    def name(self) -> str:
        """The word on the command line."""
        ...

    @property
    def profiles(self) -> tuple[Profile, ...]:
        """The profiles that it can deploy, the default first."""
        ...

    def checks(self) -> Iterator[Check]:
        """What the target needs whatever the application, looked at; nothing is changed."""
        ...

    def environment(self) -> Mapping[str, str]:
        """Variables with which the engine's own plugins reach what this target means on this machine."""
        ...

    def preflight(self, deployment: Deployment) -> list[PreflightError]:
        """What is missing before anything is created; empty when nothing is."""
        ...

    def prepare(self, deployment: Deployment, resources: Sequence[Mapping[str, Any]]) -> Iterator[str]:
        """Clear up before an update what a killed one left; ``resources`` are the stack's, as exported.

        Yields what was done, a line each.
        """
        ...

    def explain(self, deployment: Deployment) -> Iterator[str]:
        """After an update that failed: what is wrong with what runs, a line each."""
        ...

    def program(self, deployment: Deployment) -> None:
        """The Pulumi program: registers resources and exports :data:`OUTPUTS`."""
        ...

    def operations(self, outputs: Mapping[str, Any], resources: list[Mapping[str, Any]]) -> Operations:
        """The operations of a deployed stack, from its outputs and its exported resources."""
        ...


def target_names() -> list[str]:
    """The names of the installed targets, sorted."""
    return sorted({point.name for point in entry_points(group="opea_pulumi.targets")})


def load_target(name: str) -> Target:
    """An installed target.

    Raises:
        UsageError: none has that name.
    """
    for point in entry_points(group="opea_pulumi.targets", name=name):
        target: Target = point.load()
        return target
    hint = f"one of {', '.join(target_names())}"
    raise UsageError(f"no target is named {name!r}", code="unknown-target", hint=hint)


def blueprint_for(target: Target, loaded: Loaded, profile: str | None = None) -> Blueprint:
    """What a target deploys of an application; ``profile`` goes over the application's own.

    Raises:
        OpeaError: the application does not fit the target; the place in its file is named.
    """
    with loaded.locating():
        own = loaded.application.deployment.profile
        place = "" if profile else "opea_deployment.profile"
        chosen = choose_profile(target, profile or own, place)
        return build_blueprint(
            loaded.application, name=loaded.name, profile=chosen, files=loaded.files, digests=loaded.digests
        )


def choose_profile(target: Target, asked: str | None, place: str = "") -> Profile:
    """The profile that a target deploys; ``place`` is the key path of the one that was asked for.

    Raises:
        UsageError: the target cannot deploy the one that was asked for.
    """
    if not asked:
        return target.profiles[0]
    for profile in target.profiles:
        if profile == asked:
            return profile
    offered = ", ".join(target.profiles)
    message = f"target {target.name} cannot deploy profile '{asked}'"
    location = Location(path=place) if place else None
    raise UsageError(message, code="profile-target", location=location, hint=f"it deploys {offered}")

"""What the containers of one application share: names, labels, images, networks, volumes, secrets."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from ipaddress import ip_address
from typing import Any, Self
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import pulumi
import pulumi_docker as docker

from opea_pulumi.blueprint import Exposure, Workload
from opea_pulumi.convert.compose import Containers
from opea_pulumi.docker_engine import engine_address
from opea_pulumi.errors import OperationError
from opea_pulumi.terms import PROJECT

from ._arguments import arguments_of, runs_once, start_seconds
from ._present import Present
from .cards import allot

LABEL = "opea."
"""What our labels begin with: ``opea.project``, ``opea.stack``, ``opea.application``, ``opea.workload``."""

SECRETS = "/run/secrets"
_MINUTE = 60
_AGAIN = 0.5


@dataclass(frozen=True)
class Published:
    """Where the host listens for the one published port; ``base`` is the URL without the port, for users."""

    address: str
    port: int
    base: str

    @classmethod
    def of(cls, exposure: Exposure, port: int) -> Self:
        """An application's exposure at a port; on another host, all addresses are those of its name."""
        reached, engine = exposure.reached, engine_host()
        if engine and ip_address(exposure.address).is_unspecified and reached != exposure.host:
            reached = engine
        return cls(exposure.address, port, f"{exposure.scheme}://{reached}")

    @property
    def url(self) -> str:
        """For a client on the host."""
        return f"{self.base}:{self.port}"


def engine_host() -> str:
    """The name of the host that the engine is on; empty when that is this one, or unknown."""
    try:
        address = engine_address()
    except OperationError:
        return ""
    host = "" if address.is_local else urlsplit(address.url).hostname or ""
    return f"[{host}]" if ":" in host else host


@dataclass
class Site:
    """Makes the resources of one application; ``owner`` is the component that they belong to."""

    owner: pulumi.Resource
    name: str
    containers: Containers
    secrets: Mapping[str, pulumi.Input[str]]
    network: pulumi.Input[str] | None = None
    made: dict[str, docker.Container] = field(default_factory=dict)
    _images: dict[str, docker.RemoteImage] = field(default_factory=dict)

    @cached_property
    def prefix(self) -> str:
        """What names on the engine begin with: they are unique on a host, whoever deploys there."""
        return prefix_of(self.name)

    @cached_property
    def present(self) -> Present:
        """What the engine runs already under these names."""
        return Present()

    def labels(self, **more: str) -> list[Any]:
        """Our labels, sorted, for a resource."""
        known = {
            "project": pulumi.get_project(),
            "stack": pulumi.get_stack(),
            "application": self.name,
            **more,
        }
        return [{"label": LABEL + key, "value": value} for key, value in sorted(known.items())]

    def called(self, key: str) -> str:
        """The name of a container on the engine."""
        return called(self.name, key)

    def opts(self, parent: pulumi.Resource | None = None, **more: Any) -> pulumi.ResourceOptions:
        """Options of a resource below a component."""
        return pulumi.ResourceOptions(parent=parent or self.owner, **more)

    @cached_property
    def networks(self) -> dict[str, pulumi.Input[str]]:
        """The name on the engine of each network."""
        if self.network is not None:
            return dict.fromkeys(self.containers.networks, self.network)
        return {key: self._network(key, options) for key, options in self.containers.networks.items()}

    def _network(self, key: str, options: Mapping[str, Any]) -> pulumi.Output[str]:
        network = docker.Network(
            f"{self.name}-{key}",
            name=f"{self.prefix}-{key}",
            internal=options.get("internal", False),
            options=options.get("driver_opts"),
            labels=self.labels(),
            opts=self.opts(delete_before_replace=True),
        )
        return network.name

    @cached_property
    def volumes(self) -> dict[str, pulumi.Output[str]]:
        """The name on the engine of each volume."""
        return {key: self._volume(key, self.owner) for key in self.containers.volumes}

    def _volume(self, key: str, parent: pulumi.Resource, **labels: str) -> pulumi.Output[str]:
        volume = docker.Volume(
            f"{self.name}-{key}",
            name=f"{self.prefix}-{key}",
            labels=self.labels(**labels),
            opts=self.opts(parent, delete_before_replace=True),
        )
        return volume.name

    def image(self, reference: str) -> pulumi.Output[str]:
        """The id of an image, which stays on the engine when the stack goes."""
        if reference not in self._images:
            self._images[reference] = docker.RemoteImage(
                f"{self.name}-{plain(reference)}", name=reference, keep_locally=True, opts=self.opts()
            )
        return self._images[reference].image_id

    def container(
        self,
        key: str,
        parent: pulumi.Resource,
        published: Published | None = None,
        extra: Sequence[pulumi.Input[str]] = (),
        words: Mapping[str, pulumi.Input[str]] | None = None,
        alias: str = "",
    ) -> docker.Container:
        """The container of a service.

        ``extra`` are more ``NAME=value`` of its environment, ``words`` what stands for words of its command,
        ``alias`` is another name of it in its networks.
        """
        service = self.containers.services[key]
        arguments = arguments_of(service)
        mounts: list[Any] = [self._mount(entry) for entry in service.get("volumes", ())]
        labels: dict[str, Any] = {"workload": key}
        holder = self._secrets(key, service, parent)
        if holder is not None:
            mounts.append({**_volume_mount(holder[0], SECRETS), "read_only": True})
            # other contents are another holder, and a process reads its secrets when it starts
            labels["secrets"] = holder[1].id
        if runs_once(service):
            labels.update(self.present.attempt(self.called(key)))
        if published is not None:
            port = int(service["ports"][0].rpartition(":")[2])
            arguments["ports"] = [{"internal": port, "external": published.port, "ip": published.address}]
        if words:
            arguments["command"] = [words.get(word, word) for word in arguments["command"]]
        if extra:
            arguments["envs"] = [*arguments.get("envs", ()), *extra]
        seconds = start_seconds(service) + 10 * _MINUTE
        container = docker.Container(
            f"{self.name}-{key}",
            name=self.called(key),
            image=self._after(service),
            labels=[*self.labels(**labels), *_own_labels(service)],
            mounts=mounts or None,
            uploads=self._files(service) or None,
            **self._network_arguments(service, sorted({key, alias or key})),
            **arguments,
            opts=self.opts(
                parent,
                depends_on=[self.made[name] for name in service.get("depends_on", ()) if name in self.made],
                delete_before_replace=True,  # its name and its port are its own
                # the provider takes these for changes in place, and then changes nothing
                replace_on_changes=["healthcheck", "mounts", "tmpfs"],
                custom_timeouts=pulumi.CustomTimeouts(create=f"{seconds}s", update=f"{seconds}s"),
            ),
        )
        self.made[key] = container
        return container

    def _after(self, service: Mapping[str, Any]) -> pulumi.Output[str]:
        """The image's id, once the steps before have ended well: the provider does not look how they end."""
        steps = [
            name
            for name, condition in service.get("depends_on", {}).items()
            if condition["condition"] == "service_completed_successfully" and name in self.made
        ]
        names = [self.called(name) for name in steps]
        known = [self.made[name].id for name in steps]
        return pulumi.Output.all(self.image(service["image"]), *known).apply(
            lambda ids: self._go_on(ids, names)
        )

    async def _go_on(self, ids: Sequence[str], steps: Sequence[str]) -> str:
        for step in steps:
            # the provider waits for the end of the first try only
            while (failure := await asyncio.to_thread(self.present.failure, step)) is None:  # noqa: ASYNC110 - an engine tells no event
                await asyncio.sleep(_AGAIN)
            if failure:
                raise pulumi.RunError(failure)
        return ids[0]

    def _network_arguments(self, service: Mapping[str, Any], aliases: list[str]) -> dict[str, Any]:
        if "network_mode" in service:
            return {"network_mode": service["network_mode"]}
        names = service.get("networks", ["default"])
        joined = names if self.network is None else names[:1]
        # no network_mode: the engine forgets a container's aliases in the network that it is created in
        return {"networks_advanced": [{"name": self.networks[name], "aliases": aliases} for name in joined]}

    def _mount(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        source = entry["source"] if entry["type"] == "bind" else self.volumes[entry["source"]]
        read_only = {"read_only": True} if entry.get("read_only") else {}
        options = {"volume_options": {"no_copy": True}} if entry.get("volume", {}).get("nocopy") else {}
        return {"type": entry["type"], "source": source, "target": entry["target"], **read_only, **options}

    def _files(self, service: Mapping[str, Any]) -> list[Any]:
        """The application's own files: sent to the engine, which may be on another machine."""
        given = {
            entry["target"]: self.containers.configs[entry["source"]] for entry in service.get("configs", ())
        }
        return [
            {"file": target, "content": config["content"], "permissions": "0444"}
            for target, config in given.items()
        ]

    def _secrets(
        self, key: str, service: Mapping[str, Any], parent: pulumi.Resource
    ) -> tuple[pulumi.Output[str], docker.Container] | None:
        """A volume with the service's secrets as files, and the container that never runs but put them there.

        Docker takes no file into a read-only container, and what it takes as environment or label it shows.
        """
        given = [name for name in service.get("secrets", ()) if name in self.secrets]
        if not given:
            return None
        volume = self._volume(f"{key}-secrets", parent, role="secrets")
        holder = docker.Container(
            f"{self.name}-{key}-secrets",
            name=f"{self.prefix}-{key}-secrets",
            image=self.image(service["image"]),
            start=False,
            must_run=False,
            network_mode="none",
            mounts=[_volume_mount(volume, SECRETS)],
            uploads=[
                {"file": f"{SECRETS}/{name}", "content": self.secrets[name], "permissions": "0444"}
                for name in given
            ],
            labels=self.labels(workload=key, role="secrets"),
            opts=self.opts(parent, delete_before_replace=True),
        )
        return volume, holder


def _own_labels(service: Mapping[str, Any]) -> list[Any]:
    """The application's own."""
    return [{"label": key, "value": value} for key, value in service.get("labels", {}).items()]


def _volume_mount(volume: pulumi.Output[str], target: str) -> Any:
    return {"type": "volume", "source": volume, "target": target}


def prefix_of(application: str) -> str:
    """What the names of an application's containers, networks and volumes begin with."""
    project, stack = pulumi.get_project(), pulumi.get_stack()
    own = stack if stack == application or stack.startswith(f"{application}-") else f"{stack}-{application}"
    return plain(own if project == PROJECT else f"{project}-{own}")


def called(application: str, key: str) -> str:
    """The name on the engine of an application's container."""
    prefix = prefix_of(application)
    return prefix if key == application else f"{prefix}-{key}"


def cards_of(application: str, workloads: Sequence[Workload]) -> dict[str, tuple[int, ...]]:
    """The indexes of cards for each workload that has some; other components of the program have others.

    Raises:
        PreflightError: too few are free.
    """
    kinds = {item.name: item.resources.accelerator for item in workloads if item.resources.accelerators}
    if not kinds:
        return {}
    own = {LABEL + "project": pulumi.get_project(), LABEL + "stack": pulumi.get_stack()}
    own[LABEL + "application"] = application
    containers = Present().containers
    ours = [name for name, shown in containers.items() if own.items() <= _labels(shown).items()]
    program = _ALLOTTED.setdefault(asyncio.get_running_loop(), {})
    taken: dict[str, set[int]] = {}
    for other, (kind, indexes) in program.items():
        if other not in {called(application, name) for name in kinds}:
            taken.setdefault(kind, set()).update(indexes)
    found = allot(workloads, partial(called, application), containers, ours, taken)
    program.update({called(application, name): (kinds[name], found[name]) for name in found})
    return found


_ALLOTTED: MutableMapping[asyncio.AbstractEventLoop, dict[str, tuple[str, tuple[int, ...]]]] = (
    WeakKeyDictionary()
)
"""For each program that runs: kind and indexes of the cards by the container that gets them."""


def _labels(shown: Mapping[str, Any]) -> Mapping[str, str]:
    return (shown.get("Config") or {}).get("Labels") or {}


def plain(text: str) -> str:
    """A text as a part of names."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)

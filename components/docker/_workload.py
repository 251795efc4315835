"""What the components of single workloads share: how one is made alone, how as part of an application."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self
from urllib.parse import urlsplit

import pulumi

from opea_pulumi.application import parse_application
from opea_pulumi.blueprint import Blueprint, EndpointValue, Workload, build_blueprint
from opea_pulumi.convert.compose import containers_of
from opea_pulumi.errors import OpeaError
from opea_pulumi.terms import Orchestrator, Profile

from ._site import Published, Site, cards_of, plain

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Part:
    """Some services of a site, in start order, the last of them the one that others call.

    ``extra`` are more ``NAME=value`` of that one's environment, ``words`` stand for words of its command.
    ``alias`` is its name in the network, ``scheme`` what it speaks.
    """

    site: Site
    keys: tuple[str, ...]
    port: int
    published: Published | None = None
    extra: tuple[pulumi.Input[str], ...] = ()
    words: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    alias: str = ""
    scheme: str = "http"


class DockerWorkload(pulumi.ComponentResource):
    """A container that serves, with the steps that run before it."""

    url: pulumi.Output[str]
    """Base URL for other containers of its network."""
    published_url: pulumi.Output[str]
    """Base URL for the host; empty when nothing is published."""
    container: pulumi.Output[str]
    """The container's name."""

    def _begin(self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(f"opea:index:{type(self).__name__}", name, hidden(inputs), opts)

    def _finish(self, part: Part) -> None:
        containers = [part.site.container(key, self) for key in part.keys[:-1]]
        main = part.site.container(part.keys[-1], self, part.published, part.extra, part.words, part.alias)
        containers.append(main)
        # known when the container serves
        self.url = main.id.apply(lambda _: f"{part.scheme}://{part.alias or part.keys[-1]}:{part.port}")
        url = part.published.url if part.published else ""
        self.published_url = main.id.apply(lambda _: url)
        self.container = main.name
        outputs = {"url": self.url, "published_url": self.published_url, "container": self.container}
        self.register_outputs(outputs)

    @classmethod
    def of(cls, name: str, part: Part, opts: pulumi.ResourceOptions) -> Self:
        """The component for services that an application has made already."""
        self = cls.__new__(cls)
        self._begin(name, {}, opts)
        self._finish(part)
        return self


def hidden(args: Mapping[str, Any]) -> dict[str, Any]:
    """A component's arguments as the state holds them: secret ones are secret, even if given in plain."""
    secret = {key: pulumi.Output.secret(args[key]) for key in ("secrets", "environment") if args.get(key)}
    return {**args, **secret}


def alone(
    owner: pulumi.Resource,
    name: str,
    blueprint: Blueprint,
    wanted: Iterable[Workload],
    args: Mapping[str, Any],
    words: Mapping[str, pulumi.Input[str]] | None = None,
) -> Part:
    """Workloads of a blueprint, in start order, without the others; ``args`` are the component's.

    ``network``, ``port``, ``secrets``, ``environment`` and ``endpoints`` (base URLs of what it calls, by
    the workload's name or type) are read from ``args``.
    """
    chosen = list(wanted)
    names = {workload.name for workload in chosen}
    main = chosen[-1]
    elsewhere = {
        variable: value
        for variable, value in main.environment.items()
        if isinstance(value, EndpointValue) and value.workload not in names
    }
    kept = {key: value for key, value in main.environment.items() if key not in elsewhere}
    chosen[-1] = main = main.model_copy(update={"environment": kept})
    used = {mount.volume for workload in chosen for mount in workload.mounts}
    port = args.get("port")
    route = blueprint.route.model_copy(update={"workload": main.name if port else ""})
    reduced = blueprint.model_copy(
        update={
            "name": name,
            "workloads": tuple(chosen),
            "volumes": tuple(volume for volume in blueprint.volumes if volume.name in used),
            "route": route,
            "ui": main.name if port else "-",
            "patches": (),
        }
    )
    containers = containers_of(reduced, cards=cards_for(name, reduced))
    site = Site(owner, name, containers, secrets_of(args), args.get("network"))
    extra = [*_environment(args), *_elsewhere(blueprint, elsewhere, args)]
    scheme = "https" if main.health.tls else "http"
    published = Published(LOOPBACK, int(port), f"{scheme}://{LOOPBACK}") if port else None
    keys = [key for key in containers.services if key not in names]
    keys += [workload.name for workload in chosen]
    alias = plain(name) if args.get("network") is not None else ""
    return Part(site, tuple(keys), main.port.number, published, tuple(extra), words or {}, alias, scheme)


def cards_for(name: str, blueprint: Blueprint) -> dict[str, tuple[int, ...]]:
    """The indexes of cards for each workload of an application that has some.

    Raises:
        pulumi.RunError: too few are free.
    """
    try:
        return cards_of(name, blueprint.workloads)
    except OpeaError as error:
        raise pulumi.RunError(str(error)) from None


def secrets_of(args: Mapping[str, Any]) -> Mapping[str, pulumi.Input[str]]:
    """The values of a component's secrets, secret even if they were given in plain."""
    given: Mapping[str, Any] = args.get("secrets") or {}
    return {name: pulumi.Output.secret(value) for name, value in given.items()}


def _environment(args: Mapping[str, Any]) -> list[pulumi.Output[str]]:
    given: Mapping[str, Any] = args.get("environment") or {}
    return [pulumi.Output.concat(name, "=", value) for name, value in sorted(given.items())]


def _elsewhere(
    blueprint: Blueprint, values: Mapping[str, EndpointValue], args: Mapping[str, Any]
) -> list[pulumi.Output[str]]:
    """The variables with addresses of what runs elsewhere, as far as ``endpoints`` names it."""
    endpoints: Mapping[str, Any] = args.get("endpoints") or {}
    entries = []
    for variable, value in sorted(values.items()):
        workload = blueprint.workload(value.workload)
        given = given_endpoint(workload, endpoints)
        if given is None:
            if variable in (args.get("environment") or {}):
                continue
            message = f"give the base URL of {workload.name}, which {variable} needs"
            raise pulumi.InputPropertyError("endpoints", message)
        text = pulumi.Output.from_input(given).apply(partial(_address, value.format))
        entries.append(pulumi.Output.concat(variable, "=", text))
    return entries


def given_endpoint(workload: Workload, endpoints: Mapping[str, Any]) -> pulumi.Input[str] | None:
    """The base URL that is given for a workload, by its name or type."""
    return next((endpoints[key] for key in (workload.name, workload.type) if key in endpoints), None)


def _address(form: str, url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return form.format(host=parts.hostname or "", port=port)


def blueprint_of(
    definition: str, name: str, args: Mapping[str, Any], *, orchestrator: Orchestrator | None = None
) -> Blueprint:
    """The blueprint of an application as text, in the profile that ``args`` ask for.

    Raises:
        pulumi.RunError: the application is wrong; the message says how.
    """
    try:
        application = parse_application(definition, file="definition")
        profile = Profile(args["profile"]) if args.get("profile") else None
        if profile is Profile.EMBEDDED:  # has one orchestrator only, which a single workload leaves aside
            orchestrator = None
        return build_blueprint(application, name=name, profile=profile, orchestrator=orchestrator)
    except OpeaError as error:
        raise pulumi.RunError(str(error)) from None


def present(args: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Those of the arguments that are given."""
    return {name: args[name] for name in names if args.get(name) is not None}

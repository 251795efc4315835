"""Blueprint = f(Application, profile, release, hardware)."""

from __future__ import annotations

from collections.abc import Mapping

from opea_pulumi.application import Application, ServiceModel, slug
from opea_pulumi.catalog import (
    DEFAULT_RELEASE,
    Environment,
    Reference,
    Release,
    ResourcesRow,
    ServerRow,
    ServiceRow,
    StoreRow,
    load_release,
)
from opea_pulumi.terms import Hardware, Profile

from ._complete import complete
from ._flow import blueprint_error, build_flow, is_external, key_secret, service_path, step_keys, steps_of
from ._model import (
    Blueprint,
    EndpointValue,
    Health,
    LiteralValue,
    Mount,
    PathValue,
    Port,
    Resources,
    Route,
    Secret,
    SecretValue,
    Security,
    Value,
    Volume,
    Workload,
)

ROUTER = "router"


def build_blueprint(
    application: Application,
    *,
    name: str,
    profile: Profile | None = None,
    release: str | None = None,
    hardware: Hardware | None = None,
) -> Blueprint:
    """Build the blueprint of an application.

    What is ``None`` is taken from the application, else the default: profile ``opea``, the
    profile's release, ``xeon``.

    Raises:
        BlueprintError: a service that the release does not offer, a missing ``url``, a flow that
            the router does not run.
        CatalogError: an unknown release or application.
    """
    deployment = application.deployment
    chosen = profile or deployment.profile or Profile.OPEA
    row = load_release(release or application.release or DEFAULT_RELEASE[chosen])
    if row.profile != chosen:
        message = f"release {row.release} is not of profile {chosen}"
        raise blueprint_error("profile-release", message, "opea_release")
    device = hardware or deployment.hardware or Hardware.XEON
    return _Builder(complete(application, row), row, device, slug(name)).build()


class _Builder:
    def __init__(self, application: Application, release: Release, hardware: Hardware, name: str) -> None:
        self.application = application
        self.release = release
        self.hardware = hardware
        self.name = name
        self.workloads: dict[str, Workload] = {}

    def build(self) -> Blueprint:
        for name, service in self.application.services.items():
            self._service(name, service)
        self._router()
        workloads = _start_order(self.workloads)
        return Blueprint(
            name=self.name,
            profile=self.release.profile,
            release=self.release.release,
            hardware=self.hardware,
            workloads=workloads,
            volumes=self._volumes(workloads),
            secrets=self._secrets(workloads),
            route=Route(workload=ROUTER, endpoint=self.application.mega.endpoint),
            flow=build_flow(self.application, self.release),
        )

    def _row(self, name: str, service: ServiceModel) -> ServiceRow | None:
        """The release's row of a service; ``None`` when it is external."""
        if is_external(self.application, self.release, name):
            return None
        row = self.release.services.get(service.type)
        if row is None:
            hint = f"give it a url; offered are {', '.join(sorted(self.release.services))}"
            message = f"profile {self.release.profile} has no {service.type} service"
            raise blueprint_error("no-such-service", message, service_path(self.application, name), hint)
        return row

    def _service(self, name: str, service: ServiceModel) -> None:
        row = self._row(name, service)
        if row is None:
            return
        environment: Environment = dict(row.environment)
        if row.store:
            environment |= self._store()[1].clients.get(service.type, {})
        if service.url:
            environment |= row.remote
        values = self._values(environment, name, service, row)
        values |= {key: LiteralValue(value=value) for key, value in service.environment.items()}
        self._add(
            Workload(
                name=slug(name),
                role="microservice",
                type=service.type,
                image=service.image or row.image,
                command=row.command,
                args=row.args,
                environment=dict(sorted(values.items())),
                port=Port(number=row.port, requested=service.port),
                health=Health(**row.health.model_dump()),
                resources=_resources(row.resources),
                shared_memory=row.shared_memory,
                mounts=_mounts(row.volumes),
                security=Security(exceptions=row.exceptions),
                downstreams=_downstreams(values),
            )
        )
        if row.server and not service.url:
            self._server(name, service, row)
        if row.store:
            self._add_store()

    def _server(self, name: str, service: ServiceModel, row: ServiceRow) -> None:
        kind = service.server or row.server
        server = self._server_row(name, service, kind)
        hardware = service.hardware or self.hardware
        device = server.devices.get(hardware)
        if device is None:
            offered = ", ".join(server.devices)
            raise blueprint_error(
                "no-such-device",
                f"server {kind} does not run on {hardware}",
                f"{name}.hardware",
                f"one of {offered}",
            )
        environment = {**server.environment, **device.environment}
        values = self._values(environment, name, service, row)
        self._add(
            Workload(
                name=self._server_name(name, service, row),
                role="server",
                type=kind,
                image=device.image,
                command=device.command,
                args=tuple(arg.replace("{model}", service.model or row.model) for arg in device.args),
                environment=dict(sorted(values.items())),
                port=Port(number=server.port),
                health=Health(**server.health.model_dump()),
                resources=_resources(device.resources),
                shared_memory=device.shared_memory or server.shared_memory,
                mounts=_mounts(device.volumes or server.volumes),
                security=Security(exceptions=device.exceptions),
                downstreams=_downstreams(values),
            )
        )

    def _server_row(self, name: str, service: ServiceModel, kind: str) -> ServerRow:
        if kind not in self.release.servers:
            offered = ", ".join(sorted(self.release.servers)) or "none"
            place = f"opea_micro_services.{service.alias or name}.server"
            raise blueprint_error(
                "no-such-server",
                f"release {self.release.release} has no server {kind!r}",
                place,
                f"offered: {offered}",
            )
        return self.release.servers[kind]

    def _server_name(self, name: str, service: ServiceModel, row: ServiceRow) -> str:
        kind = service.server or row.server
        return kind if kind.endswith(slug(name)) else f"{kind}-{slug(name)}"

    def _store(self) -> tuple[str, StoreRow]:
        name = self.application.deployment.vector_store or self.release.default_store
        if name not in self.release.stores:
            offered = ", ".join(sorted(self.release.stores)) or "its own only"
            message = f"release {self.release.release} has no vector store {name!r}"
            hint = f"offered: {offered}"
            raise blueprint_error("no-such-store", message, "opea_deployment.vector_store", hint)
        return name, self.release.stores[name]

    def _add_store(self) -> None:
        kind, row = self._store()
        if row.workload in self.workloads:
            return
        self._add(
            Workload(
                name=row.workload,
                role="store",
                type=kind,
                image=row.image,
                command=row.command,
                args=row.args,
                environment={
                    key: LiteralValue(value=str(value)) for key, value in sorted(row.environment.items())
                },
                port=Port(number=row.port),
                health=Health(start_budget=row.start_budget),
                resources=_resources(row.resources),
                mounts=_mounts(row.volumes),
                security=Security(exceptions=row.exceptions),
            )
        )

    def _router(self) -> None:
        row = self.release.router
        steps = [slug(name) for name in steps_of(self.application)]
        keys: dict[str, Value] = {
            variable: SecretValue(secret=key_secret(name))
            for name, variable in step_keys(self.application, self.release).items()
        }
        self._add(
            Workload(
                name=ROUTER,
                role="router",
                type=ROUTER,
                image=row.image,
                command=row.command,
                args=row.args,
                environment=keys,
                port=Port(number=row.port, requested=self.application.mega.port),
                health=Health(**row.health.model_dump()),
                resources=_resources(row.resources),
                downstreams=tuple(name for name in steps if name in self.workloads),
            )
        )

    def _add(self, workload: Workload) -> None:
        if workload.name in self.workloads:
            raise blueprint_error(
                "name-taken",
                f"two workloads would be named {workload.name!r}",
                workload.name,
                "rename the service",
            )
        self.workloads[workload.name] = workload

    def _values(
        self, environment: Environment, name: str, service: ServiceModel, row: ServiceRow
    ) -> dict[str, Value]:
        fields = {
            "model": service.model or row.model,
            "index": self.release.index,
            "url": (service.url or "").removesuffix("/").removesuffix("/v1"),
        }
        return {
            key: self._reference(value, name, service, row)
            if isinstance(value, Reference)
            else LiteralValue(value=value.format(**fields))
            for key, value in environment.items()
        }

    def _reference(self, value: Reference, name: str, service: ServiceModel, row: ServiceRow) -> Value:
        if value.secret:
            return SecretValue(secret=value.secret)
        if value.volume:
            return PathValue(volume=value.volume)
        if value.endpoint == "server" and service.url:
            return LiteralValue(value=service.url)
        return EndpointValue(workload=self._target(value.endpoint, name, service, row), format=value.format)

    def _target(self, endpoint: str, name: str, service: ServiceModel, row: ServiceRow) -> str:
        if endpoint == "store":
            return self._store()[1].workload
        if endpoint == "server":
            return self._server_name(name, service, row)
        kind, _, part = endpoint.partition(".")
        for other, candidate in self.application.services.items():
            if candidate.type == kind:
                found = self._row(other, candidate)
                if part == "server" and found is not None:
                    return self._server_name(other, candidate, found)
                return slug(other)
        message = f"service {name!r} needs a service of type {kind}"
        raise blueprint_error(
            "missing-service", message, "opea_micro_services", f"add {kind} to the services and to the flow"
        )

    def _volumes(self, workloads: tuple[Workload, ...]) -> tuple[Volume, ...]:
        used = sorted({mount.volume for workload in workloads for mount in workload.mounts})
        return tuple(Volume(name=name, **self.release.volumes[name].model_dump()) for name in used)

    def _secrets(self, workloads: tuple[Workload, ...]) -> tuple[Secret, ...]:
        values = (value for workload in workloads for value in workload.environment.values())
        used = sorted({value.secret for value in values if isinstance(value, SecretValue)})
        return tuple(self._secret(name) for name in used)

    def _secret(self, name: str) -> Secret:
        if name in self.release.secrets:
            return Secret(name=name, **self.release.secrets[name].model_dump())
        words = name.removesuffix("-api-key").split("-")
        config = words[0] + "".join(word.title() for word in words[1:]) + "ApiKey"
        variable = f"OPEA_{'_'.join(words).upper()}_API_KEY"
        purpose = f"bearer key of the external service {' '.join(words)}"
        return Secret(name=name, config=config, environment=(variable,), purpose=purpose)


def _resources(row: ResourcesRow) -> Resources:
    return Resources(**row.model_dump())


def _mounts(volumes: Mapping[str, str]) -> tuple[Mount, ...]:
    return tuple(Mount(volume=volume, path=path) for volume, path in sorted(volumes.items()))


def _downstreams(values: Mapping[str, Value]) -> tuple[str, ...]:
    return tuple(sorted({value.workload for value in values.values() if isinstance(value, EndpointValue)}))


def _start_order(workloads: Mapping[str, Workload]) -> tuple[Workload, ...]:
    """Downstreams first, ties by name; the router last."""
    order: list[Workload] = []
    waiting = dict(sorted(workloads.items()))
    started: set[str] = set()
    while waiting:
        ready = [item for item in waiting.values() if set(item.downstreams) <= started]
        for item in ready:
            order.append(waiting.pop(item.name))
            started.add(item.name)
    return tuple(order)

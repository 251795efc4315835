"""From the services of a compose file to a document of the unified language."""

from __future__ import annotations

from typing import Any

from opea_pulumi.application import infer_type, service_types
from opea_pulumi.catalog import DEFAULT_RELEASE, MegaserviceRow, Release, ServiceRow, applications
from opea_pulumi.convert._model import Loss
from opea_pulumi.terms import Hardware

from ._deployment import deployment_of
from ._graphs import external_services, graph_of, mega_of_graph, usual_order, variant_types
from ._known import Known, choose_release, known
from ._project import ComposeService, Project
from ._refs import Hosts, Purpose, outside, purposes, references
from ._server_types import likeliest, likely_types
from ._specs import extra_args, field, own_environment, own_image


class Inference:
    """One compose file on its way to a document; ``losses`` collects what is left behind."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.release: Release = choose_release(project.services)
        self.uses = {
            name: [] if _helper(service) else known(self.release, service)
            for name, service in project.services.items()
        }
        guess = purposes(project, self.uses, self.release)
        self.uses = {
            name: likeliest(project.services[name], uses, guess[name], self.release)
            for name, uses in self.uses.items()
        }
        self.purposes: dict[str, list[Purpose]] = purposes(project, self.uses, self.release)
        self.losses: list[Loss] = []
        self.services: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.served: set[str] = set()
        self.hardware = self._hardware()

    def document(self) -> dict[str, Any]:
        """The document; the application's own rules are not checked yet."""
        self._name_losses()
        front = self._front()
        flow = graph_of(self.project.services[front]) if front else None
        self._add_microservices(front, keep_names=flow is not None)
        self._add_servers()
        self._add_remote()
        document: dict[str, Any] = {"opea_micro_services": self.services}
        use = self.use_of(front, "megaservice") if front else None
        if flow is not None:
            document = {**self._named_by_ui(), **document, "opea_mega_service": mega_of_graph(flow)}
            for name, spec in external_services(flow).items():
                self.services.setdefault(name, spec)
        elif use is not None:
            document = {"opea_app": use.name, **document, "opea_mega_service": self._known_mega(use, front)}
        else:
            document["opea_mega_service"] = self._usual_mega()
        self._add_port(document["opea_mega_service"], front)
        self._stand_beside(document["opea_mega_service"], front)
        if self.release.release != DEFAULT_RELEASE[self.release.profile]:
            document["opea_release"] = self.release.release
        deployment = deployment_of(self)
        return {**document, "opea_deployment": deployment} if deployment else document

    def use_of(self, name: str, role: str) -> Known | None:
        """A container's use in a role."""
        return next((use for use in self.uses[name] if use.role == role), None)

    def of_role(self, role: str) -> list[str]:
        """The containers of a role."""
        return [name for name in self.uses if self.use_of(name, role)]

    def _front(self) -> str:
        fronts = [*self.of_role("router"), *self.of_role("megaservice")]
        tools = {name for name in fronts if self.use_of(name, "service") and self._is_called(name)}
        return next((name for name in fronts if name not in tools), "")

    def _is_called(self, name: str) -> bool:
        """Whether a service calls it: an application in one image may be a tool of another one."""
        hosts = Hosts(self.project)
        shown = {*self.of_role("ui"), *self.of_role("gateway")}
        callers = [service for caller, service in self.project.services.items() if caller not in shown]
        return any(hosts.called(value) == name for item in callers for value in item.environment.values())

    def _hardware(self) -> str:
        found = [
            service.hardware
            for name, service in self.project.services.items()
            if service.hardware and self.uses[name]
        ]
        return max(sorted(set(found)), key=found.count) if found else Hardware.XEON.value

    def _name_losses(self) -> None:
        for name in self.project.templates:
            self.losses.append(Loss(name, "the service itself", "others extend it; they are kept"))
        for name, uses in self.uses.items():
            if not uses and not _helper(self.project.services[name]):
                self.losses.append(Loss(name, "the whole service", "the catalogue does not know its image"))

    # microservices

    def _is_server(self, name: str) -> bool:
        roles = {use.role for use in self.uses[name]}
        if "server" not in roles:
            return False
        return "service" not in roles or any(item.kind == "server" for item in self.purposes[name])

    def _add_microservices(self, front: str, keep_names: bool) -> None:
        found = [
            (name, use)
            for name in self.uses
            if name != front and not self._is_server(name) and (use := self.use_of(name, "service"))
        ]
        types = [use.name for _, use in found]
        for name, use in found:
            alone = types.count(use.name) == 1 and not keep_names
            key = use.name if alone and name not in service_types() else name
            self.keys[name] = key
            self.services[key] = {} if infer_type(key) == use.name else {"type": use.name}
        for name, use in found:
            self._fill(self.services[self.keys[name]], use, self.project.services[name])

    def _fill(self, spec: dict[str, Any], use: Known, service: ComposeService) -> None:
        """What a microservice says itself."""
        image = own_image(use, service)
        if image:
            spec["image"] = image
        row = use.row
        port = next((host for host, inside in service.ports if inside == getattr(row, "port", 0)), None)
        if port and port.value.isascii() and port.value.isdigit() and 0 < int(port.value[:6]) <= 65535:
            spec["port"] = int(port.value)
        self._model(spec, use, service)
        spec |= self._environment(use, service)
        if service.raw.get("configs"):
            self.losses.append(Loss(service.name, "its files", "the language takes them from its folder"))

    def _environment(self, use: Known, service: ComposeService) -> dict[str, Any]:
        """``environment`` and ``uses`` of a service."""
        own = own_environment(use, service, self.release, self.project)
        uses = {variable: called for variable, called in own.addresses.items() if called in self.keys}
        self.losses += own.losses
        lost = [variable for variable in own.addresses if variable not in uses]
        if lost:
            why = "they name services of the file, for which the catalogue has no use there"
            self.losses.append(Loss(service.name, f"variables {', '.join(lost)}", why))
        found = {"environment": own.literals, "uses": {name: self.keys[uses[name]] for name in uses}}
        return {key: value for key, value in found.items() if value}

    def _model(self, spec: dict[str, Any], use: Known, service: ComposeService) -> None:
        model = field(use, service, "model", self.release)
        default = getattr(self.release.services.get(spec.get("type", use.name)), "model", "")
        if model.missing:
            names = ", ".join(model.missing)
            self.losses.append(Loss(service.name, f"the model in {names}", "the file gives it no value"))
        elif model.value and model.value != default:
            spec["model"] = model.value

    # model servers

    def _add_servers(self) -> None:
        for name in [name for name in self.uses if self._is_server(name)]:
            service = self.project.services[name]
            owners = [
                self.keys[item.caller]
                for item in self.purposes[name]
                if item.caller in self.keys and self._owns(item)
            ]
            kinds = likely_types(service, self.uses[name], self.purposes[name], self.release, self._waiting())
            keys = list(dict.fromkeys(owners)) or [self._key_of(kind) for kind in kinds[:1]]
            if not keys:
                self.losses.append(Loss(name, "the whole service", "no service of the file calls it"))
            for key in keys:
                self.served.add(key)
                self._fill_server(self.services[key], key, name, service)

    def _waiting(self) -> list[str]:
        """The types of the file's services that have no server yet."""
        return [
            spec.get("type") or infer_type(key) or key
            for key, spec in self.services.items()
            if key not in self.served
        ]

    def _owns(self, item: Purpose) -> bool:
        use = self.use_of(item.caller, "service")
        return item.kind == "server" and use is not None and use.name == item.type

    def _key_of(self, kind: str) -> str:
        key = next(
            (key for key, spec in self.services.items() if spec.get("type", infer_type(key)) == kind), kind
        )
        if key not in self.services:
            self.services[key] = {} if infer_type(key) == kind else {"type": kind}
        return key

    def _fill_server(self, spec: dict[str, Any], key: str, name: str, service: ComposeService) -> None:
        kind = spec.get("type") or infer_type(key) or key
        row: ServiceRow | None = self.release.services.get(kind)
        uses = [use for use in self.uses[name] if use.role == "server"]
        able = [use for use in uses if row is None or use.name in (row.server, *row.servers)] or uses
        default = row.server if row else ""
        fitting = min(able, key=lambda item: (len(extra_args(item, service)[0]), item.name != default))
        use = self._device([item for item in able if item.name == fitting.name], service)
        self._model_of_server(spec, kind, use, service)
        server: dict[str, Any] = {"kind": use.name} if row is None or use.name != row.server else {}
        if own_image(use, service):
            server["image"] = own_image(use, service)
        args, missing = extra_args(use, service)
        if missing:
            names = ", ".join(dict.fromkeys(missing))
            self.losses.append(Loss(name, f"options with {names}", "the file gives them no value"))
        if args:
            server["args"] = args
        server |= self._environment(use, service)
        server.pop("uses", None)
        cards = service.cards.value or field(use, service, "cards", self.release).value
        if cards.isdigit() and 0 < int(cards) <= 64 and int(cards) != use.row.resources.accelerators:
            server["resources"] = {"accelerators": int(cards)}
        if server:
            spec["server"] = server["kind"] if list(server) == ["kind"] else server

    def _model_of_server(self, spec: dict[str, Any], kind: str, use: Known, service: ComposeService) -> None:
        found: dict[str, Any] = {"type": kind}
        self._model(found, use, service)
        if "model" in found:
            spec["model"] = found["model"]

    def _device(self, uses: list[Known], service: ComposeService) -> Known:
        """The row of a server: of the file's hardware if its image is the same there, else of its own."""
        written = service.image.value
        wanted = (service.hardware, self.hardware)
        exact = [use for use in uses if use.row.image == written] or uses
        return next((use for hardware in wanted for use in exact if use.hardware == hardware), exact[0])

    def _add_remote(self) -> None:
        """A server elsewhere, by its address in the environment of who calls it."""
        for name, uses in self.uses.items():
            for use in uses:
                for variable, reference in references(use, self.release):
                    where, _, part = reference.endpoint.partition(".")
                    kind = use.name if where == "server" else where
                    value = self.project.services[name].environment.get(variable)
                    url = outside(value, self.project) if value else ""
                    if (
                        url
                        and "@" not in url
                        and (part or where == "server")
                        and kind in self.release.services
                    ):
                        key = self.keys.get(name) if where == "server" else None
                        self.services[key or self._key_of(kind)].setdefault("url", url)

    # flow and deployment

    def _known_mega(self, use: Known, front: str) -> dict[str, Any]:
        row = use.row
        if not isinstance(row, MegaserviceRow):
            raise TypeError(use.name)
        present = {self.type_of(key) for key in self.services}
        service = self.project.services[front]
        steps = []
        for kind in variant_types(row, service, present - _side_types()):
            if kind not in present:
                self.losses.append(
                    Loss(front, f"its {kind}", "the file has none; the catalogue's default is taken")
                )
            steps.append(self._key_of(kind))
        self.losses += own_environment(use, service, self.release, self.project).losses
        flow = [" >> ".join(steps)] if steps else []
        return {"endpoint": row.endpoint, "orchestrator": "megaservice", "mega_flow": flow}

    def _named_by_ui(self) -> dict[str, Any]:
        """A user interface is of a known application."""
        names = [use.name for name in self.uses if (use := self.use_of(name, "ui"))]
        return {"opea_app": names[0]} if names and names[0] in applications() else {}

    def type_of(self, key: str) -> str:
        """The type of a service of the document."""
        return str(self.services[key].get("type") or infer_type(key) or key)

    def _usual_mega(self) -> dict[str, Any]:
        services = self.project.services
        published = [
            key
            for name, key in self.keys.items()
            if services[name].ports and self.type_of(key) not in _side_types()
        ]
        if len(published) == 1:
            return {"orchestrator": "none", "mega_flow": published}
        kinds = {self.type_of(key): key for key in self.services}
        order = [kind for kind in usual_order(self.release, list(kinds)) if kind not in _side_types()]
        if len(order) > 1:
            self.losses.append(
                Loss("opea_mega_service", "the flow", "no service runs it; the usual order is taken")
            )
        return {"mega_flow": [" >> ".join(kinds[kind] for kind in order)]} if order else {}

    def _add_port(self, mega: dict[str, Any], front: str) -> None:
        ports = self.project.services[front].ports if front else ()
        for host, _ in ports[:1]:
            if host.value.isascii() and host.value.isdigit() and 0 < int(host.value[:6]) <= 65535:
                mega["port"] = int(host.value)

    def _stand_beside(self, mega: dict[str, Any], front: str) -> None:
        """What is no step of the flow is called by others."""
        use = self.use_of(front, "megaservice") if front else None
        direct = use.row.direct if use and isinstance(use.row, MegaserviceRow) else ()
        nodes: dict[str, Any] = mega.get("nodes", {})
        steps = {step["name"] for node in nodes.values() for step in node["steps"]}
        steps |= {word for line in mega.get("mega_flow", []) for word in line.split(" >> ")}
        for key, spec in list(self.services.items()):
            if not steps or key in steps or (spec.get("type") or infer_type(key)) in _side_types():
                continue
            kind = spec.get("type") or infer_type(key)
            if key in self.keys.values() or kind in direct or spec.keys() - {"type"}:
                spec["beside"] = True
            else:  # the server alone, as its callers bring it anyway
                del self.services[key]


def _side_types() -> set[str]:
    return {name for name, row in service_types().items() if row.side}


def _helper(service: ComposeService) -> bool:
    """Ours, which gives volumes to their writers and ends."""
    return service.raw.get("network_mode") == "none"

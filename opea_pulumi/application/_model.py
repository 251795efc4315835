"""The unified language as frozen models (design: the RFC's two keys and optional additions)."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from opea_pulumi.terms import Hardware, Profile

from ._mega_flow import MegaFlow

MAX_SERVICES = 100
"""Far above any application; it bounds the edges that ``(a, b) >> (c, d)`` can multiply into."""


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.hostname and parts.port != 0
    except ValueError:  # no IPv6 address, or a port beyond 65535
        good = False
    if not good:
        raise ValueError("names no host, or no port that there is")
    return url


Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Endpoint = Annotated[str, Field(pattern=r"^/[^\s?#{}]*$")]
# neither a user's name nor a query: both are places for keys, and endpoints are joined to the url
Url = Annotated[str, Field(pattern=r"^https?://[^\s/?#@\\]+(/[^\s?#]*)?$"), AfterValidator(_checked_url)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")]
Text = Annotated[str, Field(min_length=1)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MicroServiceSpec(_Part):
    """One entry of ``opea_micro_services``; what is ``None`` is the catalogue's to say."""

    endpoint: Endpoint | None = None
    port: Port | None = None
    type: Text | None = None
    model: Text | None = None
    server: Text | None = None
    hardware: Hardware | None = None
    image: Text | None = None
    url: Url | None = None
    environment: dict[Variable, str] = Field(default_factory=dict)


class DeploymentSpec(_Part):
    """``opea_deployment``: how it is deployed, unless a stack's config or a flag says otherwise."""

    profile: Profile | None = None
    hardware: Hardware | None = None
    vector_store: Text | None = None


class MegaServiceSpec(_Part):
    """``opea_mega_service`` as it is written."""

    port: Port | None = None
    endpoint: Endpoint | None = None
    mega_flow: list[str] = Field(default_factory=list)


class Document(_Part):
    """The whole unified YAML as it is written; :class:`Application` is what it means."""

    opea_app: Name | None = None
    opea_release: Text | None = None
    opea_micro_services: dict[Name, MicroServiceSpec | None] = Field(
        default_factory=dict, max_length=MAX_SERVICES
    )
    opea_mega_service: MegaServiceSpec = Field(default_factory=MegaServiceSpec)
    opea_deployment: DeploymentSpec = Field(default_factory=DeploymentSpec)


class MicroService(MicroServiceSpec):
    """A microservice with its type known; ``alias`` is the name it was given when that was an alias."""

    type: str
    alias: str = ""


class MegaService(_Part):
    """The mega service: ``port`` is ``None`` where any free one will do.

    A known application (``opea_app``) may leave ``flow`` empty; then ``endpoint`` is ``None``
    unless given, and the catalogue says both.
    """

    port: Port | None = None
    endpoint: Endpoint | None = None
    flow: MegaFlow


class Application(_Part):
    """A GenAI application, target-neutral: what the YAML and the Python interface both build.

    ``name`` is ``opea_app``: set, it makes the application one that the catalogue knows.
    """

    name: str | None = None
    release: str | None = None
    services: dict[str, MicroService] = Field(default_factory=dict)
    mega: MegaService
    deployment: DeploymentSpec = Field(default_factory=DeploymentSpec)

    def canonical(self) -> Application:
        """The same application without the aliases it was written with; services in the flow's order."""
        order = {name: index for index, name in enumerate(self.mega.flow.nodes)}
        names = sorted(self.services, key=lambda name: (order.get(name, len(order)), name))
        services = {name: self.services[name].model_copy(update={"alias": ""}) for name in names}
        return self.model_copy(update={"services": services})

    def to_document(self) -> dict[str, object]:
        """The application in the unified language, as plain data that loads back to an equal one."""
        services = {
            service.alias or name: service.model_dump(mode="json", exclude_defaults=True, exclude={"alias"})
            for name, service in self.services.items()
        }
        mega = {
            "port": self.mega.port,
            "endpoint": self.mega.endpoint,
            "mega_flow": self.mega.flow.to_lines(),
        }
        document: dict[str, object] = {
            "opea_app": self.name,
            "opea_release": self.release,
            "opea_micro_services": services,
            "opea_mega_service": {key: value for key, value in mega.items() if value},
            "opea_deployment": self.deployment.model_dump(mode="json", exclude_none=True),
        }
        return {key: value for key, value in document.items() if value}

"""Frozen models of the graph; field names follow the GMConnector custom resource."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cached_property
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator


class NodeKind(StrEnum):
    """How a node runs its steps (CRD enum ``routerType``)."""

    SEQUENCE = "Sequence"
    ENSEMBLE = "Ensemble"
    SWITCH = "Switch"


class Dependency(StrEnum):
    """What a failed step does to its node (CRD enum ``dependency``; absent behaves as Soft)."""

    SOFT = "Soft"
    HARD = "Hard"


class Mode(StrEnum):
    """How bodies travel: as they are (release 1.1), or converted between contracts (release 1.5)."""

    PASS_THROUGH = "pass-through"  # noqa: S105 - a mode, no password
    ALIGNED = "aligned"


class _Part(BaseModel):
    # upstream parses leniently (encoding/json): keys it does not know are not an error
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class InternalService(_Part):
    """A service of the application; ``config`` holds strings only."""

    service_name: str = Field(default="", alias="serviceName")
    name_space: str = Field(default="", alias="nameSpace")
    config: dict[str, str] = Field(default_factory=dict)
    is_downstream_service: bool = Field(default=False, alias="isDownstreamService")


class Step(_Part):
    """One step of a node: a service, or another node (``nodeName``)."""

    name: str = ""
    node_name: str = Field(default="", alias="nodeName")
    internal_service: InternalService | None = Field(default=None, alias="internalService")
    external_service: str = Field(default="", alias="externalService")
    service_url: str = Field(default="", alias="serviceUrl")
    data: str = ""
    condition: str = ""
    dependency: Dependency | None = None

    @field_validator("dependency", mode="before")
    @classmethod
    def _empty_dependency_is_none(cls, value: object) -> object:
        return value or None

    @property
    def is_internal(self) -> bool:
        """Whether the service belongs to the application, so that it may see the caller's credentials."""
        return self.internal_service is not None and not self.external_service

    @property
    def label(self) -> str:
        """What messages and metrics call the step: its name, else its host."""
        return self.name or self.node_name or urlsplit(self.url).netloc.rpartition("@")[2]

    @property
    def is_downstream(self) -> bool:
        """Whether the step only describes a server that another step calls itself."""
        return self.internal_service is not None and self.internal_service.is_downstream_service

    @property
    def url(self) -> str:
        """Where the router sends the step's request; empty for nested nodes."""
        return self.service_url or self.external_service


class Node(_Part):
    """A node of the graph and its steps, in order."""

    kind: NodeKind = Field(alias="routerType")
    steps: tuple[Step, ...] = ()

    @field_validator("steps", mode="before")
    @classmethod
    def _null_steps_are_none(cls, value: object) -> object:
        return value or ()


class Flow(_Part):
    """A whole graph: the nodes by name (``root`` is the entry) and the router's own settings.

    ``settings`` are the strings of ``spec.routerConfig.config``: ``mode``, ``endpoint``,
    ``release``, ``type.<step>`` (a contract name), ``key.<step>`` (the name of the
    environment variable that holds the bearer key of a step; never the key itself),
    ``default.<name>`` (a user parameter when the request does not give it), and
    ``connect-timeout.<step>`` and ``idle-timeout.<step>`` (seconds, as text).
    """

    nodes: dict[str, Node]
    settings: dict[str, str] = Field(default_factory=dict)

    @property
    def mode(self) -> Mode:
        """The mode the graph asks for; pass-through when it asks for none."""
        return Mode(self.settings.get("mode", Mode.PASS_THROUGH))

    @property
    def endpoint(self) -> str:
        """The mega service's endpoint, such as ``/v1/chatqna``; empty when there is none."""
        return self.settings.get("endpoint", "")

    @cached_property  # asked for at every step of every request
    def types(self) -> Mapping[str, str]:
        """Contract name by step name, as far as the graph gives them."""
        return self._prefixed("type.")

    @property
    def keys(self) -> Mapping[str, str]:
        """Environment variable with the bearer key, by step name."""
        return self._prefixed("key.")

    @property
    def defaults(self) -> Mapping[str, str]:
        """User parameters by name, as text, that apply when a request does not give them."""
        return self._prefixed("default.")

    @property
    def connect_timeouts(self) -> Mapping[str, str]:
        """Seconds to reach a step, as text, by step name."""
        return self._prefixed("connect-timeout.")

    @property
    def idle_timeouts(self) -> Mapping[str, str]:
        """Seconds of silence that a step is allowed, as text, by step name."""
        return self._prefixed("idle-timeout.")

    def _prefixed(self, prefix: str) -> dict[str, str]:
        return {
            key.removeprefix(prefix): value for key, value in self.settings.items() if key.startswith(prefix)
        }

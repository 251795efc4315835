"""What the released operator knows, as data (``steps.yaml``)."""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from opea_pulumi.terms import Hardware

Dialect = Literal["v1.1", "rfc"]
"""The words of a step's ``config``: what the released operator resolves, or those of the RFC's sample."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RfcWords(_Row):
    """What the RFC's sample writes for a step.

    ``keys`` are its words for variables (empty: it writes none), ``always`` the variables that it
    writes although the ConfigMap says the same; ``token`` and ``host_path`` go with a model.
    """

    service: str
    keys: dict[str, str] = Field(default_factory=dict)
    always: tuple[str, ...] = ()
    token: bool = False
    host_path: str = ""


class StepFacts(_Row):
    """One step name of the operator and the manifest that it deploys."""

    type: str = ""
    server: str = ""
    hardware: tuple[Hardware, ...] = ()
    store: str = ""
    ui: bool = False
    port: int
    target: int | None = None
    image: str
    args: tuple[str, ...] = ()
    accelerators: int = 0
    config_map: str = ""
    endpoint: str = ""
    scheme: str = "http"
    model: str = ""
    only_model: str = ""
    fixed: tuple[str, ...] = ()
    environment: dict[str, str] = Field(default_factory=dict)
    rfc: RfcWords

    @property
    def is_behind(self) -> bool:
        """Whether the router never calls it: a server or a store that a microservice asks itself."""
        return bool(self.server or self.store)


class Router(_Row):
    """The router that the operator deploys for each graph."""

    name: str
    service: str
    port: int
    image: str


class Facts(_Row):
    """The whole data file."""

    as_of: date
    source: str
    api_version: str
    kind: str
    crd: str
    release: str
    root: str
    router: Router
    graph_limit: int
    unusable: tuple[str, ...]
    magic: tuple[str, ...]
    reserved: tuple[str, ...]
    same_tags: dict[str, str]
    cluster: tuple[str, ...]
    model_path: str
    token_secret: str
    rfc_order: tuple[str, ...]
    steps: dict[str, StepFacts]
    empty: tuple[str, ...]

    @property
    def allowed(self) -> tuple[str, ...]:
        """The step names that the operator's webhook accepts."""
        return (*self.steps, *self.unusable)

    def for_type(self, kind: str) -> str:
        """The step of a type of microservice; empty when there is none."""
        return next((name for name, step in self.steps.items() if step.type and step.type == kind), "")

    def for_server(self, kind: str, hardware: Hardware) -> str:
        """The step of a model server on some hardware; empty when there is none."""
        steps = self.steps.items()
        return next((name for name, step in steps if step.server == kind and hardware in step.hardware), "")

    def for_store(self, kind: str) -> str:
        """The step of a store; empty when there is none."""
        return next((name for name, step in self.steps.items() if step.store and step.store == kind), "")

    def default(self, step: StepFacts, variable: str) -> str | None:
        """What the manifest's ConfigMap gives a variable; ``None`` when it does not set it."""
        if variable in self.empty and step.config_map and not step.ui:
            return ""
        return step.environment.get(variable)


@cache
def facts() -> Facts:
    """The data file, read once."""
    return Facts.model_validate(_data("steps.yaml"))


@cache
def crd() -> dict[str, Any]:
    """The CustomResourceDefinition of GMConnector, as written from what is known of it."""
    data: dict[str, Any] = _data("crd.yaml")
    return data


def _data(name: str) -> Any:
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(files(__package__).joinpath(name).read_text("utf-8"), Loader=loader)  # noqa: S506 - safe

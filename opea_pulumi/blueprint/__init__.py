"""The waist between the language and every target."""

from ._build import build_blueprint
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
from ._workloads import ROUTER

__all__ = [
    "ROUTER",
    "Blueprint",
    "EndpointValue",
    "Health",
    "LiteralValue",
    "Mount",
    "PathValue",
    "Port",
    "Resources",
    "Route",
    "Secret",
    "SecretValue",
    "Security",
    "Value",
    "Volume",
    "Workload",
    "build_blueprint",
]

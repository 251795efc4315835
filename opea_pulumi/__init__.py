"""opea-pulumi: deploy OPEA applications from one YAML, or from Python, with Pulumi.

The public face is what ``__all__`` lists; it is loaded when first used, so that importing the
package (and starting the command) stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opea_pulumi.application import (
        Application,
        MicroService,
        ServiceOrchestrator,
        dump_application,
        load_application,
        parse_application,
    )
    from opea_pulumi.errors import (
        ApplicationError,
        BlueprintError,
        CatalogError,
        EngineError,
        FlowError,
        Location,
        OpeaError,
        OperationError,
        PreflightError,
        UsageError,
    )

__version__ = "0.1.0"

__all__ = [
    "Application",
    "ApplicationError",
    "BlueprintError",
    "CatalogError",
    "EngineError",
    "FlowError",
    "Location",
    "MicroService",
    "OpeaError",
    "OperationError",
    "PreflightError",
    "ServiceOrchestrator",
    "UsageError",
    "__version__",
    "dump_application",
    "load_application",
    "parse_application",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    errors = import_module("opea_pulumi.errors")
    home = errors if hasattr(errors, name) else import_module("opea_pulumi.application")
    return getattr(home, name)

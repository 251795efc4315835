"""The unified language: one YAML, or the RFC's Python classes, to one :class:`Application`."""

from ._deployment import DeploymentSpec, ModelCacheSpec, PatchSpec, ProxySpec, SecretSpec
from ._interface import MicroService, ServiceOrchestrator
from ._load import FILE_NAME, Loaded, dump_application, load_application, parse_application, slug
from ._lock import LOCK_NAME, Lock, dump_lock, read_lock
from ._mega_flow import MegaFlow
from ._model import (
    Application,
    AutoscalingSpec,
    MegaService,
    MicroServiceSpec,
    NodeSpec,
    ResourcesSpec,
    ServerSpec,
    StepSpec,
)
from ._model import MicroService as ServiceModel
from ._secrets import looks_secret
from ._settings import setting_paths, settings_in
from ._types import service_types

__all__ = [
    "FILE_NAME",
    "LOCK_NAME",
    "Application",
    "AutoscalingSpec",
    "DeploymentSpec",
    "Loaded",
    "Lock",
    "MegaFlow",
    "MegaService",
    "MicroService",
    "MicroServiceSpec",
    "ModelCacheSpec",
    "NodeSpec",
    "PatchSpec",
    "ProxySpec",
    "ResourcesSpec",
    "SecretSpec",
    "ServerSpec",
    "ServiceModel",
    "ServiceOrchestrator",
    "StepSpec",
    "dump_application",
    "dump_lock",
    "load_application",
    "looks_secret",
    "parse_application",
    "read_lock",
    "service_types",
    "setting_paths",
    "settings_in",
    "slug",
]

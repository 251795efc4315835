"""The unified language: one YAML, or the RFC's Python classes, to one :class:`Application`."""

from ._deployment import DeploymentSpec, ModelCacheSpec, PatchSpec, ProxySpec, SecretSpec
from ._fields import split_address
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
from ._secrets import looks_secret, without_secrets
from ._settings import config_key, config_keys, setting_paths, settings_in
from ._source import KEY_FORM, KeyPath, Mark, Source, key_path, quoted_key, suggestion
from ._types import canonical_name, infer_type, mega_endpoint, service_types
from ._yaml import MAX_BYTES
from ._yaml import parse as parse_source

__all__ = [
    "FILE_NAME",
    "KEY_FORM",
    "LOCK_NAME",
    "MAX_BYTES",
    "Application",
    "AutoscalingSpec",
    "DeploymentSpec",
    "KeyPath",
    "Loaded",
    "Lock",
    "Mark",
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
    "Source",
    "StepSpec",
    "canonical_name",
    "config_key",
    "config_keys",
    "dump_application",
    "dump_lock",
    "infer_type",
    "key_path",
    "load_application",
    "looks_secret",
    "mega_endpoint",
    "parse_application",
    "parse_source",
    "quoted_key",
    "read_lock",
    "service_types",
    "setting_paths",
    "settings_in",
    "slug",
    "split_address",
    "suggestion",
    "without_secrets",
]

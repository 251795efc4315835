"""Facts as data: releases, and the applications that they know."""

from ._load import (
    DEFAULT_RELEASE,
    application_text,
    applications,
    load_release,
    releases,
)
from ._model import (
    Environment,
    HealthRow,
    Reference,
    Release,
    ResourcesRow,
    RouterRow,
    RunnableRow,
    SecretRow,
    ServerRow,
    ServiceRow,
    StoreRow,
    VolumeRow,
)

__all__ = [
    "DEFAULT_RELEASE",
    "Environment",
    "HealthRow",
    "Reference",
    "Release",
    "ResourcesRow",
    "RouterRow",
    "RunnableRow",
    "SecretRow",
    "ServerRow",
    "ServiceRow",
    "StoreRow",
    "VolumeRow",
    "application_text",
    "applications",
    "load_release",
    "releases",
]

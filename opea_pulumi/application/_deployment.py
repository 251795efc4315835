"""How an application is deployed, and changes to what is made of it, as frozen models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from opea_pulumi.terms import Hardware, Profile

from ._fields import Address, Flag, Label, Memory, MountPath, Name, Part, SecretName, Text, Url


class ModelCacheSpec(Part):
    """Where the models' weights lie: a volume of ``size``, a claim, or a ``path`` of the host."""

    kind: Literal["volume", "claim", "host_path"] = "volume"
    name: Name | None = None
    path: MountPath | None = None
    size: Memory | None = None
    storage_class: Name | None = None


class ProxySpec(Part):
    """What every workload finds as ``http_proxy``, ``https_proxy`` and ``no_proxy``."""

    http: Url | None = None
    https: Url | None = None
    no: Text | None = None


class SecretSpec(Part):
    """A secret that is there already: its ``name`` where it is deployed, and the ``key`` in it."""

    source: Annotated[Literal["existing"], Field(alias="from")]
    name: Name
    key: Name | None = None

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)


class DeploymentSpec(Part):
    """``opea_deployment``: how it is deployed, unless a stack's config or a flag says otherwise.

    ``secrets`` are by the application's names for them, such as ``hf-token``.
    """

    profile: Profile | None = None
    hardware: Hardware | None = None
    vector_store: Text | None = None
    namespace: Name | None = None
    expose: Literal["none", "load_balancer", "ingress", "gateway"] | None = None
    host: Text | None = None
    address: Address | None = None
    tls: Flag | None = None
    insecure_public: Flag | None = None
    ui: Flag | None = None
    image_registry: Text | None = None
    image_pull_secret: Name | None = None
    model_cache: ModelCacheSpec | None = None
    hub_mirror: Url | None = None
    offline: Flag | None = None
    proxy: ProxySpec | None = None
    labels: dict[Label, str] = Field(default_factory=dict)
    auth: Literal["none", "api_key", "oidc"] | None = None
    monitoring: Flag | None = None
    istio: Flag | None = None
    allocator: Literal["static", "dynamic"] | None = None
    secrets: dict[SecretName, SecretSpec] = Field(default_factory=dict)


class PatchSpec(Part):
    """A change to what a target makes: JSON patch operations (RFC 6902) or a strategic merge.

    ``workload`` and ``kind`` (of a Kubernetes object) narrow it down; without them it is for all.
    """

    target: Text
    workload: Name | None = None
    kind: Text | None = None
    json_patch: list[dict[str, Any]] | None = None
    merge: dict[str, Any] | None = None

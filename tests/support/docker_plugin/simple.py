"""Networks, volumes and tags."""

import time
from collections.abc import Callable
from typing import Any

from docker.errors import APIError, NotFound

from .connection import Connection, ProviderError, daemon
from .fields import Values

_REMOVAL = 30.0
_POLL = 0.2


def labels(entries: list[Values] | None) -> dict[str, str]:
    """Label blocks as a map."""
    return {entry["label"]: entry.get("value", "") for entry in entries or []}


def label_blocks(known: dict[str, str] | None) -> list[Values]:
    """A map as label blocks."""
    return [{"label": name, "value": value} for name, value in sorted((known or {}).items())]


class Network:
    """docker_network; nothing of it is updated in place."""

    def create(self, at: Connection, inputs: Values, _limits: Any) -> tuple[str, Values]:
        body = {
            "Name": inputs["name"],
            "CheckDuplicate": True,  # what engines before 25 need to refuse a second one
            "Driver": inputs.get("driver") or "bridge",
            "Internal": bool(inputs.get("internal")),
            "Attachable": bool(inputs.get("attachable")),
            "Ingress": bool(inputs.get("ingress")),
            "EnableIPv6": bool(inputs.get("ipv6")),
            "Options": inputs.get("options") or {},
            "Labels": labels(inputs.get("labels")),
            "IPAM": {
                "Driver": inputs.get("ipamDriver") or "default",
                "Options": inputs.get("ipamOptions") or {},
                "Config": [_pool(entry) for entry in inputs.get("ipamConfigs") or []],
            },
        }
        try:
            api = at.api
            made = api._result(api._post_json(api._url("/networks/create"), data=body), json=True)
        except APIError as error:
            raise ProviderError(f"Unable to create network: {daemon(error)}") from error
        return made["Id"], self.read(at, made["Id"], inputs) or inputs

    def read(self, at: Connection, identifier: str, _state: Values) -> Values | None:
        try:
            seen = at.api.inspect_network(identifier)
        except NotFound:
            return None
        return {
            "name": seen["Name"],
            "labels": label_blocks(seen["Labels"]),
            "driver": seen["Driver"],
            "internal": seen["Internal"],
            "attachable": seen["Attachable"],
            "ingress": seen["Ingress"],
            "ipv6": seen["EnableIPv6"],
            "ipamDriver": seen["IPAM"]["Driver"],
            "ipamOptions": seen["IPAM"]["Options"] or {},
            "ipamConfigs": [_pool_block(entry) for entry in seen["IPAM"]["Config"] or []],
            "options": seen["Options"] or {},
            "scope": seen["Scope"],
        }

    def delete(self, at: Connection, identifier: str, _state: Values) -> None:
        def remove() -> None:
            at.api.remove_network(identifier)

        _removed(remove, "has active endpoints", "pending")


def _pool(entry: Values) -> Values:
    return {
        "Subnet": entry.get("subnet", ""),
        "IPRange": entry.get("ipRange", ""),
        "Gateway": entry.get("gateway", ""),
        "AuxiliaryAddresses": entry.get("auxAddress") or {},
    }


def _pool_block(entry: Values) -> Values:
    return {
        "subnet": entry.get("Subnet"),
        "ipRange": entry.get("IPRange"),
        "gateway": entry.get("Gateway"),
        "auxAddress": entry.get("AuxiliaryAddresses") or None,
    }


class Volume:
    """docker_volume, without clusters."""

    def create(self, at: Connection, inputs: Values, _limits: Any) -> tuple[str, Values]:
        try:
            made = at.api.create_volume(
                inputs.get("name"),
                driver=inputs.get("driver"),
                driver_opts=inputs.get("driverOpts"),
                labels=labels(inputs.get("labels")),
            )
        except APIError as error:
            raise ProviderError(f"Unable to create volume: {daemon(error)}") from error
        return made["Name"], self.read(at, made["Name"], inputs) or inputs

    def read(self, at: Connection, identifier: str, _state: Values) -> Values | None:
        try:
            seen = at.api.inspect_volume(identifier)
        except NotFound:
            return None
        return {
            "name": seen["Name"],
            "labels": label_blocks(seen["Labels"]),
            "driver": seen["Driver"],
            "driverOpts": seen["Options"] or {},
            "mountpoint": seen["Mountpoint"],
        }

    def delete(self, at: Connection, identifier: str, _state: Values) -> None:
        def remove() -> None:
            at.api.remove_volume(identifier, force=True)

        _removed(remove, "volume is in use", "in_use")


class Tag:
    """docker_tag; deleting it deletes no image."""

    def create(self, at: Connection, inputs: Values, _limits: Any) -> tuple[str, Values]:
        source, target = inputs["sourceImage"], inputs["targetImage"]
        repository, _, tag = target.rpartition(":")
        if not repository or "/" in tag:
            repository, tag = target, "latest"
        try:
            at.api.tag(source, repository, tag)
            seen = at.api.inspect_image(source)
        except APIError as error:
            raise ProviderError(f"failed to create docker tag: {daemon(error)}") from error
        return f"{source}.{target}", {**inputs, "sourceImageId": seen["Id"]}

    def read(self, _at: Connection, _identifier: str, state: Values) -> Values | None:
        return state

    def delete(self, _at: Connection, _identifier: str, _state: Values) -> None:
        """Nothing."""


def _removed(remove: Callable[[], None], busy: str, state: str) -> None:
    """Remove, and again while it is in use. Raises ProviderError."""
    deadline = time.monotonic() + _REMOVAL
    while True:
        try:
            return remove()
        except NotFound:
            return None
        except APIError as error:
            if busy not in str(error.explanation):
                raise ProviderError(daemon(error)) from error
        if time.monotonic() > deadline:
            waited = f"last state: '{state}', timeout: {_REMOVAL:.0f}s"
            raise ProviderError(f"timeout while waiting for state to become 'removed' ({waited})")
        time.sleep(_POLL)

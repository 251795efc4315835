"""The ``config`` of a step: what the application says and the manifest's ConfigMap does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opea_pulumi.blueprint import (
    Blueprint,
    EndpointValue,
    LiteralValue,
    PathValue,
    SecretFileValue,
    SecretValue,
    Value,
)

from ._facts import Dialect, StepFacts, facts
from ._places import Place, path_of, refusal
from ._words import is_secret


@dataclass(frozen=True)
class Writer:
    """Writes the config of steps in one dialect."""

    blueprint: Blueprint
    places: Mapping[str, Place]
    dialect: Dialect

    def config(self, place: Place, endpoint: str, *, shared: bool = False) -> dict[str, str]:
        """The config of a step in the dialect's words and order.

        ``shared``: the server that it calls stands after another step, so that its place tells nothing.

        Raises:
            BlueprintError: the operator would not pass a variable on as it is meant.
        """
        self._check_model(place)
        variables = {
            key: text
            for key, value in sorted(place.workload.environment.items())
            if (text := self._text(place, key, value)) is not None
        }
        path = {"endpoint": endpoint} if endpoint else {}
        if self.dialect == "v1.1":
            return {**path, **variables}
        return {**self._rfc(place, variables, shared=shared), **path}

    def _text(self, place: Place, key: str, value: Value) -> str | None:
        """What stands in the config for a variable; ``None`` when the operator gives it already."""
        self._check_key(place, key)
        match value:
            case EndpointValue():
                return self._address(place, key, value)
            case SecretValue() | SecretFileValue():
                return None
            case PathValue():
                mounts = place.workload.mounts
                text = next((mount.path for mount in mounts if mount.volume == value.volume), "")
            case LiteralValue():
                text = self._with_cluster(place, key, value.value)
        if key in facts().magic:
            message = f"the operator takes {key} for the name of a step and refuses an address"
            hint = "give the step a url of its own; then it is called elsewhere as a whole"
            raise refusal(message, self._path(place, key), hint)
        if is_secret(key, text):
            message = f"{key} would stand in the GMConnector in plain text"
            hint = "the operator reads no Secret; take it out"
            raise refusal(message, self._path(place, key), hint)
        if facts().default(place.facts, key) != text:
            if key in place.facts.fixed:
                message = f"the operator's Service of {place.step} needs {key} as it is"
                raise refusal(message, self._path(place, key), "take it out")
            return text
        # the model is written even if it is the manifest's own: the ConfigMap is shared and may be edited
        return text if key == place.facts.model else None

    def _with_cluster(self, place: Place, key: str, text: str) -> str:
        """The operator's addresses are whole names of the cluster, which no proxy knows."""
        proxied = {"http_proxy", "https_proxy"} & place.workload.environment.keys()
        if key != "no_proxy" or not proxied:
            return text
        known = text.split(",")
        return ",".join([*known, *(name for name in facts().cluster if name not in known)])

    def _address(self, place: Place, key: str, value: EndpointValue) -> str:
        target = self.places.get(value.workload)
        if value.secret or target is None:
            raise refusal(f"the operator has no place for the secret in {key}", self._path(place, key))
        if key not in facts().magic:
            return value.format.format(host=target.service, port=target.facts.port)
        if value.format != f"{target.facts.scheme}://{{host}}:{{port}}":
            message = f"the operator makes the address in {key} itself, without a path"
            raise refusal(message, self._path(place, key))
        return target.service

    def _check_key(self, place: Place, key: str) -> None:
        if key in facts().reserved:
            message = f"the operator does not pass {key} on to a service"
            raise refusal(message, self._path(place, key), "it is no environment variable there")

    def _check_model(self, place: Place) -> None:
        only, model = place.facts.only_model, place.workload.model
        if only and model and model != only:
            message = f"the operator's {place.step} step serves {only} and no other model"
            path = path_of(self.blueprint, place.workload).removesuffix(".server")
            raise refusal(message, f"{path}.model", "take the model out")

    def _path(self, place: Place, key: str) -> str:
        return f"{path_of(self.blueprint, place.workload)}.environment.{key}"

    def _rfc(self, place: Place, variables: Mapping[str, str], *, shared: bool) -> dict[str, str]:
        words, row = place.facts.rfc, place.facts
        always = {key: row.environment[key] for key in words.always if key not in variables}
        written: dict[str, str] = {}
        for key, text in {**always, **variables}.items():
            word = "modelId" if key == row.model else words.keys.get(key, key)
            if not word and shared:
                word = "tei_endpoint"
            if word:
                written[word] = text
        if words.token:
            written["gmcTokenSecret"] = token_secret(self.blueprint)
        if words.host_path:
            written["hostPath"] = self._host_path(place, row)
        order = facts().rfc_order
        return {
            word: written[word] for word in (*order, *sorted(written.keys() - set(order))) if word in written
        }

    def _host_path(self, place: Place, row: StepFacts) -> str:
        mounted = {mount.volume for mount in place.workload.mounts}
        given = [volume.host_path for volume in self.blueprint.volumes if volume.name in mounted]
        return next((path for path in given if path), row.rfc.host_path)


def token_secret(blueprint: Blueprint) -> str:
    """The Secret with the hub's token, as the RFC's dialect names it."""
    existing = [secret.existing for secret in blueprint.secrets if secret.name == "hf-token"]
    return (existing and existing[0]) or facts().token_secret

"""From a step's config, in either dialect, to variables, endpoints and the place of the weights."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from opea_pulumi.application import KEY_FORM, KeyPath, looks_secret

from ._facts import StepFacts, facts
from ._source import Connector, StepPart

_USER = re.compile(r"://[^/\s?#@]*@")


@dataclass(frozen=True)
class Words:
    """A step's config, understood; ``links`` are the steps that its variables name."""

    variables: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    token_secret: str = ""
    host_path: str = ""
    endpoint: str = ""


def words_of(connector: Connector, node: str, index: int, step: StepPart, row: StepFacts) -> Words:
    """What a step's config says.

    Raises:
        ApplicationError: a link names no downstream step of the same node.
    """
    path: KeyPath = ("spec", "nodes", node, "steps", index, "internalService", "config")
    variables, links, secrets = {}, {}, []
    names = {word: key for key, word in row.rfc.keys.items() if word}
    names |= {"modelId": row.model} if row.model else {}
    if "" in row.rfc.keys.values():
        names["tei_endpoint"] = next(key for key, word in row.rfc.keys.items() if not word)
    for word, value in step.config.items():
        key = names.get(word, word)
        if word in ("endpoint", "gmcTokenSecret", "hostPath") or key in facts().reserved:
            continue
        if key in facts().magic:
            links[key] = _link(connector, node, value, (*path, word))
        elif is_secret(key, value):
            secrets.append(key)
        elif value != facts().default(row, key) or key == row.model:
            variables[key] = value
    return Words(
        variables,
        links,
        tuple(secrets),
        step.config.get("gmcTokenSecret", ""),
        step.config.get("hostPath", ""),
        step.config.get("endpoint", ""),
    )


def is_secret(key: str, value: str) -> bool:
    """Whether a variable's value may be one that stands in no file."""
    return bool(value) and bool(looks_secret(key) or KEY_FORM.search(value) or _USER.search(value))


def _link(connector: Connector, node: str, value: str, path: KeyPath) -> str:
    downstream = [step.service for step in connector.steps(node) if step.is_downstream and not step.nodeName]
    if value and value in downstream:
        return value
    hint = "the serviceName of a step of this node with isDownstreamService: true"
    return connector.fail("this names no downstream step of its node", path, hint, code="unknown-step")

"""Everything that can be wrong with a graph is found here, before the router listens."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from opea_pulumi.errors import FlowError, Location, shown
from opea_pulumi.flow import (
    CONTRACTS,
    Contract,
    Flow,
    Mode,
    NodeKind,
    Step,
    check_types,
    contract_of,
    parse_condition,
)

from ._contracts import STEP_CONTRACTS
from ._graph import runnable
from ._request import read_defaults
from ._upstream import Timeouts

_TYPED = (Contract.DOCSUM, Contract.ARB_POST_HEARING)
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


@dataclass(frozen=True)
class Plan:
    """A checked graph, ready to run.

    ``keys`` are the steps' own bearer keys by step name (secret); an empty one means that the
    service wants none, or that it was forgotten, which only the service can tell.
    ``given_timeouts`` are seconds by step name and ``connect`` or ``idle``.
    """

    flow: Flow
    mode: Mode
    keys: Mapping[str, str]
    defaults: Mapping[str, Any]
    dataprep: Step | None
    given_timeouts: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The application's name: the last part of its endpoint."""
        return self.flow.endpoint.rstrip("/").rpartition("/")[2] or "opea"

    @property
    def steps(self) -> list[Step]:
        """The services the router calls, each once."""
        found = {
            step.url: step for _, step in _steps(self.flow) if not (step.node_name or step.is_downstream)
        }
        return list(found.values())

    @property
    def typed(self) -> bool:
        """Whether the application is one whose requests have a ``type`` (OPEA's DocSum and its like)."""
        return any(contract_of(self.flow, step) in _TYPED for _, step in _steps(self.flow) if step.url)

    def first(self, contract: Contract) -> Step | None:
        """The first step of this kind that the router would call, in the order of the walk."""
        return _first(self.flow, contract, "root")

    def timeouts(self, base: Timeouts) -> dict[str, Timeouts]:
        """By step name, for the steps that have their own; what the graph does not say is ``base``'s."""
        return {step: replace(base, **given) for step, given in self.given_timeouts.items()}


def make_plan(flow: Flow, mode: Mode | None, environment: Mapping[str, str]) -> Plan:
    """Check a graph against what this router runs.

    Args:
        mode: overrides the graph's own.
        environment: where the keys of ``key.<step>`` are looked up.

    Raises:
        FlowError: something the router can't run, or can't run rightly.
    """
    chosen = mode or flow.mode
    _check_nodes(flow)
    if chosen is Mode.ALIGNED:
        check_types(flow)
        _check_contracts(flow)
    _check_endpoint(flow.endpoint)
    keys = {step: _key(step, name, environment) for step, name in flow.keys.items()}
    return Plan(flow, chosen, keys, read_defaults(flow.defaults), _dataprep(flow), _timeouts(flow))


def _steps(flow: Flow) -> Iterator[tuple[str, Step]]:
    for name, node in flow.nodes.items():
        for index, step in enumerate(node.steps):
            yield f"spec.nodes.{name}.steps[{index}]", step


def _error(code: str, message: str, path: str, hint: str = "") -> FlowError:
    return FlowError(message, code=code, location=Location(path=path), hint=hint)


def _check_nodes(flow: Flow) -> None:
    for name, node in flow.nodes.items():
        path = f"spec.nodes.{name}"
        steps = runnable(node)
        if not steps:
            raise _error("no-steps", "a node needs a step that is not a downstream service", path)
        index, first = steps[0]
        if node.kind is NodeKind.SEQUENCE and first.condition:
            message = "the first step of a Sequence has no answer before it that a condition could test"
            hint = "leave the condition out, or choose by the request in a Switch"
            raise _error("bad-condition", message, f"{path}.steps[{index}].condition", hint)
    for path, step in _steps(flow):
        if step.condition:
            parse_condition(step.condition, f"{path}.condition")
        if step.url:
            _check_url(step.url, path)


def _check_url(url: str, path: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        hint = "write http://HOST:PORT/PATH"
        raise _error("bad-url", "the step's URL is not an http(s) one", f"{path}.serviceUrl", hint)


def _check_contracts(flow: Flow) -> None:
    for path, step in _steps(flow):
        if step.node_name or step.is_downstream:
            continue
        contract = contract_of(flow, step)
        if contract is None:
            hint = f"set type.{step.name} in spec.routerConfig.config to one of {', '.join(CONTRACTS)}"
            message = f"the type of step {step.name!r} is not known, and aligned mode needs it"
            raise _error("unknown-type", message, path, hint)
        if contract not in STEP_CONTRACTS:
            hint = "mark it isDownstreamService"
            raise _error("not-in-flow", f"a {contract} service can't be a step of a flow", path, hint)


def _check_endpoint(endpoint: str) -> None:
    plain = not set(endpoint) & set("{}?# ")
    if endpoint and not (endpoint.startswith("/") and plain):
        place = "spec.routerConfig.config.endpoint"
        raise _error(
            "bad-endpoint", f"{endpoint!r} is not the path of an endpoint", place, "such as /v1/chatqna"
        )


def _key(step: str, name: str, environment: Mapping[str, str]) -> str:
    place = f"spec.routerConfig.config.key.{step}"
    if not _VARIABLE.fullmatch(name):  # perhaps the key itself: it must not be shown
        message = f"key.{step} must be the name of an environment variable, in capitals"
        raise _error(
            "bad-key", message, place, "such as OPENAI_API_KEY; the key itself never stands in a graph"
        )
    key = environment.get(name, "").strip()
    if not key.isprintable() or not key.isascii():
        raise _error("bad-key", f"the environment variable {name} holds no key but something else", place)
    return key


def _dataprep(flow: Flow) -> Step | None:
    """The application's dataprep service, if the graph holds one."""
    for _, step in _steps(flow):
        if step.is_downstream and step.url and contract_of(flow, step) is Contract.DATAPREP:
            return step
    return None


def _first(flow: Flow, contract: Contract, name: str) -> Step | None:
    for _, step in runnable(flow.nodes[name]):
        if step.node_name:
            found = _first(flow, contract, step.node_name)
        else:
            found = step if contract_of(flow, step) is contract else None
        if found is not None:
            return found
    return None


def _timeouts(flow: Flow) -> dict[str, dict[str, float]]:
    """``connect-timeout.<step>`` and ``idle-timeout.<step>``, checked."""
    names = {step.name for _, step in _steps(flow)}
    found: dict[str, dict[str, float]] = {}
    for kind, texts in (("connect", flow.connect_timeouts), ("idle", flow.idle_timeouts)):
        for step, text in texts.items():
            place = f"spec.routerConfig.config.{kind}-timeout.{step}"
            if step not in names:
                raise _error("unknown-step", f"no step is named {shown(step)}", place)
            found.setdefault(step, {})[kind] = _seconds(text, place)
    return found


def _seconds(text: str, place: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise _error("bad-timeout", "a timeout is a number of seconds above 0", place, "such as 2.5")
    return number

"""Walking the graph. Knows nodes and steps, and neither HTTP nor what travels between the steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from opea_pulumi.flow import Flow, Node, NodeKind, Step

T = TypeVar("T")


class Traffic(Protocol[T]):
    """How data travels in one mode; ``T`` is what a step gets and what it leaves behind."""

    async def input(self, step: Step, index: int, node_input: T, previous: T | None, /) -> T:
        """What a step gets: ``index`` counts the node's steps, ``previous`` is the last one's result."""

    async def call(self, step: Step, value: T, final: bool, /) -> T:
        """Run a step that is a service. The final step's result is the client's answer."""

    async def stops(self, step: Step, result: T, /) -> bool:
        """Whether the node ends here with this result."""


async def run(flow: Flow, traffic: Traffic[T], value: T) -> T:
    """Send ``value`` through the graph from its root. Raises what ``traffic`` raises."""
    return await _run_node(flow, flow.nodes["root"], traffic, value, True)


def runnable(node: Node) -> list[tuple[int, Step]]:
    """The steps the router calls itself, with their index among all steps of the node."""
    return [(index, step) for index, step in enumerate(node.steps) if not step.is_downstream]


async def _run_node(flow: Flow, node: Node, traffic: Traffic[T], value: T, final: bool) -> T:
    runner: Callable[..., Awaitable[T]] = _RUNNERS[node.kind]
    return await runner(flow, node, traffic, value, final)


async def _run_sequence(flow: Flow, node: Node, traffic: Traffic[T], value: T, final: bool) -> T:
    steps = runnable(node)
    previous: T | None = None
    for position, (index, step) in enumerate(steps, start=1):
        given = await traffic.input(step, index, value, previous)
        last = final and position == len(steps)
        if step.node_name:
            previous = await _run_node(flow, flow.nodes[step.node_name], traffic, given, last)
        else:
            previous = await traffic.call(step, given, last)
        if await traffic.stops(step, previous):
            break
    return value if previous is None else previous


_RUNNERS: dict[NodeKind, Callable[..., Awaitable[Any]]] = {NodeKind.SEQUENCE: _run_sequence}

RUNS = frozenset(_RUNNERS)
"""Kinds of nodes this version runs; a graph with another is refused at load."""

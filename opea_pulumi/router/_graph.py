"""Walking the graph. Knows nodes and steps, and neither HTTP nor what travels between the steps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar

from opea_pulumi.flow import Condition, Flow, Node, NodeKind, Step, parse_condition

from ._errors import RouterError, bad_request

T = TypeVar("T")

_condition: Callable[[str], Condition] = lru_cache(maxsize=1024)(parse_condition)


class Traffic(Protocol[T]):
    """How data travels in one mode; ``T`` is what a step gets and what it leaves behind."""

    @property
    def client(self) -> Any:
        """The client's JSON, by which a Switch and an Ensemble choose."""

    async def whole(self, value: T, /) -> None:
        """Wait until all of what a step left behind is there."""

    async def answer(self, value: T, /) -> Any:
        """The JSON that a step left behind, for the condition of the next; None when it is none."""

    async def input(self, step: Step, index: int, node_input: T, previous: T | None, /) -> T:
        """What a step gets: ``index`` counts the node's steps, ``previous`` is the last one's result."""

    async def call(self, step: Step, value: T, final: bool, /) -> T:
        """Run a step that is a service. The final step's result is the client's answer."""

    def recover(self, step: Step, value: T, error: RouterError, final: bool, /) -> T:
        """What a step that got ``value`` and raised leaves behind, or the error again."""

    def stops(self, step: Step, result: T, /) -> bool:
        """Whether the node ends here with this result."""

    async def merge(self, value: T, branches: list[tuple[int, Step, T]], /) -> T:
        """The result of an Ensemble that got ``value``: its branches' results, in step order."""


async def run(flow: Flow, traffic: Traffic[T], value: T) -> T:
    """Send ``value`` through the graph from its root. Raises what ``traffic`` raises."""
    return await _Walk(flow, traffic).node("root", value, True)


def runnable(node: Node) -> list[tuple[int, Step]]:
    """The steps the router calls itself, with their index among all steps of the node."""
    return [(index, step) for index, step in enumerate(node.steps) if not step.is_downstream]


@dataclass(frozen=True)
class _Walk(Generic[T]):
    """One request's way through the graph."""

    flow: Flow
    traffic: Traffic[T]

    async def node(self, name: str, value: T, final: bool) -> T:
        node = self.flow.nodes[name]
        steps = runnable(node)
        if node.kind is NodeKind.SEQUENCE:
            return await self._one_by_one(steps, value, final, ask_before=True)
        steps = [(index, step) for index, step in steps if self._chosen(step)]
        if not steps:
            message = f"no step of the {node.kind} {name!r} has a condition that the request meets"
            raise bad_request("no-match", message)
        if node.kind is NodeKind.SWITCH:
            return await self._one_by_one(steps, value, final, ask_before=False)
        return await self._side_by_side(steps, value)

    def _chosen(self, step: Step) -> bool:
        return not step.condition or _condition(step.condition).holds(self.traffic.client)

    async def _one_by_one(
        self, steps: list[tuple[int, Step]], value: T, final: bool, *, ask_before: bool
    ) -> T:
        """``ask_before``: a step's condition is about the answer before it, and ends the node if it fails."""
        previous: T | None = None
        for position, (index, step) in enumerate(steps, start=1):
            if ask_before and step.condition and previous is not None:
                answer = await self.traffic.answer(previous)
                if not _condition(step.condition).holds(answer):
                    break
            given = await self.traffic.input(step, index, value, previous)
            previous = await self._step(step, given, final and position == len(steps))
            if self.traffic.stops(step, previous):
                break
        return value if previous is None else previous

    async def _side_by_side(self, steps: list[tuple[int, Step]], value: T) -> T:
        """Every step at once; the first that ends the node, or fails, cancels the others."""
        tasks = [asyncio.ensure_future(self._branch(index, step, value)) for index, step in steps]
        try:
            for finished in asyncio.as_completed(tasks):
                _, step, result = await finished
                if self.traffic.stops(step, result):
                    return result
            return await self.traffic.merge(value, [task.result() for task in tasks])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _branch(self, index: int, step: Step, value: T) -> tuple[int, Step, T]:
        given = await self.traffic.input(step, index, value, None)
        result = await self._step(step, given, False)
        await self.traffic.whole(result)  # here, so that the bodies come side by side, too
        return index, step, result

    async def _step(self, step: Step, value: T, final: bool) -> T:
        try:
            if step.node_name:
                return await self.node(step.node_name, value, final)
            return await self.traffic.call(step, value, final)
        except RouterError as error:
            return self.traffic.recover(step, value, error, final)

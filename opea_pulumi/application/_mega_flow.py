"""The ``mega_flow`` grammar and the graph it describes.

.. code-block:: text

    line  := group (">>" group)*
    group := name | "(" name ("," name)* ")"

Every pair of neighbouring groups adds the edges from each of the left to each of the right;
several lines add up. ``a >> b >> c`` and the two lines ``a >> b``, ``b >> c`` are one graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from opea_pulumi.errors import shown

_TOKEN = re.compile(r"(?P<space>\s+)|(?P<arrow>>>)|(?P<mark>[(),])|(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)")


class FlowSyntaxError(ValueError):
    """A line of the mega flow does not follow the grammar; ``offset`` counts characters from 0."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True)
class FlowName:
    """A name in a line of the mega flow and where it stands (characters from 0)."""

    name: str
    offset: int


@dataclass(frozen=True)
class MegaFlow:
    """A directed acyclic graph of service names: ``nodes`` in topological order, ``edges`` sorted by it."""

    nodes: tuple[str, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> MegaFlow:
        """Build the canonical graph; equal graphs are equal objects, however they were written.

        Raises:
            ValueError: the edges form a circle; the message names it.
        """
        unique = sorted(set(edges))
        names = sorted({*nodes, *(name for edge in unique for name in edge)})
        order = _topological(names, unique)
        rank = {name: index for index, name in enumerate(order)}
        return cls(order, tuple(sorted(unique, key=lambda edge: (rank[edge[0]], rank[edge[1]]))))

    def predecessors(self, name: str) -> tuple[str, ...]:
        """The nodes with an edge to this one, in the graph's order."""
        return tuple(left for left, right in self.edges if right == name)

    def successors(self, name: str) -> tuple[str, ...]:
        """The nodes with an edge from this one, in the graph's order."""
        return tuple(right for left, right in self.edges if left == name)

    @property
    def is_sequence(self) -> bool:
        """Whether the graph is one line without forks or joins."""
        return self.edges == tuple(pairwise(self.nodes))

    def to_lines(self) -> list[str]:
        """The graph in the grammar: one line when it is a sequence, else a line an edge."""
        if self.is_sequence:
            return [" >> ".join(self.nodes)] if self.nodes else []
        linked = {name for edge in self.edges for name in edge}
        return [name for name in self.nodes if name not in linked] + [f"{a} >> {b}" for a, b in self.edges]


def parse_line(line: str) -> list[list[FlowName]]:
    """Read one line into its groups, left to right.

    Raises:
        FlowSyntaxError: the line does not follow the grammar.
    """
    tokens = list(_tokens(line))
    groups: list[list[FlowName]] = []
    position = 0
    while True:
        group, position = _group(tokens, position, len(line))
        groups.append(group)
        if position == len(tokens):
            return groups
        kind, text, offset = tokens[position]
        if kind != "arrow":
            raise FlowSyntaxError(f"expected '>>' but found {_quoted(kind, text)}", offset)
        position += 1


def line_edges(groups: list[list[FlowName]]) -> list[tuple[str, str]]:
    """The edges that a line's groups add."""
    names = [dict.fromkeys(item.name for item in group) for group in groups]
    return [(left, right) for before, after in pairwise(names) for left in before for right in after]


_Token = tuple[str, str, int]


def _tokens(line: str) -> Iterator[_Token]:
    position = 0
    while position < len(line):
        match = _TOKEN.match(line, position)
        if match is None or match.lastgroup is None:
            raise FlowSyntaxError(f"unexpected character {line[position]!r}", position)
        if match.lastgroup != "space":
            yield match.lastgroup, match[0], position
        position = match.end()


def _group(tokens: list[_Token], position: int, end: int) -> tuple[list[FlowName], int]:
    if position < len(tokens) and tokens[position][1] == "(":
        return _names(tokens, position + 1, end)
    name = _name(tokens, position, end)
    return [name], position + 1


def _names(tokens: list[_Token], position: int, end: int) -> tuple[list[FlowName], int]:
    names = [_name(tokens, position, end)]
    while position + 1 < len(tokens) and tokens[position + 1][1] == ",":
        position += 2
        names.append(_name(tokens, position, end))
    if position + 1 >= len(tokens) or tokens[position + 1][1] != ")":
        offset = tokens[position + 1][2] if position + 1 < len(tokens) else end
        raise FlowSyntaxError("expected ',' or ')'", offset)
    return names, position + 2


def _name(tokens: list[_Token], position: int, end: int) -> FlowName:
    if position >= len(tokens):
        raise FlowSyntaxError("expected a service's name at the end of the line", end)
    kind, text, offset = tokens[position]
    if kind != "name":
        raise FlowSyntaxError(f"expected a service's name but found {_quoted(kind, text)}", offset)
    return FlowName(text, offset)


def _quoted(kind: str, text: str) -> str:
    return shown(text) if kind == "name" else repr(text)


def _topological(names: list[str], edges: list[tuple[str, str]]) -> tuple[str, ...]:
    """Kahn's order with ties broken by name, so that it depends on nothing but the graph."""
    order: list[str] = []
    waiting = {name: {left for left, right in edges if right == name} for name in names}
    while waiting:
        ready = next((name for name in sorted(waiting) if not waiting[name]), None)
        if ready is None:
            raise ValueError(" >> ".join(_circle(waiting)))
        order.append(ready)
        del waiting[ready]
        for before in waiting.values():
            before.discard(ready)
    return tuple(order)


def _circle(waiting: dict[str, set[str]]) -> list[str]:
    """One circle among nodes that all wait for another: walk backwards until a name repeats."""
    trail = [min(waiting)]
    while True:
        before = min(waiting[trail[-1]])
        if before in trail:
            return [before, *reversed(trail[trail.index(before) :])]
        trail.append(before)

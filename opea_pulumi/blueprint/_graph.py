"""From a mega flow to nested nodes: what runs in sequence, and what side by side.

A GMConnector's graph is made of Sequence, Ensemble and Switch nodes. A flow of arrows has that shape
when it can be cut, again and again, into parts after one another (every end of the one leads to
every start of the next) or parts without arrows between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opea_pulumi.application import MegaFlow


@dataclass(frozen=True)
class Serial:
    """Parts that run after one another."""

    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Parallel:
    """Parts that run side by side."""

    parts: tuple[Part, ...]


Part = str | Serial | Parallel
"""A service or node by name, or a composition."""


def structure(flow: MegaFlow) -> Part | None:
    """The flow's composition; ``None`` when it has none (such as ``a >> c, a >> d, b >> d``)."""
    return _part(flow, flow.nodes)


def _part(flow: MegaFlow, names: Sequence[str]) -> Part | None:
    if len(names) == 1:
        return names[0]
    groups = _components(flow, names)
    if len(groups) > 1:
        return _composed(Parallel, flow, groups)
    groups = _stages(flow, names)
    return _composed(Serial, flow, groups) if len(groups) > 1 else None


def _composed(kind: type[Serial | Parallel], flow: MegaFlow, groups: list[list[str]]) -> Part | None:
    parts = [_part(flow, group) for group in groups]
    return kind(tuple(part for part in parts if part is not None)) if None not in parts else None


def _components(flow: MegaFlow, names: Sequence[str]) -> list[list[str]]:
    """The parts without arrows between them, each in the flow's order."""
    group_of = {name: {name} for name in names}
    for left, right in flow.edges:
        if left in group_of and right in group_of and group_of[left] is not group_of[right]:
            joined = group_of[left] | group_of[right]
            group_of |= dict.fromkeys(joined, joined)
    groups: list[list[str]] = []
    for name in names:
        if not any(name in group for group in groups):
            groups.append([other for other in names if other in group_of[name]])
    return groups


def _stages(flow: MegaFlow, names: Sequence[str]) -> list[list[str]]:
    """Cut wherever all that comes before leads, end to start, to all that comes after."""
    inside = set(names)
    edges = {(left, right) for left, right in flow.edges if left in inside and right in inside}
    stages, start = [], 0
    ranks = _by_depth(edges, names)
    for index in range(1, len(ranks)):
        if _is_cut(edges, ranks[:index], ranks[index:]):
            stages.append(ranks[start:index])
            start = index
    return [*stages, ranks[start:]]


def _by_depth(edges: set[tuple[str, str]], names: Sequence[str]) -> list[str]:
    """The names by the longest way that leads to them; a cut never parts names of one depth."""
    depth = dict.fromkeys(names, 0)
    for name in names:  # they are in topological order
        depth[name] = max((depth[left] + 1 for left, right in edges if right == name), default=0)
    return sorted(names, key=lambda name: (depth[name], names.index(name)))


def _is_cut(edges: set[tuple[str, str]], before: list[str], after: list[str]) -> bool:
    left, right = set(before), set(after)
    crossing = {edge for edge in edges if edge[0] in left and edge[1] in right}
    ends = left - {a for a, b in edges if b in left}
    starts = right - {b for a, b in edges if a in right}
    return crossing == {(a, b) for a in ends for b in starts}

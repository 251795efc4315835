"""Flows of arrows as nested sequences and branches."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi.application import MegaFlow
from opea_pulumi.blueprint._graph import Parallel, Serial, structure

CASES = yaml.safe_load((Path(__file__).parent / "graphs.yaml").read_text())


def written(part):
    """A composition in the grammar of mega flows, with brackets within brackets."""
    if isinstance(part, str):
        return part
    if isinstance(part, Serial):
        return " >> ".join(
            f"[{written(item)}]" if isinstance(item, Serial) else written(item) for item in part.parts
        )
    return "(" + ", ".join(written(item) for item in part.parts) + ")"


@pytest.mark.parametrize("case", CASES, ids=[case["flow"] for case in CASES])
def test_structure(case):
    edges = [tuple(edge.split(" >> ")) for edge in case["flow"].split(", ") if " >> " in edge]
    names = [name for name in case["flow"].split(", ") if " >> " not in name]
    part = structure(MegaFlow.of(names, edges))
    assert (written(part) if part else None) == case["structure"]


def compositions(names):
    """Random compositions of these names, as nested lists: 'serial' or 'parallel' and the parts."""
    if len(names) == 1:
        return st.just(names[0])
    cuts = st.integers(1, len(names) - 1)
    return cuts.flatmap(
        lambda cut: st.tuples(
            st.sampled_from([Serial, Parallel]), compositions(names[:cut]), compositions(names[cut:])
        )
    )


def ends(part, last):
    if isinstance(part, str):
        return [part]
    kind, *parts = part
    if kind is Parallel:
        return [name for item in parts for name in ends(item, last)]
    return ends(parts[-1 if last else 0], last)


def arrows(part):
    if isinstance(part, str):
        return []
    kind, left, right = part
    own = [(a, b) for a in ends(left, True) for b in ends(right, False)] if kind is Serial else []
    return [*arrows(left), *arrows(right), *own]


def flattened(part):
    """Nested compositions of one kind as one, branches in any order."""
    if isinstance(part, str):
        return part
    kind = type(part) if not isinstance(part, tuple) else part[0]
    items = part.parts if not isinstance(part, tuple) else part[1:]
    flat = []
    for item in map(flattened, items):
        flat += item[1] if not isinstance(item, str) and item[0] is kind else [item]
    return (kind, sorted(flat, key=repr) if kind is Parallel else flat)


@given(st.integers(1, 8).flatmap(lambda count: compositions([f"s{index}" for index in range(count)])))
def test_every_composition_is_found_again(part):
    names = sorted({name for edge in arrows(part) for name in edge} | set(leaves(part)))
    found = structure(MegaFlow.of(names, arrows(part)))
    assert flattened(found) == flattened(part)


def leaves(part):
    return [part] if isinstance(part, str) else [name for item in part[1:] for name in leaves(item)]

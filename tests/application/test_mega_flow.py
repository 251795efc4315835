"""The flow's grammar: round trips, and one graph however it is written."""

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from opea_pulumi.application import MegaFlow
from opea_pulumi.application._mega_flow import FlowSyntaxError, line_edges, parse_line


def read(lines):
    """The graph of some lines, as the language reads it."""
    parsed = [parse_line(line) for line in lines]
    nodes = [item.name for groups in parsed for group in groups for item in group]
    return MegaFlow.of(nodes, [edge for groups in parsed for edge in line_edges(groups)])


@given(st.data())
def test_lines_read_back_to_the_same_graph(language, data):
    flow = MegaFlow.of(*data.draw(language.dags))
    assert read(flow.to_lines()) == flow


@given(st.data())
def test_the_order_of_nodes_and_edges_does_not_matter(language, data):
    nodes, edges = data.draw(language.dags)
    flow = MegaFlow.of(nodes, edges)
    assert MegaFlow.of(data.draw(st.permutations(nodes)), data.draw(st.permutations(edges + edges))) == flow


@given(st.data())
def test_nodes_stand_in_topological_order(language, data):
    nodes, edges = data.draw(language.dags)
    flow = MegaFlow.of(nodes, edges)
    assert sorted(flow.nodes) == sorted(nodes)
    assert set(flow.edges) == set(edges)
    assert all(flow.nodes.index(left) < flow.nodes.index(right) for left, right in edges)
    for name in nodes:
        assert {(left, name) for left in flow.predecessors(name)} == {
            edge for edge in edges if edge[1] == name
        }
        assert {(name, right) for right in flow.successors(name)} == {
            edge for edge in edges if edge[0] == name
        }


@given(st.data())
def test_one_line_or_many(language, data):
    names = data.draw(st.lists(language.names, min_size=2, max_size=8, unique=True))
    cut = data.draw(st.integers(1, len(names) - 1))
    whole = read([" >> ".join(names)])
    assert whole.is_sequence
    assert (
        read([" >> ".join(names[:cut]), " >> ".join(names[cut - 1 : cut + 1]), " >> ".join(names[cut:])])
        == whole
    )
    assert read([f"{a}>>{b}" for a, b in pairwise(names)]) == whole


@given(st.data())
def test_groups_are_all_edges_from_left_to_right(language, data):
    names = data.draw(st.lists(language.names, min_size=2, max_size=9, unique=True))
    cut = data.draw(st.integers(1, len(names) - 1))
    left, right = names[:cut], names[cut:]
    space = data.draw(st.sampled_from(["", " ", "  ", "\t"]))

    def group(items):
        return f"({space}{f'{space},{space}'.join(items)}{space})"

    flow = read([f"{space}{group(left)}{space}>>{space}{group(right)}{space}"])
    assert flow == MegaFlow.of(names, [(a, b) for a in left for b in right])
    assert flow == read([f"{a} >> {b}" for a in left for b in right])


@given(st.data())
def test_a_closed_chain_is_refused_with_its_circle(language, data):
    names = data.draw(st.lists(language.names, min_size=1, max_size=6, unique=True))
    nodes, edges = data.draw(language.dags)
    assume(not set(nodes) & set(names))
    circle = list(zip(names, [*names[1:], names[0]], strict=True))
    bridge = [(nodes[0], names[0]), (names[0], f"{nodes[0]}.after")]
    with pytest.raises(ValueError) as caught:
        MegaFlow.of(nodes, [*edges, *bridge, *circle])
    shown = str(caught.value).split(" >> ")
    assert shown[0] == shown[-1]
    assert set(pairwise(shown)) == set(circle)


@given(st.text("ab->(), \n$", max_size=30))
def test_any_line_is_read_or_refused_at_a_place_in_it(line):
    offset, groups = -1, []
    try:
        groups = parse_line(line)
    except FlowSyntaxError as error:
        offset = error.offset
    assert groups or 0 <= offset <= len(line)
    for item in (item for group in groups for item in group):
        assert line[item.offset :].startswith(item.name)


def test_a_sequence_is_one_line_and_the_rest_a_line_an_edge():
    assert read(["a >> b", "b >> c"]).to_lines() == ["a >> b >> c"]
    assert read(["a >> (b, c)"]).to_lines() == ["a >> b", "a >> c"]
    assert read(["a", "b >> c"]).to_lines() == ["a", "b >> c"]
    assert MegaFlow().to_lines() == []


def test_a_long_line_is_read_in_linear_time():
    line = "(" + ", ".join(["a", "b"] * 100_000) + ") >> (c, c)"
    assert read([line]).edges == (("a", "c"), ("b", "c"))

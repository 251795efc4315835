"""Conditions: what they mean, as a table, and that no text or document breaks them."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi.errors import FlowError
from opea_pulumi.flow import parse_condition

ROWS = yaml.safe_load((Path(__file__).parent / "conditions.yaml").read_text(encoding="utf-8"))
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("ab1.", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab1.", max_size=2), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(("text", "document", "holds"), ROWS)
def test_condition(text, document, holds):
    assert parse_condition(text).holds(document) is holds


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "==x",
        "a==",
        "a..b",
        ".a",
        "a.",
        "a.#(b",
        'a.#(b=="x)',
        "a.#()",
        "a.#(b==)",
        "a.#(b==~true)",
        "a.#(b!c)",
        "a.#(b)c",
        "a.#b",
        "a.@reverse",
        "{a,b}",
        "[a,b]",
        "!true",
        "a|b",
        "a\\",
        'a=="x',
        'a=="x"y',
    ],
)
def test_refused(text):
    with pytest.raises(FlowError) as caught:
        parse_condition(text, "spec.nodes.root.steps[0].condition")
    assert caught.value.code == "bad-condition"
    assert "spec.nodes.root.steps[0].condition" in str(caught.value)


@given(st.text('ab1.#()"=!<>%~*?\\|@ ', max_size=12), DOCUMENTS)
def test_any_text_is_read_or_refused(text, document):
    try:
        condition = parse_condition(text)
    except FlowError:
        return
    assert condition.holds(document) in (True, False)


@given(DOCUMENTS, st.sampled_from([text for text, _, _ in ROWS]))
def test_any_document_will_do(document, text):
    assert parse_condition(text).holds(document) in (True, False)

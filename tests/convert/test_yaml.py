"""YAML as it is written: reads back to the same, looks as `yaml.dump` writes it, holds plain data only."""

import datetime

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from opea_pulumi.convert._yaml import dump_documents, dump_yaml

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8")),
)
_ODD = ["", "1", "1.0", "true", "y", "~", "=", "<<", "- x", "a: b", "2020-01-01", "0x10", "#", " a", "a "]
_WORDS = st.one_of(_SCALARS, st.sampled_from(_ODD))
_DATA = st.recursive(
    _WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
)
_DOCUMENTS = st.dictionaries(st.text("abcxyz-1", max_size=9), _DATA, max_size=5)


@given(_DOCUMENTS)
def test_it_reads_back_to_the_same(document):
    assert yaml.safe_load(dump_yaml(document)) == document


@given(_DOCUMENTS)
def test_it_looks_as_yaml_writes_it(document):
    """Apart from texts of several lines, which stand as blocks."""
    assume("\n" not in str(document) and "\\n" not in str(document))
    expected = yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=110)
    assert dump_yaml(document) == expected


def test_what_is_equal_but_not_the_same_keeps_its_kind():
    values = [1, 1.0, True, "1", "true", 0, 0.0, False, -0.0]
    written = "a: - 1 - 1.0 - true - '1' - 'true' - 0 - 0.0 - false - -0.0"
    assert " ".join(dump_yaml({"a": values}).split()) == written


def test_a_text_of_several_lines_is_a_block():
    assert dump_yaml({"a": "x\ny\n"}) == "a: |\n  x\n  y\n"


def test_equal_parts_are_written_out():
    part = {"b": [1]}
    assert dump_documents([{"a": part, "c": part}, {}]) == "a:\n  b:\n  - 1\nc:\n  b:\n  - 1\n---\n{}\n"


@pytest.mark.parametrize("value", [{1}, object(), b"x", datetime.date(2026, 1, 1)])
def test_what_is_no_plain_data_is_refused(value):
    with pytest.raises(yaml.YAMLError):
        dump_yaml({"a": [value]})

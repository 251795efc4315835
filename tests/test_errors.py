"""Errors are data with one text form; what may be a secret is never in it."""

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi import errors
from opea_pulumi.errors import ApplicationError, Location, OpeaError, UsageError, shown

CLASSES = [
    value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, OpeaError)
]


@pytest.mark.parametrize(
    ("location", "text"),
    [
        (Location(), ""),
        (Location("opea.yaml"), "opea.yaml"),
        (Location("opea.yaml", 3), "opea.yaml:3"),
        (Location("opea.yaml", 3, 5), "opea.yaml:3:5"),
        (Location("opea.yaml", 3, 5, "a.b"), "opea.yaml:3:5 (a.b)"),
        (Location("python", path="a.b"), "python (a.b)"),
        (Location(path="a.b"), "a.b"),
        (Location("", 3, 5, "a.b"), "3:5 (a.b)"),
    ],
)
def test_places(location, text):
    assert str(location) == text


def test_text_of_an_error():
    assert str(OpeaError("it broke", code="broken")) == "it broke [broken]"
    assert str(OpeaError("it broke", code="broken", location=Location())) == "it broke [broken]"
    whole = OpeaError("it broke", code="broken", location=Location("f", 1, 2, "a"), hint="mend it")
    assert str(whole) == "f:1:2 (a): it broke [broken]\n  hint: mend it"


def test_an_error_as_data():
    error = OpeaError("it broke", code="broken", location=Location("f", 1, 2, "a"), hint="mend it")
    assert error.to_dict() == {
        "code": "broken",
        "message": "it broke",
        "hint": "mend it",
        "file": "f",
        "line": 1,
        "column": 2,
        "path": "a",
    }
    bare = OpeaError("it broke", code="broken").to_dict()
    assert bare.keys() == error.to_dict().keys()
    assert (bare["file"], bare["line"], bare["path"], bare["hint"]) == ("", None, "", "")


def test_mistakes_found_together_are_shown_together():
    error = ApplicationError("one", code="first")
    error.also = (
        ApplicationError("two", code="second", hint="mend"),
        ApplicationError("three", code="third"),
    )
    assert str(error) == "one [first]\ntwo [second]\n  hint: mend\nthree [third]"
    data = error.to_dict()
    assert [item["code"] for item in (data, *data["also"])] == ["first", "second", "third"]


@pytest.mark.parametrize("kind", CLASSES)
def test_exit_codes(kind):
    assert kind("m", code="c").exit_code == (2 if kind is UsageError else 1)


def test_the_tree_in_the_docstring_is_the_real_one():
    drawn = re.findall(r"[├└]── (\w+) +\S", errors.__doc__)
    assert drawn == [kind.__name__ for kind in CLASSES if kind is not OpeaError]
    assert all(kind.__base__ is OpeaError for kind in CLASSES if kind is not OpeaError)
    assert OpeaError.__base__ is Exception


@pytest.mark.parametrize(
    "name",
    ["llm", "web-retriever", "llm-2", "1.5", "v1.9", "redis", "Retriever", "chatqnaa", "a/b", "my llm"],
)
def test_names_are_shown(name):
    assert shown(name) == f"'{name}'"


@pytest.mark.parametrize(
    "secret",
    [
        "hf_abcdefghijklmnop",
        "sk-abc",
        "sk-proj-4f9a8b7c",
        "ghp_abcdefgh",
        "s3cr3t",
        "xK9-mQ2",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.e30.abc",
        "12345678",
        "p@ss",
        "abcdefghijklmnopqrstu",
        "two\nlines",
    ],
)
def test_what_may_be_a_secret_is_not_shown(secret):
    assert shown(secret) == "'***'"


@given(st.text(max_size=60))
def test_what_is_shown_is_one_short_line(value):
    text = shown(value)
    assert text in (f"'{value}'", "'***'")
    assert len(text) <= 42
    assert text.isprintable()

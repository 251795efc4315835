"""The JSON Schema for editors: fresh, complete, and of one mind with the models about shapes."""

import json
import os
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import opea_pulumi.application
from opea_pulumi.application._schema import json_schema
from opea_pulumi.catalog import application_text, applications

ROOT = Path(__file__).parents[2]
FILE = Path(opea_pulumi.application.__file__).with_name("schema.json")
EXAMPLES = sorted(ROOT.glob("examples/*/opea.yaml"))
SHAPES = yaml.safe_load((Path(__file__).parent / "bad" / "keys.yaml").read_text())
SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def parts(schema):
    yield schema
    for item in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        if isinstance(item, dict | list):
            yield from parts(item)


def test_the_file_is_fresh():
    text = json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("OPEA_UPDATE_GOLDEN"):
        FILE.write_text(text, "utf-8")
    assert FILE.read_text("utf-8") == text, "OPEA_UPDATE_GOLDEN=1 writes it anew"


def test_it_is_a_schema_of_its_draft():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_key_is_described_and_no_other_is_allowed():
    mappings = [part for part in parts(SCHEMA) if isinstance(part, dict) and "properties" in part]
    assert len(mappings) >= 13
    for mapping in mappings:
        assert mapping["description"]
        assert mapping["title"]
        assert mapping["additionalProperties"] is False
        for key, item in mapping["properties"].items():
            assert item["description"].endswith("."), key
            assert "``" not in item["description"]


def test_every_key_is_in_the_documentation():
    text = (ROOT / "docs" / "language.md").read_text()
    definitions = {"Document": SCHEMA, **SCHEMA["$defs"]}
    keys = {key for item in definitions.values() for key in item.get("properties", ())}
    assert [key for key in sorted(keys) if f"`{key}`" not in text and f".{key}`" not in text] == []


@pytest.mark.parametrize("file", EXAMPLES, ids=[file.parent.name for file in EXAMPLES])
def test_examples_are_valid(file):
    VALIDATOR.validate(yaml.safe_load(file.read_text()))


@pytest.mark.parametrize("name", applications())
def test_applications_of_the_catalogue_are_valid(name):
    VALIDATOR.validate(yaml.safe_load(application_text(name)))


@pytest.mark.parametrize("case", SHAPES, ids=[case["name"] for case in SHAPES])
def test_wrong_shapes_are_refused(case):
    if "text" in case:
        text = case["text"]
    else:
        pieces = (piece.replace("%", str(index)) for piece, times in case["parts"] for index in range(times))
        text = "".join(pieces)
    assert not VALIDATOR.is_valid(yaml.safe_load(text))


@given(st.data())
def test_what_the_language_takes_is_valid(language, data):
    VALIDATOR.validate(data.draw(language.documents))

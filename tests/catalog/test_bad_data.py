"""A wrong data file is one CatalogError that names the file and the key."""

from importlib.resources import files

import pytest
import yaml

from opea_pulumi import CatalogError
from opea_pulumi.catalog import releases
from opea_pulumi.catalog._load import read_release

FOLDER = files("opea_pulumi.catalog").joinpath("releases/1.5")


def _merged():
    merged = {}
    for file in sorted(FOLDER.iterdir(), key=lambda file: file.name):
        for key, value in yaml.safe_load(file.read_text("utf-8")).items():
            merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
    return merged


GOOD = _merged()
LLM = ("services", "llm")


def changed(data, path, value):
    """A copy with one value set, or its key removed when the value is ``...``."""
    copy = dict(data)
    if len(path) > 1:
        copy[path[0]] = changed(copy.get(path[0], {}), path[1:], value)
    elif value is ...:
        del copy[path[0]]
    else:
        copy[path[0]] = value
    return copy


def error_of(file):
    with pytest.raises(CatalogError) as caught:
        read_release(file)
    assert caught.value.code == "bad-catalogue"
    assert caught.value.location.file == str(file)
    return caught.value


def test_the_good_file_is_good(tmp_path):
    file = tmp_path / "1.5.yaml"
    file.write_text(yaml.safe_dump(GOOD))
    assert read_release(file).release in releases()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("profile",), "small"),
        (("as_of",), "yesterday"),
        (("index",), ...),
        (("imlies",), {}),
        ((*LLM, "port"), "http"),
        ((*LLM, "image"), ...),
        ((*LLM, "resources", "gpu"), 1),
        ((*LLM, "health", "start_budget"), ...),
        (("servers", "vllm", "devices", "tpu"), {}),
        (("stores", "redis", "server", "port"), ...),
        (("secrets", "hf-token", "config"), ...),
        (("router",), ...),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, tuple) else None,
)
def test_a_wrong_key(path, value, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(yaml.safe_dump(changed(GOOD, path, value)))
    assert error_of(file).location.path.startswith(".".join(path))


@pytest.mark.parametrize("value", [{"endpoint": "server", "volume": "models"}, {}, {"sekret": "x"}])
def test_a_wrong_reference(value, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(yaml.safe_dump(changed(GOOD, (*LLM, "remote", "X"), value)))
    assert error_of(file).location.path.startswith("services.llm.remote.X")


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [("a: [\nb: c", 3, 1), ("", None, None), ("- a", None, None), ("a: \0", None, None)],
)
def test_not_a_release(text, line, column, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    location = error_of(file).location
    assert (location.line, location.column) == (line, column)

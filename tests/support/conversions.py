"""What goes in at one end of the converters and comes out at the other, for properties of all of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st
from language_strategies import deployments, documents, services, yaml_data

from opea_pulumi.application import dump_application, parse_application
from opea_pulumi.convert import FORMATS, blueprint_for, convert, read
from opea_pulumi.errors import OpeaError

EXAMPLES = Path(__file__).parents[2] / "examples"
TEXTS = {path.parent.name: path.read_text() for path in sorted(EXAMPLES.glob("*/opea.yaml"))}

Path_ = tuple[Any, ...]
Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True)
class Outcome:
    """What came of an input: a text and losses, or an error in all the ways in which it is shown."""

    text: str = ""
    losses: tuple[str, ...] = ()
    error: str = ""

    @property
    def everything(self) -> str:
        return "\n".join([self.text, *self.losses, self.error])


def _error(error: OpeaError) -> Outcome:
    return Outcome(error=f"{error}\n{json.dumps(error.to_dict())}\n{error!r}")


def converted(text: str, to: str) -> Outcome:
    """A text of the language in a format; an error that is not ours passes through."""
    try:
        application = parse_application(text, file="opea.yaml")
        blueprint = blueprint_for(application, to, name="app")
        result = convert(blueprint, to, application=application)
    except OpeaError as error:
        return _error(error)
    return Outcome(result.text, tuple(map(str, result.losses)))


def read_back(text: str, source: str) -> Outcome:
    """A text of another format in the language."""
    try:
        application, losses = read(text, source, file=f"{source}.yaml")
    except OpeaError as error:
        return _error(error)
    return Outcome(dump_application(application), tuple(map(str, losses)))


# texts of the language

HARMLESS = ("namespace", "expose", "ui", "image_pull_secret", "labels", "monitoring", "istio", "secrets")
PER_SERVICE = ("environment", "secrets", "replicas", "autoscaling", "dependency", "port", "resources")
STORES = st.sampled_from(["redis", "milvus", "qdrant", "pgvector"])


def _seldom(draw: Draw, times: int = 10) -> bool:
    return bool(draw(st.integers(1, times)) == times)


@st.composite
def fitting(draw: Draw) -> Any:
    """An example with some of what the language can say on top; mostly it fits together."""
    document = yaml.safe_load(TEXTS[draw(st.sampled_from(list(TEXTS)))])
    drawn = draw(deployments)
    own = {key: value for key, value in drawn.items() if key in HARMLESS or _seldom(draw)}
    if _seldom(draw, 4):
        own["vector_store"] = draw(STORES)
    if own:
        document["opea_deployment"] = {**(document.get("opea_deployment") or {}), **own}
    described = document.get("opea_micro_services") or {}
    count = len(described)
    ports = draw(st.lists(st.integers(1, 65535), min_size=count, max_size=count, unique=True))
    for (name, value), port in zip(list(described.items()), ports, strict=True):
        said = draw(services(port, []))
        chosen = draw(st.sets(st.sampled_from(PER_SERVICE), max_size=2)) & said.keys()
        described[name] = {**(value or {}), **{key: said[key] for key in PER_SERVICE if key in chosen}}
    if _seldom(draw, 4):
        workloads = ["llm", "vllm", "router", "megaservice", *map(str, described)]
        document["patches"] = [draw(patches(workloads))]
    return document


PARTS = (
    "metadata",
    "labels",
    "annotations",
    "spec",
    "template",
    "containers",
    "env",
    "environment",
    "volumes",
)


def merges() -> st.SearchStrategy[Any]:
    """What lies over an object or a service; the words are those that stand there."""
    return st.dictionaries(
        st.sampled_from([*PARTS, "networks", "deploy", "user", "image", "command", "depends_on", "nodes"]),
        st.recursive(yaml_data, lambda inner: st.dictionaries(st.sampled_from(PARTS), inner, max_size=2)),
        min_size=1,
        max_size=2,
    )


def patches(workloads: list[str]) -> st.SearchStrategy[Any]:
    """Patches for a workload that there may be."""
    return st.fixed_dictionaries(
        {
            "target": st.sampled_from(FORMATS),
            "workload": st.sampled_from(workloads),
            "merge": merges(),
        }
    )


@st.composite
def unlike_any_example(draw: Draw) -> Any:
    """Any document of the language, but for words of the catalogue that it would hardly ever hit."""
    document = draw(documents())
    if "opea_release" in document:
        document["opea_release"] = draw(st.sampled_from(["1.1", "1.5"]))
    if "vector_store" in document.get("opea_deployment", {}):
        document["opea_deployment"]["vector_store"] = draw(STORES)
    for service in document["opea_micro_services"].values():
        server = service.get("server")
        if isinstance(server, dict):
            server.pop("kind", None)
        elif server:
            service["server"] = draw(st.sampled_from(["vllm", "tgi", "tei"]))
    return document


def any_documents() -> st.SearchStrategy[Any]:
    return st.one_of(fitting(), unlike_any_example())


def dumped(document: Any) -> str:
    return yaml.safe_dump(document, sort_keys=False)


def language_texts() -> st.SearchStrategy[str]:
    """Valid texts of the language."""
    return any_documents().map(dumped)


# broken texts

ODD = [
    *("", "null", "~", "[]", "{}", "-1", "0", "1e999", ".inf", ".nan", "99999999999999999999", "2026-01-01"),
    *(
        "yes",
        "*a",
        "&a x",
        "!!python/object:os.x {}",
        "!!binary aGFsbG8=",
        "[a, [b]]",
        "{a: [b]}",
        '"',
        "'",
        "|",
    ),
    *(
        "{{x}}",
        "${X:-",
        "$X",
        "@",
        "%",
        "\\",
        "\t",
        "\u2028",
        "\x00",
        "http://[",
        "://",
        "http://x:99999999",
        "- ",
    ),
]


@st.composite
def broken(draw: Draw, texts: list[str]) -> str:
    """One of the texts with lines deleted, doubled, moved, indented, with other values, or cut off."""
    lines = draw(st.sampled_from(texts)).split("\n")
    for _ in range(draw(st.integers(1, 4))):
        change = draw(st.sampled_from([_delete, _double, _move, _indent, _swap, _odd, _cut]))
        change(draw, lines, draw(st.integers(0, len(lines) - 1)))
        lines = lines or [""]
    return "\n".join(lines)


def _delete(draw: Draw, lines: list[str], at: int) -> None:
    del lines[at : at + draw(st.integers(1, 8))]


def _double(draw: Draw, lines: list[str], at: int) -> None:
    lines[at:at] = lines[at : at + draw(st.integers(1, 4))]


def _move(draw: Draw, lines: list[str], at: int) -> None:
    line = lines.pop(at)
    lines.insert(draw(st.integers(0, len(lines))), line)


def _indent(draw: Draw, lines: list[str], at: int) -> None:
    line = lines[at]
    lines[at] = f"  {line}" if draw(st.booleans()) else line.removeprefix("  ")


def _swap(draw: Draw, lines: list[str], at: int) -> None:
    other = draw(st.integers(0, len(lines) - 1))
    (one, _, value), (two, _, another) = lines[at].partition(": "), lines[other].partition(": ")
    lines[at], lines[other] = f"{one}: {another}", f"{two}: {value}"


def _odd(draw: Draw, lines: list[str], at: int) -> None:
    key, found, _ = lines[at].partition(": ")
    odd = draw(st.sampled_from(ODD))
    lines[at] = f"{key}: {odd}" if found else f"{key.partition('- ')[0]}- {odd}"


def _cut(draw: Draw, lines: list[str], at: int) -> None:
    lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
    del lines[at + 1 :]


# texts that are YAML, and say something odd

ODD_DATA = st.one_of(
    st.sampled_from([None, True, 0, -1, 10**20, 0.5, float("inf"), float("nan"), date(2026, 1, 1), b"\xff"]),
    st.sampled_from(
        ["", " ", "a b", "é", "$X", "${X:-y}", "{x}", "{host}", "{", "http://[", "http://x:99999"]
    ),
    st.sampled_from(
        ["llm", "root", "redis", "tei-embedding", "router", "5000", "1.1", "xeon", "gmc", "a==b"]
    ),
    st.sampled_from(["a" * 300, [], {}, [[]]]),
    yaml_data,
)


def nodes(data: Any, path: Path_ = ()) -> Iterator[Path_]:
    """The paths of everything, but for the whole."""
    if isinstance(data, dict | list):
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield (*path, key)
            yield from nodes(value, (*path, key))


def at(data: Any, path: Path_) -> Any:
    for part in path:
        data = data[part]
    return data


def put(data: Any, path: Path_, value: Any) -> None:
    at(data, path[:-1])[path[-1]] = value


@st.composite
def bent(draw: Draw, texts: list[str]) -> str:
    """One of the texts with parts taken out, exchanged, given twice, or other data in their place."""
    document = next(yaml.safe_load_all(draw(st.sampled_from(texts))))
    for _ in range(draw(st.integers(1, 3))):
        paths = list(nodes(document))
        if paths:
            draw(st.sampled_from([_take_out, _exchange, _replace, _add]))(draw, document, paths)
    return yaml.safe_dump(document, sort_keys=False)


def _take_out(draw: Draw, document: Any, paths: list[Path_]) -> None:
    path = draw(st.sampled_from(paths))
    del at(document, path[:-1])[path[-1]]


def _exchange(draw: Draw, document: Any, paths: list[Path_]) -> None:
    one, other = draw(st.sampled_from(paths)), draw(st.sampled_from(paths))
    value = copy.deepcopy(at(document, other))
    put(document, one, value)


def _replace(draw: Draw, document: Any, paths: list[Path_]) -> None:
    put(document, draw(st.sampled_from(paths)), draw(ODD_DATA))


def _add(draw: Draw, document: Any, paths: list[Path_]) -> None:
    """A key or an item more, with a value that stands elsewhere or is odd."""
    parent = at(document, draw(st.sampled_from(paths))[:-1])
    value = copy.deepcopy(at(document, draw(st.sampled_from(paths))))
    value = draw(st.one_of(st.just(value), ODD_DATA))
    if isinstance(parent, list):
        parent.insert(draw(st.integers(0, len(parent))), value)
    else:
        known = [path[-1] for path in paths if isinstance(path[-1], str)]
        parent[draw(st.sampled_from(known))] = value


# secrets where they do not belong

CANARY = "Can4ry-s3cr3t-0f-the-t3sts"
SECRET_KEYS = st.sampled_from(
    [
        "HF_TOKEN",
        "OPENAI_API_KEY",
        "DB_PASSWORD",
        "CLIENT_SECRET",
        "AWS_SECRET_ACCESS_KEY",
        "apikey",
        "NEO4J_PASS",
    ]
)
ADDRESSES = st.sampled_from(
    ["https://user:{}@example.com/v1", "redis://:{}@db:6379", "https://{}@example.com"]
).map(lambda text: text.format(CANARY))


def in_address(draw: Draw, document: Any) -> None:
    """A password in an address, in the place of any value."""
    paths = [path for path in nodes(document) if not isinstance(at(document, path), dict | list)]
    put(document, draw(st.sampled_from(paths)), draw(ADDRESSES))

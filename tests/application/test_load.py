"""Reading files and folders, names, defaults, and writing back."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi import (
    ApplicationError,
    BlueprintError,
    CatalogError,
    dump_application,
    load_application,
    parse_application,
)
from opea_pulumi.application import service_types, slug
from opea_pulumi.errors import Location

CHATQNA = "opea_app: chatqna\n"


@given(st.data())
def test_a_written_application_reads_back_equal(language, data):
    application = parse_application(yaml.safe_dump(data.draw(language.documents)))
    written = dump_application(application)
    assert parse_application(written) == application
    assert dump_application(parse_application(written)) == written


@given(st.data())
def test_the_order_of_keys_does_not_matter(language, data):
    document = data.draw(language.documents)
    services = data.draw(st.permutations(list(document["opea_micro_services"].items())))
    other = dict(
        data.draw(st.permutations(list({**document, "opea_micro_services": dict(services)}.items())))
    )
    first, second = (parse_application(yaml.safe_dump(item, sort_keys=False)) for item in (document, other))
    assert dump_application(first.canonical()) == dump_application(second.canonical())


@pytest.mark.parametrize("given_name", ["retriever", "Retrieval", "embed"])
def test_a_name_that_is_an_alias_is_kept(given_name):
    text = f"opea_micro_services: {{{given_name}: }}\nopea_mega_service: {{mega_flow: [{given_name}]}}"
    application = parse_application(text)
    assert [service.alias for service in application.services.values()] == [given_name]
    assert parse_application(dump_application(application)) == application
    assert [service.alias for service in application.canonical().services.values()] == [""]


def test_a_folder_and_its_file_are_one_application(tmp_path):
    folder = tmp_path / "My App_2"
    folder.mkdir()
    (folder / "opea.yaml").write_text("opea_micro_services: {llm: }\nopea_mega_service: {mega_flow: [llm]}")
    assert load_application(folder) == load_application(str(folder / "opea.yaml"))
    assert load_application(folder).name == "my-app-2"
    assert load_application(folder).path == folder / "opea.yaml"


def test_another_file_gives_its_own_name(tmp_path):
    file = tmp_path / "other.yaml"
    file.write_text("opea_micro_services: {llm: }\nopea_mega_service: {mega_flow: [llm]}")
    assert load_application(file).name == "other"
    file.write_text(CHATQNA)
    assert load_application(file).name == "chatqna"


def test_paths_are_absolute(tmp_path, monkeypatch):
    (tmp_path / "opea.yaml").write_text(CHATQNA)
    monkeypatch.chdir(tmp_path)
    assert load_application(".").path == tmp_path / "opea.yaml"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_application("~").path == tmp_path / "opea.yaml"


def test_encodings(tmp_path):
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        (tmp_path / "opea.yaml").write_bytes(CHATQNA.encode(encoding))
        assert load_application(tmp_path).application.name == "chatqna"


@pytest.mark.parametrize(
    "path", ["missing", "missing/opea.yaml", ".", "nul\0", "~nobody-of-that-name", "x" * 5000, "loop"]
)
def test_nothing_to_read(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    with pytest.raises(ApplicationError) as caught:
        load_application(path)
    assert caught.value.code == "no-application"
    assert caught.value.location.file
    assert caught.value.message.startswith("no application there: ")
    assert "opea-pulumi init" in caught.value.hint


def test_an_endless_file_is_not_read_to_its_end():
    with pytest.raises(ApplicationError) as caught:
        load_application("/dev/zero")
    assert caught.value.code == "too-large"


@pytest.mark.parametrize(
    ("flow", "endpoint"),
    [
        ("embedding >> retrieval >> llm", "/v1/chatqna"),
        ("asr >> llm >> tts", "/v1/audioqna"),
        ("web-retriever >> llm", "/v1/searchqna"),
        ("embedding >> retrieval >> lvm", "/v1/multimodalqna"),
        ("multimodal-embedding >> multimodal-retrieval >> lvm", "/v1/multimodalqna"),
        ("embedding >> multimodal-retrieval >> video-reranking >> lvm", "/v1/videoqna"),
        ("asr >> llm >> tts >> animation", "/v1/avatarchatbot"),
        ("asr >> docsum", "/v1/docsum"),
        ("docsum", "/v1/docsum"),
        ("embedding >> retrieval >> reranking >> faqgen", "/v1/chatqna"),
        ("llm", "/v1/chat/completions"),
        ("embedding >> retrieval", "/v1/retrieval"),
    ],
)
def test_the_endpoint_of_a_flow(flow, endpoint):
    services = dict.fromkeys(flow.split(" >> "))
    document = {"opea_micro_services": services, "opea_mega_service": {"mega_flow": [flow]}}
    assert parse_application(yaml.safe_dump(document)).mega.endpoint == endpoint
    document["opea_mega_service"]["endpoint"] = "/mine"
    assert parse_application(yaml.safe_dump(document)).mega.endpoint == "/mine"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("llm-2", "llm"), ("embedding_large", "embedding"), ("fast.llm", "llm"), ("RERANK", "reranking")]
    + [(alias, kind.name) for kind in service_types().values() for alias in (kind.name, *kind.aliases)],
)
def test_types_by_name(name, kind):
    side = service_types()[kind].side
    services, flow = ({name: None, "llm": None}, "llm") if side else ({name: None}, name)
    text = yaml.safe_dump({"opea_micro_services": services, "opea_mega_service": {"mega_flow": [flow]}})
    assert kind in [service.type for service in parse_application(text).services.values()]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("ChatQnA", "chatqna"), ("a_b c", "a-b-c"), ("--x--", "x"), ("é", "app"), ("", "app"), ("a..b", "a-b")],
)
def test_slug(name, expected):
    assert slug(name) == expected


FILE = """\
opea_app: chatqna
opea_micro_services:
  retriever:
    port: 7000
  llm: {}
opea_mega_service: {mega_flow: [retriever >> llm]}
"""


@pytest.mark.parametrize(
    ("path", "line", "column"),
    [
        ("opea_micro_services.retriever.port", 4, 5),
        ("opea_micro_services.retriever.server", 3, 3),
        ("opea_micro_services.embedding", 2, 1),
        ("opea_deployment.vector_store", 1, 1),
        ("opea_mega_service.mega_flow", 6, 21),
        ("opea_mega_service.mega_flow[0]", 6, 33),
        ("", 1, 1),
    ],
)
@pytest.mark.parametrize("kind", [BlueprintError, CatalogError])
def test_locating_finds_key_paths(path, line, column, kind, tmp_path):
    (tmp_path / "opea.yaml").write_text(FILE)
    loaded = load_application(tmp_path)
    with pytest.raises(kind) as caught, loaded.locating():
        raise kind("wrong", code="wrong", location=Location(path=path))
    assert caught.value.location == Location(str(tmp_path / "opea.yaml"), line, column, path)


def test_locating_leaves_other_places_alone(tmp_path):
    (tmp_path / "opea.yaml").write_text(FILE)
    loaded = load_application(tmp_path)
    for location in (None, Location("other.yaml", 3)):
        with pytest.raises(CatalogError) as caught, loaded.locating():
            raise CatalogError("wrong", code="wrong", location=location)
        assert caught.value.location == location

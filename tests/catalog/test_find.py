"""Looking names up in the catalogue; every image of it is a reference."""

import pytest

from opea_pulumi import CatalogError
from opea_pulumi.blueprint import split_image
from opea_pulumi.catalog import (
    applications,
    description,
    find,
    images_of,
    load_release,
    releases,
    served_type,
)


@pytest.mark.parametrize("release", releases())
def test_every_image_is_a_reference_with_a_tag(release):
    images = [image.replace("{version}", "1") for image in images_of(load_release(release))]
    assert images == sorted(set(images))
    assert [image for image in images if split_image(image)[2] in ("", "latest")] == []


@pytest.mark.parametrize("name", applications())
def test_every_application_says_what_it_is(name):
    assert description(name)
    assert not description(name).startswith("#")


def test_the_newest_release_that_has_it_comes_first():
    [llm] = find("llm")
    assert (llm.kind, llm.release) == ("service", "1.5")
    assert set(llm.also) == {"1.1", "embedded"}
    [llm] = find("llm", "embedded")
    assert (llm.release, llm.also) == ("embedded", ())


def test_one_name_of_several_things():
    kinds = [item.kind for item in find("chatqna")]
    assert kinds[:2] == ["application", "megaservice"]
    assert find("1.5")[0].kind == "release"


@pytest.mark.parametrize(
    ("name", "meant"),
    [("vlm", "vllm"), ("ChatQnAA", "chatqna"), ("tei-embeding", "tei-embedding"), ("1.6", "1.5")],
)
def test_a_close_name_is_suggested(name, meant):
    with pytest.raises(CatalogError) as caught:
        find(name)
    assert (caught.value.code, caught.value.hint) == ("unknown-name", f"did you mean {meant!r}?")


@pytest.mark.parametrize("name", ["", "zzzzzzzz", "hf_aBcDeFgHiJkLmNoPqRsTuVwXyZ012345"])
def test_no_close_name(name):
    with pytest.raises(CatalogError) as caught:
        find(name)
    assert caught.value.hint == "opea-pulumi catalog lists the names"
    assert "aBcDeFg" not in str(caught.value)


def test_a_release_that_lacks_it():
    with pytest.raises(CatalogError, match=r"in release embedded"):
        find("vllm", "embedded")
    with pytest.raises(CatalogError) as caught:
        find("vllm", "9")
    assert caught.value.code == "unknown-release"


@pytest.mark.parametrize(
    ("server", "kind"),
    [
        ("vllm", "llm"),
        ("tgi", "llm"),
        ("ollama", "llm"),
        ("vllm-tools", "agent"),
        ("vllm-lvm", "lvm"),
        ("tgi-lvm", "lvm"),
        ("tei-embedding", "embedding"),
        ("whisper", "asr"),
        ("gpt-sovits", "tts"),
        ("none", ""),
    ],
)
def test_what_a_server_is_usually_behind(server, kind):
    assert served_type(load_release("1.5"), server) == kind


def test_every_server_serves_something_that_can_use_it():
    for name in releases():
        release = load_release(name)
        for server in release.servers:
            assert server in release.services[served_type(release, server)].servers

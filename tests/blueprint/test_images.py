"""Image references, and the images of a blueprint: the lock's digests, then the registry's prefix."""

import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opea_pulumi import BlueprintError, OpeaError, parse_application
from opea_pulumi.blueprint import build_blueprint, is_digest, split_image, with_digest, with_registry

DIGEST = f"sha256:{'0a' * 32}"
OTHER = f"sha256:{'1b' * 32}"
HUB = "docker.io"


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("redis", (HUB, "library/redis", "latest", "")),
        ("redis:7", (HUB, "library/redis", "7", "")),
        ("opea/llm:1.5", (HUB, "opea/llm", "1.5", "")),
        ("docker.io/redis:7", (HUB, "library/redis", "7", "")),
        ("index.docker.io/library/redis:7", (HUB, "library/redis", "7", "")),
        ("ghcr.io/huggingface/tgi:2", ("ghcr.io", "huggingface/tgi", "2", "")),
        ("localhost/a", ("localhost", "a", "latest", "")),
        ("localhost:5000/a:1", ("localhost:5000", "a", "1", "")),
        ("[::1]:5000/a", ("[::1]:5000", "a", "latest", "")),
        ("Host/a", ("Host", "a", "latest", "")),
        (f"a@{DIGEST}", (HUB, "library/a", "", DIGEST)),
        (f"r.example/a/b:1@{DIGEST}", ("r.example", "a/b", "1", DIGEST)),
        (
            "minio/minio:RELEASE.2023-03-20T20-16-18Z",
            (HUB, "minio/minio", "RELEASE.2023-03-20T20-16-18Z", ""),
        ),
        ("a__b/c--d.e_f", (HUB, "a__b/c--d.e_f", "latest", "")),
    ],
)
def test_parts(image, parts):
    assert split_image(image) == parts


@pytest.mark.parametrize(
    "image",
    [
        "",
        "A",
        "a:",
        "a@",
        "a/",
        "/a",
        "a//b",
        "a b",
        "a:1:2",
        "https://r.example/a",
        "me:canary@r.example/a",
        "a@sha256:12",
        f"a@{DIGEST}@{DIGEST}",
        "r.example:port/a",
        "-a",
        "a___b",
        "a\n",
        "a:1\n",
        f"a@{DIGEST}\n",
        "ä",
        "a:²",
        "a" * 600,
        "a:{version}",
        f"a:{'1' * 129}",
    ],
)
def test_no_references(image):
    for call in (
        split_image,
        lambda text: with_registry(text, "r.example"),
        lambda text: with_digest(text, DIGEST),
    ):
        with pytest.raises(BlueprintError) as caught:
            call(image)
        assert caught.value.code == "bad-image"
        assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("image", "prefix", "expected"),
    [
        (
            "ghcr.io/huggingface/tgi:2",
            "registry.example.com/mirror",
            "registry.example.com/mirror/huggingface/tgi:2",
        ),
        (
            "ghcr.io/huggingface/tgi:2",
            "registry.example.com/mirror/",
            "registry.example.com/mirror/huggingface/tgi:2",
        ),
        ("redis:7", "r.example", "r.example/redis:7"),
        ("docker.io/library/redis:7", "r.example", "r.example/library/redis:7"),
        ("localhost:5000/a", "r.example:1/b", "r.example:1/b/a"),
        (f"a/b:1@{DIGEST}", "r.example", f"r.example/a/b:1@{DIGEST}"),
        (f"a@{DIGEST}", "r.example", f"r.example/a@{DIGEST}"),
        ("r.example/mirror/a:1", "r.example/mirror", "r.example/mirror/a:1"),
        ("r.example/mirrors/a:1", "r.example/mirror", "r.example/mirror/mirrors/a:1"),
        ("a:1", "", "a:1"),
        ("a:1", "/", "a:1"),
    ],
)
def test_a_prefix(image, prefix, expected):
    assert with_registry(image, prefix) == expected
    assert with_registry(expected, prefix) == expected


_WORD = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=8)
_PART = st.lists(_WORD, min_size=1, max_size=3).flatmap(
    lambda words: st.sampled_from([".", "_", "__", "-"]).map(lambda joint: joint.join(words))
)
_HOST = st.sampled_from(["", "", "ghcr.io", "localhost", "r.example:5000", "127.0.0.1:1", "docker.io"])
_TAG = st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}\Z")


@st.composite
def references(draw):
    host, path = draw(_HOST), "/".join(draw(st.lists(_PART, min_size=1, max_size=3)))
    tag, digest = draw(st.one_of(st.just(""), _TAG)), draw(st.sampled_from(["", DIGEST]))
    first = path.partition("/")[0]
    if not host and "/" in path and ("." in first or first == "localhost"):
        host = "ghcr.io"  # the first part would be a host
    return host, path, tag, digest


def written(host, path, tag, digest):
    return f"{f'{host}/' if host else ''}{path}{f':{tag}' if tag else ''}{f'@{digest}' if digest else ''}"


@given(references())
def test_what_is_written_is_read(parts):
    host, path, tag, digest = parts
    registry, repository, read_tag, read_digest = split_image(written(*parts))
    assert registry == (host or HUB)
    assert repository in (path, f"library/{path}")
    assert read_digest == digest
    assert read_tag == (tag or ("" if digest else "latest"))


@given(references(), st.sampled_from(["r.example", "r.example/mirror", "localhost:5000/a/b"]))
def test_a_prefix_and_a_digest_go_in_either_order(parts, prefix):
    image = written(*parts)
    moved = with_registry(with_digest(image, OTHER), prefix)
    assert moved == with_digest(with_registry(image, prefix), OTHER)
    assert moved.startswith(f"{prefix}/")
    assert split_image(moved)[3] == OTHER


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text):
    with suppress(OpeaError):
        assert split_image(text)[1]


def test_digests():
    assert is_digest(DIGEST)
    assert is_digest(f"sha512:{'0' * 128}")
    assert [
        text for text in ("", "sha256:0", DIGEST.upper(), f"{DIGEST}0", f"{DIGEST}\n") if is_digest(text)
    ] == []


CHATQNA = "opea_app: chatqna\nopea_mega_service: {orchestrator: router}\n"


def images(text, **options):
    built = build_blueprint(parse_application(text), name="app", **options)
    return {workload.name: workload.image for workload in built.workloads}


def test_the_lock_pins_the_images():
    plain = images(CHATQNA)
    assert images(CHATQNA, digests={}) == plain
    assert images(CHATQNA, digests={"nothing:1": DIGEST}) == plain
    pinned = images(CHATQNA, digests={plain["llm"]: DIGEST, plain["router"]: OTHER})
    changed = {"llm": f"{plain['llm']}@{DIGEST}", "router": f"{plain['router']}@{OTHER}"}
    assert pinned == {**plain, **changed}


def test_the_prefix_comes_after_the_digest():
    plain = images(CHATQNA)
    text = CHATQNA + "opea_deployment: {image_registry: r.example/mirror/}"
    moved = images(text, digests={plain["llm"]: DIGEST, plain["tei-embedding"]: OTHER})
    assert moved["llm"] == f"r.example/mirror/{plain['llm']}@{DIGEST}"
    path = plain["tei-embedding"].removeprefix("ghcr.io/")
    assert moved["tei-embedding"] == f"r.example/mirror/{path}@{OTHER}"
    assert all(image.startswith("r.example/mirror/") for image in moved.values())
    assert images(text) == {name: with_registry(image, "r.example/mirror") for name, image in plain.items()}


def test_a_digest_of_the_users_own_stays():
    text = CHATQNA + f"opea_micro_services: {{llm: {{image: 'r/llm:1@{OTHER}'}}}}"
    assert images(text, digests={f"r/llm:1@{OTHER}": DIGEST, "r/llm:1": DIGEST})["llm"] == f"r/llm:1@{OTHER}"


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        (
            "opea_micro_services: {llm: {image: 'me:canary@r/a'}}",
            "secret-in-file",
            "opea_micro_services.llm.image",
        ),
        (
            "opea_micro_services: {llm: {server: {kind: vllm, image: 'https://canary/a'}}}",
            "bad-image",
            "opea_micro_services.llm.server.image",
        ),
        (
            "opea_deployment: {image_registry: 'https://me:canary@r.example'}",
            "secret-in-file",
            "opea_deployment.image_registry",
        ),
    ],
)
def test_what_is_no_image_is_named(text, code, path):
    with pytest.raises(OpeaError) as caught:
        images(CHATQNA + text)
    assert (caught.value.code, caught.value.location.path) == (code, path)
    assert "canary" not in str(caught.value)

"""catalog: lists, shows and finds; verify asks a real little registry and writes the lock."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from registry_server import MANIFEST, Registry, basic, digest_of, hangs, serving, status

from opea_pulumi.application import load_application
from opea_pulumi.blueprint import build_blueprint
from opea_pulumi.catalog import ModelRow, applications, load_release, models, releases
from opea_pulumi.cli._catalog_text import memory_of
from opea_pulumi.operations import ImageAnswer

NEW = b'{"schemaVersion": 2, "new": true}'


@pytest.mark.parametrize("words", [(), ("list",)])
def test_the_list(opea, words):
    shown = opea("catalog", *words)
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith("APPLICATION")
    for name in (*applications(), *releases(), *load_release("1.5").services):
        assert name in shown.out
    assert max(map(len, shown.out.splitlines())) <= 130


def test_the_list_as_data(opea):
    data = opea("catalog", "--json").json
    assert data == opea("catalog", "list", "--json").json
    assert [item["name"] for item in data["applications"]] == applications()
    assert [item["release"] for item in data["releases"]] == releases()
    [one] = opea("catalog", "--release", "1.5", "--json").json["releases"]
    release = load_release("1.5")
    assert (one["services"], one["servers"]) == (sorted(release.services), sorted(release.servers))


def everything():
    for name in applications():
        yield "application", name
    for name in models():
        yield "model", name
    for release in map(load_release, releases()):
        yield "release", release.release
        for kind in ("service", "server", "store", "megaservice"):
            for name in getattr(release, f"{kind}s"):
                yield kind, name


@pytest.mark.parametrize(("kind", "name"), sorted(set(everything())))
def test_everything_is_shown(opea, kind, name):
    shown = opea("catalog", name)
    assert (shown.code, shown.err) == (0, "")
    assert f"{kind} {name}" in shown.out
    data = opea("catalog", name, "--json").json
    assert data["name"] == name
    assert kind in [item["kind"] for item in data["found"]]


def test_a_server_tells_all(opea):
    row = load_release("1.5").servers["vllm"]
    shown = opea("catalog", "vllm").out
    for device, item in row.devices.items():
        assert f"device {device}" in shown
        for text in (
            item.image,
            *item.args,
            *item.environment,
            *item.security.exceptions.values(),
            item.source,
        ):
            assert text in shown
        assert item.security.evidence in shown
        assert item.resources.memory in shown
    [data] = opea("catalog", "show", "vllm", "--json").json["found"]
    assert data["row"] == row.model_dump(mode="json")


def test_an_application_is_its_yaml(opea):
    shown = opea("catalog", "chatqna").out
    assert "opea_app: chatqna" in shown
    found = opea("catalog", "chatqna", "--json").json["found"]
    assert yaml.safe_load(found[0]["yaml"])["opea_app"] == "chatqna"
    assert found[0]["description"].startswith("ChatQnA")


def test_a_model_tells_its_memory(opea, monkeypatch):
    row = ModelRow(
        kind="llm", parameters=8, layers=32, kv_heads=8, head_size=128, context=8192, licence="x", gated=True
    )
    assert memory_of(row) == {
        "weights": 16 * 10**9,
        "kv_cache_per_token": 128 * 1024,
        "kv_cache_of_context": 2**30,
        "cpu": 20_800_000_000 + 4 * 2**30,
        "one_card": 17_600_000_000 + 2**30,
    }
    monkeypatch.setattr("opea_pulumi.catalog._find.models", lambda: {"org/M-8B": row})
    shown = opea("catalog", "org/M-8B").out
    for said in (
        "8 billion",
        "x; gated",
        "14.9 GiB",
        "128 KiB a token, 1.0 GiB for the whole context",
        "8192",
        "23.4 GiB",
        "17.4 GiB",
    ):
        assert said in shown
    [data] = opea("catalog", "org/M-8B", "--json").json["found"]
    assert data["memory"] == memory_of(row)
    assert "did you mean 'org/M-8B'?" in opea("catalog", "org/m-8b").refused("unknown-name")


@pytest.mark.parametrize(
    ("words", "same"),
    [
        (("retriever",), ("show", "retrieval")),
        (("--release", "embedded", "llm"), ("show", "llm", "--release", "embedded")),
        (("--json", "llm"), ("show", "--json", "llm")),
        (("--json", "show", "llm"), ("show", "--json", "llm")),
        (("--", "llm"), ("show", "llm")),
        (("--release=embedded",), ("list", "--release", "embedded")),
        (("--release", "embedded"), ("list", "--release", "embedded")),
    ],
)
def test_other_words_for_the_same(opea, words, same):
    assert opea("catalog", *words) == opea("catalog", *same)


def test_a_name_that_is_a_subcommand(opea):
    assert "the catalogue has no 'verify'" in opea("catalog", "show", "verify").refused("unknown-name")
    assert "the catalogue has no 'list'" in opea("catalog", "--", "list").refused("unknown-name")


def test_an_unknown_name(opea):
    assert "did you mean 'vllm'?" in opea("catalog", "vlm").refused("unknown-name")
    assert opea("catalog", "vlm", "--json").json["error"]["code"] == "unknown-name"
    opea("catalog", "--release", "9").refused("unknown-release")


# verify


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No proxy and no docker login of the machine's."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def registry():
    with serving(Registry(every=True)) as registry:
        Path("opea.yaml").write_text(
            "opea_app: chatqna\nopea_mega_service: {orchestrator: router}\n"
            f"opea_deployment: {{image_registry: {registry.host}/m}}\n"
        )
        yield registry


def verify(opea, registry, *words):
    return opea("catalog", "verify", *words, "--registry-insecure", registry.host)


def lock():
    return yaml.safe_load(Path("opea.lock").read_text())


def test_the_images_are_locked_and_used(opea, registry):
    shown = verify(opea, registry)
    assert shown.code == 0
    assert shown.err.splitlines()[-1] == f"wrote {Path('opea.lock').resolve()}"
    assert f"{registry.host}/m/opea/llm-textgen:1.5" in shown.out
    data = lock()
    assert list(data) == ["version", "release", "resolved", "images"]
    assert (data["release"], data["resolved"]) == ("1.5", datetime.now(UTC).date().isoformat())
    assert list(data["images"]) == sorted(data["images"])
    assert set(data["images"].values()) == {digest_of()}
    assert "ghcr.io/huggingface/text-embeddings-inference:cpu-1.7" in data["images"]
    loaded = load_application("opea.yaml")
    built = build_blueprint(loaded.application, name="a", digests=loaded.digests)
    for workload in built.workloads:
        assert workload.image.startswith(f"{registry.host}/m/")
        assert workload.image.endswith(f"@{digest_of()}")


def test_as_data(opea, registry):
    registry.quirks["m/opea/llm-textgen"] = status(404)
    shown = verify(opea, registry, "--json")
    assert shown.code == 1
    assert (shown.json["release"], shown.json["lock"]) == ("1.5", str(Path("opea.lock").resolve()))
    rows = {row["image"]: row for row in shown.json["images"]}
    assert rows["opea/llm-textgen:1.5"] == {
        "image": "opea/llm-textgen:1.5",
        "pulled": f"{registry.host}/m/opea/llm-textgen:1.5",
        "state": "not-found",
        "digest": "",
        "detail": "the registry has no such image",
        "previous": "",
    }
    assert rows["opea/retriever:1.5"]["digest"] == digest_of()
    assert "opea/llm-textgen:1.5" not in lock()["images"]


def test_what_does_not_resolve_is_kept(opea, registry):
    verify(opea, registry)
    before = lock()["images"]
    registry.quirks["m/opea/llm-textgen"] = status(500)
    registry.images["m/opea/retriever:1.5"] = NEW
    shown = verify(opea, registry)
    assert shown.code == 0
    assert f"kept from the old lock: opea/llm-textgen:1.5: {digest_of()}" in shown.err
    assert f"{digest_of(NEW)} (was {digest_of()})" in shown.out
    assert lock()["images"] == {**before, "opea/retriever:1.5": digest_of(NEW)}
    assert verify(opea, registry, "--strict").code == 1


def test_other_hardware_adds_to_the_lock_and_prune_drops(opea, registry):
    verify(opea, registry)
    xeon = lock()["images"]
    verify(opea, registry, "--hardware", "gaudi")
    both = lock()["images"]
    assert both.keys() > xeon.keys()
    shown = verify(opea, registry)
    assert f"{len(both) - len(xeon)} more of other images" in shown.err
    assert lock()["images"] == both
    verify(opea, registry, "--prune")
    assert lock()["images"] == xeon


def test_refused_and_logged_in(opea, registry, tmp_path):
    registry.auth, registry.account = "token", basic("me", "canary")
    shown = verify(opea, registry)
    assert shown.code == 1
    assert "docker login" in shown.out
    assert not Path("opea.lock").exists()
    assert "no lock was written" in shown.err
    (tmp_path / "docker").mkdir()
    pair = registry.account.removeprefix("Basic ")
    (tmp_path / "docker/config.json").write_text(f'{{"auths": {{"{registry.host}": {{"auth": "{pair}"}}}}}}')
    shown = verify(opea, registry)
    assert shown.code == 0
    assert "canary" not in shown.out + shown.err
    assert pair not in shown.out + shown.err


def test_one_that_hangs(opea, registry, monkeypatch):
    monkeypatch.setattr("opea_pulumi.operations._registry._TIMEOUT", 0.5)
    registry.quirks["m/opea/retriever"] = hangs
    shown = verify(opea, registry)
    assert shown.code == 0
    assert "no answer in 0.5 s" in shown.out
    assert "opea/retriever:1.5" not in lock()["images"]


def test_our_own_images_are_asked_for_only_where_the_user_has_them(opea, registry):
    Path("opea.yaml").write_text("opea_app: chatqna\nopea_deployment: {profile: embedded}\n")
    shown = verify(opea, registry)
    assert (shown.code, registry.asked) == (0, [])
    assert "build it and push it" in shown.out
    assert "no lock was written" in shown.err


def test_targets_deploy_what_is_locked(opea, registry):
    deployment = f"{{profile: embedded, image_registry: {registry.host}/m}}"
    Path("opea.yaml").write_text(f"opea_app: chatqna\nopea_deployment: {deployment}\n")
    assert verify(opea, registry).code == 0
    assert len(lock()["images"]) == 2
    workloads = opea("validate", "--json").json["workloads"]
    assert {workload["image"].partition("@")[2] for workload in workloads} == {digest_of()}


def test_a_whole_release(opea, registry, tmp_path):
    Path("opea.yaml").unlink()
    shown = opea("catalog", "verify", "--release", "embedded", "-o", "all.lock")
    assert (shown.code, registry.asked) == (0, [])
    assert not Path("all.lock").exists()
    shown = opea("catalog", "verify", "--release", "9").refused("unknown-release")


def test_a_whole_release_is_its_every_image(opea, monkeypatch):
    def answers(images, **_):
        return [ImageAnswer(image, "resolved", digest_of()) for image in images]

    monkeypatch.setattr("opea_pulumi.operations._verify.ask_registries", answers)
    Path("opea.yaml").write_text("this is not read")
    shown = opea("catalog", "verify", "--release", "1.5", "-o", "all.lock")
    assert (shown.code, shown.err) == (0, "wrote all.lock\n")
    locked = yaml.safe_load(Path("all.lock").read_text())["images"]
    release = load_release("1.5")
    devices = [device.image for server in release.servers.values() for device in server.devices.values()]
    services = [service.image for service in release.services.values()]
    stores = [store.server.image for store in release.stores.values() if store.server]
    assert {image for image in (*devices, *services, *stores) if image} <= locked.keys()
    assert [image for image in locked if image.startswith("opea-pulumi/")] == []
    shown = opea("catalog", "verify", "--release", "1.5", "--json").json
    assert (shown["release"], shown["lock"]) == ("1.5", None)


def test_another_place_for_the_lock(opea, registry):
    verify(opea, registry, "opea.yaml", "-o", "mine.lock")
    assert not Path("opea.lock").exists()
    assert yaml.safe_load(Path("mine.lock").read_text())["version"] == 1
    verify(opea, registry, "-o", "nowhere/mine.lock").refused("not-writable", exit_code=2)


def test_a_digest_of_the_users_own_is_asked_for_and_not_locked(opea, registry):
    image = f"r.example/llm:1@{digest_of()}"
    with Path("opea.yaml").open("a") as file:
        file.write(f"opea_micro_services: {{llm: {{image: '{image}'}}}}\n")
    registry.images[f"m/llm:{digest_of()}"] = MANIFEST
    shown = verify(opea, registry)
    assert shown.code == 0
    assert ("HEAD", f"/v2/m/llm/manifests/{digest_of()}") in registry.asked
    assert image not in lock()["images"]


def test_a_wrong_lock_is_an_error_everywhere(opea, registry):
    Path("opea.lock").write_text("version: 7\n")
    for words in (("validate",), ("catalog", "verify")):
        said = opea(*words).refused("bad-lock")
        assert "opea.lock:1:10" in said


def test_no_httpx(opea, registry, monkeypatch):
    monkeypatch.setattr("opea_pulumi.cli._verify.find_spec", lambda name: None)
    assert "opea-pulumi[engine]" in opea("catalog", "verify").refused("missing-extra", exit_code=2)

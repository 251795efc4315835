"""Release 1.5's model servers, stores, models and hardware: the traps of opea.md 8 as rules of the data."""

import re
from importlib.resources import files

import pytest
import yaml

from opea_pulumi.catalog import Reference, hardware, load_release, models
from opea_pulumi.terms import Hardware

RELEASE = load_release("1.5")
FOLDER = files("opea_pulumi.catalog").joinpath("evidence/1.5")
EVIDENCE = {
    name: yaml.safe_load(FOLDER.joinpath(f"{name}.yaml").read_text("utf-8")) for name in ("servers", "stores")
}
DEVICES = [
    pytest.param(server, kind, device, id=f"{name}-{kind}")
    for name, server in RELEASE.servers.items()
    for kind, device in server.devices.items()
]
RUNS = {
    **{name: row.server for name, row in RELEASE.stores.items() if row.server},
    **{
        f"{name}.{part}": companion
        for name, row in RELEASE.stores.items()
        for part, companion in row.companions.items()
    },
}
INDEXLESS = {"pathway", "neo4j"}
"""Their clients' source has no variable for it."""

PLACE = re.compile(r"GenAI(Comps|Examples|Infra) [\w./-]+:[1-9][0-9]*")


def repository(image):
    return image.rpartition(":")[0]


@pytest.mark.parametrize(("server", "kind", "device"), DEVICES)
def test_a_device(server, kind, device):
    environment = {**server.environment, **device.environment}
    assert device.source
    assert device.resources.accelerator in ("", hardware()[kind].resource)
    # 2.1: the token belongs to the prefetch step, card indexes to the target (trap 7)
    assert not {"HF_TOKEN", "HUGGINGFACEHUB_API_TOKEN", "HABANA_VISIBLE_DEVICES"} & set(environment)
    # these run without NET_BIND_SERVICE
    assert (device.port or server.port) >= 1024
    if server.kv_cache and device.resources.accelerators:
        assert "{cards}" in device.args
    if server.hub:
        folder = (device.volumes or server.volumes)["models"]
        assert folder in (environment.get("HF_HUB_CACHE"), environment.get("HUGGINGFACE_HUB_CACHE"))
    else:
        assert not server.cache
    if server.kv_cache_variable and not device.resources.accelerators:
        assert f"{environment[server.kv_cache_variable]}Gi" == server.kv_cache


def test_gaudi_has_time_for_its_warm_up():
    """Trap 8."""
    for name in ("vllm", "vllm-tools", "vllm-lvm"):
        health = RELEASE.servers[name].devices[Hardware.GAUDI].health
        assert health is not None
        assert health.start_budget == 1800


@pytest.mark.parametrize("name", [name for name, row in RELEASE.stores.items() if row.clients])
def test_clients_share_an_index(name):
    """Traps 1 and 2: each client is told the index under the name that it reads."""
    for kind, environment in RELEASE.stores[name].clients.items():
        named = [key for key, value in environment.items() if value == "{index}"]
        assert len(named) == (name not in INDEXLESS), kind


def test_qdrant_is_told_the_size_of_the_embeddings():
    clients = RELEASE.stores["qdrant"].clients
    assert clients["retrieval"]["QDRANT_EMBED_DIMENSION"] == "{dimensions}"
    assert clients["retrieval"]["QDRANT_INDEX_NAME"] == clients["dataprep"]["COLLECTION_NAME"] == "{index}"


@pytest.mark.parametrize(("name", "row"), RUNS.items(), ids=list(RUNS))
def test_a_store(name, row):
    assert row.source
    assert row.port >= 1024
    for key, value in row.environment.items():
        if re.search("PASSWORD|AUTH$|SECRET", key) and not key.endswith("RANDOM_ROOT_PASSWORD"):
            assert isinstance(value, Reference), key
            assert RELEASE.secrets[value.secret].generate, key


def test_volumes_of_two_stores_differ_unless_one_is_deployed_at_a_time():
    beside = ["redis-kv", "mongo", "postgres"]
    vectors = {volume for name, row in RUNS.items() if name not in beside for volume in row.volumes}
    assert not vectors & {volume for name in beside for volume in RUNS[name].volumes}


def test_hardware_is_known():
    assert set(hardware()) == set(Hardware)
    assert [kind for kind, row in hardware().items() if not row.resource] == [Hardware.XEON]


@pytest.mark.parametrize(("name", "row"), models().items(), ids=list(models()))
def test_a_model(name, row):
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", name)
    assert bool(row.dimensions) == (row.kind == "embedding")
    assert bool(row.layers) == bool(row.kv_heads) == bool(row.head_size)
    assert row.layers or row.kind != "vlm"
    # keys, values and embeddings together are a small part of the weights
    assert not row.layers or row.context >= 4096


def test_default_models_are_known():
    served = {row.model for row in RELEASE.services.values() if row.server and "/" in row.model}
    further = {model for row in RELEASE.servers.values() for model in row.models}
    assert served | further <= set(models())


def evidence_of(image):
    found = {}
    for file in EVIDENCE.values():
        found |= file["images"].get(image, {})
    return found


def test_every_variable_is_read():
    missing = []
    for server in RELEASE.servers.values():
        for device in server.devices.values():
            wanted = {**server.environment, **device.environment, **server.cache}
            missing += sorted(wanted.keys() - evidence_of(repository(device.image)).keys())
    for row in [*RUNS.values(), RELEASE.prefetch]:
        missing += sorted(row.environment.keys() - evidence_of(repository(row.image)).keys())
    for store in RELEASE.stores.values():
        for kind, environment in store.clients.items():
            image = repository(RELEASE.services[kind].image)
            missing += sorted(environment.keys() - evidence_of(image).keys())
    assert not missing


@pytest.mark.parametrize("name", EVIDENCE)
def test_evidence_is_a_place_or_an_exception(name):
    for variables in EVIDENCE[name]["images"].values():
        for key, value in variables.items():
            if isinstance(value, dict):
                assert set(value) == {"exception"}, key
                assert len(value["exception"]) > 20, key
            else:
                assert PLACE.fullmatch(value), key

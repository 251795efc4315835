"""Cards of an engine that others use, too: what is free, who gets which, and what is refused."""

import contextlib
from pathlib import Path

import little_engine
import pytest
import yaml
from opea_pulumi.components.docker import cards
from opea_pulumi.components.docker._arguments import arguments_of
from opea_pulumi.stacks.docker import TARGET

from opea_pulumi.application import parse_application
from opea_pulumi.blueprint import build_blueprint
from opea_pulumi.catalog import docker_cards
from opea_pulumi.convert.compose import containers_of
from opea_pulumi.docker_engine import connect, containers_by_name
from opea_pulumi.targets import Deployment

CASES = yaml.safe_load(Path(__file__).with_name("docker_cards.yaml").read_text())
KINDS = {"gaudi": "habana.ai/gaudi", "nvidia": "nvidia.com/gpu", "rocm": "amd.com/gpu"}
RUNNING = {"Status": "running"}


def application(case):
    llm = f"{{llm: {{server: {{resources: {{accelerators: {case['llm']}}}}}}}}}" if "llm" in case else "{}"
    text = (
        f"opea_app: chatqna\nopea_deployment: {{hardware: {case['hardware']}}}\nopea_micro_services: {llm}\n"
    )
    return build_blueprint(parse_application(text), name="demo")


def device_files(root, case):
    """The machine's, below a folder."""
    pattern = docker_cards()[KINDS[case["hardware"]]].device_files
    for index in range(case["there"]):
        file = root / pattern.lstrip("/").replace("[0-9]*", str(case.get("first", 0) + index))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def containers(case):
    """Every container of the engine by its name, as `docker inspect` shows it."""
    own = {"opea.project": "opea", "opea.stack": "demo-docker"}
    variable = docker_cards()[KINDS[case["hardware"]]].variable
    mine = {
        f"demo-docker-{name}": {
            "Config": {"Env": [f"{variable}={indexes}"], "Labels": own},
            "HostConfig": {"Runtime": "habana"},
        }
        for name, indexes in case.get("mine", {}).items()
    }
    return {name: {"State": RUNNING, **shown} for name, shown in {**case.get("holders", {}), **mine}.items()}


@pytest.fixture
def engine(tmp_path, monkeypatch):
    """A function: an engine with a case's containers, on a machine with its cards."""
    with contextlib.ExitStack() as stack:

        def start(case):
            device_files(tmp_path, case)
            monkeypatch.setattr(cards, "ROOT", tmp_path)
            known = containers(case)
            answers = {
                "/info": {
                    "MemTotal": 2**40,
                    "Runtimes": {name: {} for name in case.get("runtimes", ["habana"])},
                    "DiscoveredDevices": [{"Source": "cdi", "ID": name} for name in case.get("cdi", ())],
                },
                "/containers/json": [{"Id": name, "Names": [f"/{name}"]} for name in known],
                **{f"/containers/{name}/json": shown for name, shown in known.items()},
            }
            address = stack.enter_context(little_engine.on_socket(tmp_path / "docker.sock", answers))
            monkeypatch.setenv("DOCKER_HOST", address)

        yield start


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_who_gets_which_cards(case, engine):
    engine(case)
    blueprint = application(case)
    errors = TARGET.preflight(Deployment(blueprint, Path("/apps/demo/opea.yaml"), "demo-docker"))
    if "code" in case:
        [error] = errors
        assert error.code == case["code"]
        for words in case["says"]:
            assert words in str(error)
        return
    assert errors == []
    assert allotted(blueprint, case) == {name: tuple(found) for name, found in case["cards"].items()}


def allotted(blueprint, case):
    with contextlib.closing(connect()) as client:
        known = containers_by_name(client)
    ours = [f"demo-docker-{name}" for name in case.get("mine", {})]
    return cards.allot(blueprint.workloads, lambda name: f"demo-docker-{name}", known, ours)


def test_what_a_stack_gets_it_keeps(engine):
    """What is allotted, made and read again is the same, and another stack gets others."""
    case = {"hardware": "gaudi", "there": 8}
    engine(case)
    blueprint = application(case)
    first = cards.allot(blueprint.workloads, lambda name: f"a-{name}", {}, [])
    made = {f"a-{name}": shown for name, shown in services(blueprint, first).items()}
    assert cards.allot(blueprint.workloads, lambda name: f"a-{name}", made, list(made)) == first
    second = cards.allot(blueprint.workloads, lambda name: f"b-{name}", made, [])
    both = [index for found in (first, second) for indexes in found.values() for index in indexes]
    assert sorted(both) == [0, 1, 2, 3]


def services(blueprint, found):
    """The containers with cards as inspect would show them."""
    made = containers_of(blueprint, "docker", found).services
    shown = {}
    for name in found:
        arguments = arguments_of(made[name])
        shown[name] = {
            "State": RUNNING,
            "Config": {"Env": arguments["envs"]},
            "HostConfig": {"Runtime": arguments["runtime"]},
        }
    return shown


@pytest.mark.parametrize("hardware", ["gaudi", "nvidia", "rocm"])
def test_what_makes_a_container_see_its_cards(hardware, engine):
    case = {"hardware": hardware, "there": 4, "first": 128 if hardware == "rocm" else 0, "llm": 2}
    engine(case)
    blueprint = application(case)
    found = allotted(blueprint, case)
    arguments = arguments_of(containers_of(blueprint, "docker", found).services["vllm"])
    indexes = [str(index) for index in found["vllm"]]
    if hardware == "nvidia":
        [request] = arguments["device_requests"]
        assert request == {"driver": "nvidia", "device_ids": indexes, "capabilities": ["gpu"]}
        assert "runtime" not in arguments
    elif hardware == "gaudi":
        assert arguments["runtime"] == "habana"
        assert f"HABANA_VISIBLE_DEVICES={','.join(indexes)}" in arguments["envs"]
        assert "SYS_NICE" in arguments["capabilities"]["adds"]
        assert arguments["ipc_mode"] == "host"
    else:
        assert [device["host_path"] for device in arguments["devices"]] == ["/dev/kfd", "/dev/dri"]
        assert f"HIP_VISIBLE_DEVICES={','.join(indexes)}" in arguments["envs"]
        owner = (cards.ROOT / "dev/dri/renderD128").stat().st_gid
        assert arguments["group_adds"] == ["video", str(owner)]


def test_the_group_of_a_remote_engines_device_files_must_be_said(tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    from opea_pulumi.stacks.docker._cards import missing_cards

    [error] = missing_cards({"amd.com/gpu": 1}, {}, {}, local=False)
    assert error.code == "no-host-group"
    assert "export RENDER_GID=" in error.hint
    monkeypatch.setenv("RENDER_GID", "992")
    assert list(missing_cards({"amd.com/gpu": 1}, {}, {}, local=False)) == []
    service = containers_of(application({"hardware": "rocm"}), "docker").services["vllm"]
    assert arguments_of(service)["group_adds"] == ["video", "992"]

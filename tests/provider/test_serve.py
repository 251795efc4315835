"""The plugin as the engine sees it: prints its port, speaks gRPC, and ends when told or orphaned."""

import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import time

import grpc
import psutil
import pulumi
import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from opea_pulumi.errors import EngineError
from opea_pulumi.provider._supervisor import start_token
from opea_pulumi.provider._values import lift

URN = "urn:pulumi:dev::opea::opea:index:{}::x"


@pytest.fixture
def plugin():
    """The plugin's process and a stub that talks to it."""
    command = [sys.executable, "-m", "opea_pulumi.provider", "--logtostderr", "-v=3", "127.0.0.1:1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    port = process.stdout.readline()
    with grpc.insecure_channel(f"127.0.0.1:{int(port)}") as channel:
        yield process, provider_pb2_grpc.ResourceProviderStub(channel)
    process.kill()
    process.communicate()


def test_it_tells_its_version_and_schema(plugin):
    _, stub = plugin
    from google.protobuf import empty_pb2

    version = importlib.metadata.version("opea-pulumi")
    assert stub.GetPluginInfo(empty_pb2.Empty()).version == version
    schema = json.loads(stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    assert (schema["name"], schema["version"]) == ("opea", version)
    assert {"opea:index:Process", "opea:index:LocalApplication"} <= set(schema["resources"])


def test_errors_are_one_message_without_traceback(plugin, tmp_path):
    _, stub = plugin
    request = provider_pb2.CreateRequest(urn=URN.format("Nothing"))
    with pytest.raises(grpc.RpcError) as caught:
        stub.Create(request)
    assert (
        caught.value.details() == "there is no resource opea:index:Nothing in this plugin [unknown-resource]"
    )
    (tmp_path / "file").write_text("")
    foreign = PropertyValue.marshal_map({"path": lift(str(tmp_path))})
    with pytest.raises(grpc.RpcError) as caught:
        stub.Create(provider_pb2.CreateRequest(urn=URN.format("LocalVolume"), properties=foreign))
    assert "[foreign-volume]\n  hint: " in caught.value.details()
    assert "Traceback" not in caught.value.details()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_quietly_when_told(plugin, number):
    process, _ = plugin
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


def test_it_ends_when_its_parent_is_gone():
    code = """if True:
        import subprocess, sys
        child = subprocess.Popen([sys.executable, "-m", "opea_pulumi.provider", "127.0.0.1:1"], stdout=-1)
        child.stdout.readline()
        print(child.pid)
    """
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    pid = int(answer.stdout)
    deadline = time.monotonic() + 15
    while start_token(pid) is not None:
        assert time.monotonic() < deadline, "the plugin outlives its parent"
        time.sleep(0.05)


def test_without_an_engine_address_it_says_what_it_is():
    answer = subprocess.run(
        [sys.executable, "-m", "opea_pulumi.provider"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 2
    assert "address of the Pulumi engine" in answer.stderr or "required: engine" in answer.stderr


def test_the_console_script_is_installed():
    scripts = importlib.metadata.entry_points(group="console_scripts", name="pulumi-resource-opea")
    assert [script.value for script in scripts] == ["opea_pulumi.provider:main"]


def test_importing_the_package_is_light():
    code = "import opea_pulumi.provider, sys; print('pulumi' in sys.modules, 'grpc' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]


@pytest.fixture
def two_targets(tmp_path, monkeypatch):
    """Installs two more targets for the plugin: one that works, and one whose extra is missing."""
    info = tmp_path / "site" / "more_targets-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: more-targets\nVersion: 1.0\n")
    entries = "[opea_pulumi.components]\nsecond = second_target\nmoon = lacking_extra\n"
    (info / "entry_points.txt").write_text(entries)
    targets = os.path.join(os.path.dirname(__file__), "targets")  # noqa: PTH118, PTH120
    monkeypatch.setenv("PYTHONPATH", f"{info.parent}{os.pathsep}{targets}")


class Remote(pulumi.ComponentResource):
    """A component that the plugin constructs, as programs in other languages use it."""

    def __init__(self, token, name, args):
        super().__init__(f"opea:index:{token}", name, {**args, "seen": None}, None, remote=True)


@pytest.mark.engine
def test_the_engine_constructs_components_of_other_targets(two_targets, engine):
    args = {
        "replicas": 3,
        "ports": [80, 81],
        "weights": {"a": 5},
        "limits": {"cpus": 2},
    }

    def more(process):
        late = process.pid.apply(lambda _: 7)  # an output that is known only after the create
        component = Remote("SecondService", "two", args | {"delay": late})
        pulumi.export("seen", component.__dict__["seen"])

    engine.more = more
    assert engine.up() == {"create": 3}
    seen = engine.outputs["seen"]
    assert "'replicas': 3," in seen
    assert "'ports': [80, 81]" in seen
    assert "'limits': {'cpus': 2}" in seen
    assert "'delay': 7}" in seen
    assert engine.up() == {"same": 3}


@pytest.mark.engine
def test_a_missing_extra_is_one_message(two_targets, engine):
    engine.up()
    engine.more = lambda _process: Remote("MoonApplication", "two", {})
    with pytest.raises(EngineError) as caught:
        engine.up()
    assert "[missing-extra]\n  hint: pip install 'opea-pulumi[moon]'" in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert psutil.pid_exists(engine.record.process.pid)

"""The schema over several targets, and components that are missing, clash or are imported late."""

import json
import os
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pulumi.provider.experimental import provider as rpc

from opea_pulumi.errors import EngineError
from opea_pulumi.provider._components import GROUP, Components
from opea_pulumi.provider._plugin import OpeaProvider


@pytest.fixture(autouse=True)
def targets(monkeypatch):
    folder = Path(__file__).with_name("targets")
    monkeypatch.syspath_prepend(folder)
    yield
    for module in folder.glob("*.py"):
        sys.modules.pop(module.stem, None)


def plugin(**entries):
    found = [EntryPoint(name, module, GROUP) for name, module in entries.items()]
    return OpeaProvider("0.1.0", Components(found))


async def schema_of(provider):
    return json.loads((await provider.get_schema(rpc.GetSchemaRequest(0))).schema)


async def test_schema_of_two_targets_and_the_custom_resources():
    schema = await schema_of(plugin(local="opea_pulumi.components.local", second="second_target"))
    resources = schema["resources"]
    assert {"LocalApplication", "SecondService", "Process", "LocalVolume"} == {
        token.rpartition(":")[2] for token in resources
    }
    assert schema["types"]["opea:index:SecondLimits"]["properties"]["cpus"]["type"] == "integer"
    assert resources["opea:index:SecondService"]["isComponent"]
    process = resources["opea:index:Process"]
    assert not process.get("isComponent")
    assert process["requiredInputs"] == ["command", "directory"]
    assert process["inputProperties"]["directory"]["replaceOnChanges"]
    assert process["inputProperties"]["preferredPort"]["type"] == "integer"
    assert {"logFile", "pid", "startedAt"} <= set(process["required"])
    assert not {"port", "url"} & set(process["required"])


async def test_everything_in_the_schema_is_documented():
    schema = await schema_of(
        plugin(docker="opea_pulumi.components.docker", local="opea_pulumi.components.local")
    )
    undocumented = [
        f"{token} {name}"
        for token, resource in schema["resources"].items()
        for group in ("inputProperties", "properties")
        for name, shape in resource[group].items()
        if not shape.get("description")
    ]
    assert undocumented == []
    assert all(resource["description"] for resource in schema["resources"].values())


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("clashing_args", "SecondServiceArgs"),
        ("clashing_class", "SecondService"),
        ("clashing_nested", "SecondLimits"),
        ("clashing_process", "Process"),
    ],
)
async def test_a_name_that_two_targets_define_is_refused(module, name):
    with pytest.raises(EngineError) as caught:
        await schema_of(plugin(second="second_target", other=module))
    assert caught.value.code == "duplicate-component"
    assert name in caught.value.message
    assert module in caught.value.message


async def test_a_missing_extra_is_named_when_its_component_is_asked_for():
    provider = plugin(docker="lacking_extra", second="second_target")
    with pytest.raises(EngineError) as caught:
        provider.construct("app", "opea:index:DockerApplication", {})
    assert caught.value.code == "missing-extra"
    assert caught.value.hint == "pip install 'opea-pulumi[docker]'"
    assert "a_package_that_is_not_installed" in caught.value.message


async def test_a_missing_extra_leaves_the_others_usable():
    schema = await schema_of(plugin(docker="lacking_extra", second="second_target"))
    assert "opea:index:SecondService" in schema["resources"]
    assert "pip install 'opea-pulumi[docker]'" in schema["description"]


async def test_an_unknown_component_is_named():
    with pytest.raises(EngineError, match="opea:index:Nothing") as caught:
        plugin(second="second_target").construct("app", "opea:index:Nothing", {})
    assert caught.value.code == "unknown-component"


async def test_a_bug_in_a_target_is_no_missing_extra():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        await schema_of(plugin(broken="broken_inside"))


def test_modules_are_imported_no_sooner_than_needed():
    components = Components(
        [EntryPoint("aaa", "clashing_args", GROUP), EntryPoint("second", "second_target", GROUP)]
    )
    OpeaProvider("0.1.0", components)
    assert "second_target" not in sys.modules
    components.load_until("SecondService")
    assert "second_target" in sys.modules
    assert "clashing_args" not in sys.modules


def test_custom_resources_need_no_component_module(tmp_path):
    import subprocess

    code = """if True:
        import sys
        from opea_pulumi.provider._plugin import OpeaProvider
        OpeaProvider("0.1.0")
        print([name for name in sys.modules if name.startswith("opea_pulumi.components.")])
    """
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert answer.stdout.strip() == "[]"


async def test_other_schema_versions_are_refused():
    with pytest.raises(EngineError, match="version 7"):
        await plugin().get_schema(rpc.GetSchemaRequest(7))


async def test_without_any_component_the_custom_resources_are_served():
    schema = await schema_of(plugin())
    assert set(schema["resources"]) == {"opea:index:Process", "opea:index:LocalVolume"}


GOLDEN = Path(__file__).with_name("schema.json")


async def test_the_whole_schema_is_the_golden_file():
    """What programs in other languages are written against; a change here is a change for them."""
    provider = plugin(docker="opea_pulumi.components.docker", local="opea_pulumi.components.local")
    text = json.dumps(await schema_of(provider), indent=1, sort_keys=True) + "\n"
    if os.environ.get("OPEA_UPDATE_GOLDEN"):
        GOLDEN.write_text(text, "utf-8")
    assert text == GOLDEN.read_text("utf-8")

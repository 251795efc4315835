"""Every example as a compose file: Docker Compose takes it, and both ways back give the application."""

from functools import cache
from pathlib import Path

import pytest
from tools import run_tool

from opea_pulumi.application import load_application
from opea_pulumi.convert import blueprint_for, convert, read
from opea_pulumi.errors import BlueprintError
from opea_pulumi.terms import Hardware, Orchestrator

EXAMPLES = sorted(file.parent for file in (Path(__file__).parents[3] / "examples").glob("*/opea.yaml"))
MACHINES = [Hardware.XEON, Hardware.GAUDI, Hardware.NVIDIA, Hardware.ROCM]

by_example = pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)


def blueprint_of_example(loaded, hardware, application=None, orchestrator=None):
    return blueprint_for(
        application or loaded.application,
        "compose",
        name=loaded.name,
        hardware=hardware,
        orchestrator=orchestrator,
        files=loaded.files,
    )


@cache
def built(folder):
    """What can be built of an example, by hardware; there is always something."""
    loaded, found = load_application(folder), {}
    for hardware in MACHINES:
        try:
            found[hardware] = blueprint_of_example(loaded, hardware)
        except BlueprintError:
            assert hardware is not Hardware.XEON
    return loaded, found


@by_example
def test_docker_compose_takes_it(folder, tmp_path):
    loaded, found = built(folder)
    for hardware, blueprint in found.items():
        file = tmp_path / f"{hardware}.yaml"
        file.write_text(convert(blueprint, "compose", application=loaded.application).text)
        result = run_tool("docker-compose", "-f", file, "config", "--quiet")
        assert (result.returncode, result.stderr) == (0, "")


@by_example
def test_it_reads_back(folder):
    loaded, found = built(folder)
    for blueprint in found.values():
        text = convert(blueprint, "compose", application=loaded.application).text
        assert read(text, "compose") == (loaded.application, ())


@by_example
def test_services_alone_tell_images_and_models(folder):
    """Of a file that holds no application, the services are enough for the same workloads."""
    loaded, found = built(folder)
    for hardware, blueprint in found.items():
        back, _ = read(convert(blueprint, "compose").text, "compose")
        runs = Orchestrator(blueprint.orchestrator)
        again = blueprint_of_example(loaded, None, back, None if back.mega.orchestrator else runs)
        assert workloads_of(again) == workloads_of(blueprint), hardware


def workloads_of(blueprint):
    return {item.name: (item.image, item.model) for item in blueprint.workloads}

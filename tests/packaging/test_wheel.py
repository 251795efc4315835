"""The wheel: what is in it, what it brings along, and that it works where nothing else is."""

import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from opea_pulumi.catalog import applications

ROOT = Path(__file__).parents[2]
_DISTRIBUTIONS = """
import json, importlib.metadata as m
print(json.dumps(sorted(d.metadata["Name"].lower().replace("_", "-") for d in m.distributions())))
"""
_HEAVY = ("pulumi", "grpcio", "httpx", "fastapi", "aiohttp", "numpy", "wordllama", "apsw", "boto3", "docker")
_HEAVY += ("kubernetes", "torch", "transformers", "pulumi-aws", "pulumi-gcp", "pulumi-azure-native")


def test_every_tracked_module_and_data_file_is_in_it(wheel):
    """And nothing else: no tests, no benchmarks, of the examples only the applications themselves."""
    applications = ("examples/__init__.py", "examples/*/opea.yaml", "examples/*/tools/*")
    listed = subprocess.run(
        ["git", "ls-files", "opea_pulumi", "components", "stacks", *applications],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    kept = {name for name in listed if name and (ROOT / name).is_file()}
    inside = {
        re.sub("^opea_pulumi/(components|stacks|examples)/", r"\1/", name)
        for name in zipfile.ZipFile(wheel).namelist()
        if ".dist-info/" not in name
    }
    clone_only = {f"stacks/Pulumi.{target}.yaml.example" for target in ("docker", "local")}
    assert inside == kept - clone_only


def test_an_installed_wheel_can_be_packed_again(wheel, install, tmp_path):
    """For our images: file by file the same, but for the record of hashes."""
    packed = "import sys; from pathlib import Path; from opea_pulumi.images._wheel import own_wheel\n"
    installed = install("")
    path = installed.python(f"{packed}print(own_wheel(Path({str(tmp_path)!r})))").strip()
    ours, theirs = (
        {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}
        for archive in (zipfile.ZipFile(path), zipfile.ZipFile(wheel))
    )
    assert ours.keys() == theirs.keys()
    assert ours == theirs
    again = tmp_path / "again"
    installed.run("python", "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(again), path)
    assert (again / "opea_pulumi/images/Dockerfile").is_file()


ENTRY_POINTS = """\
[console_scripts]
opea-pulumi = opea_pulumi.cli:main
pulumi-resource-opea = opea_pulumi.provider:main

[opea_pulumi.components]
docker = opea_pulumi.components.docker
local = opea_pulumi.components.local

[opea_pulumi.targets]
docker = opea_pulumi.stacks.docker:TARGET
local = opea_pulumi.stacks.local:TARGET
"""


def test_metadata(wheel):
    archive = zipfile.ZipFile(wheel)
    [entry_points] = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
    assert archive.read(entry_points).decode() == ENTRY_POINTS
    assert any(name.endswith("licenses/LICENSE") for name in archive.namelist())


def test_the_base_is_light(base):
    names = json.loads(base.python(_DISTRIBUTIONS))
    assert {"opea-pulumi", "click", "pydantic", "pyyaml", "rich", "platformdirs"} <= set(names)
    assert set(names).isdisjoint(_HEAVY)
    assert len(names) < 20, names


def test_the_base_reads_and_checks_applications(base, tmp_path):
    assert "Commands:" in base.run("opea-pulumi", "--help")
    assert "wrote opea.yaml" in base.run("opea-pulumi", "init", cwd=tmp_path)
    assert ": valid: chatqna on local: 6 workloads" in base.run("opea-pulumi", "validate", cwd=tmp_path)
    assert ": valid: " in base.run("opea-pulumi", "validate", str(ROOT / "examples/rfc"))


@pytest.mark.parametrize(
    "command",
    [
        "up",
        "preview",
        "destroy --yes",
        "refresh",
        "outputs",
        "status",
        "logs",
        "ingest opea.yaml",
        "ask question",
        "test",
        "engine install",
    ],
)
def test_the_base_says_what_installs_the_rest(base, tmp_path, command):
    base.run("opea-pulumi", "init", cwd=tmp_path)
    said = base.run("opea-pulumi", *command.split(), code=2, cwd=tmp_path)
    assert "[missing-extra]" in said
    assert "pip install 'opea-pulumi[local]'" in said
    assert "Traceback" not in said


def test_the_plugin_of_the_base_says_what_is_missing(base):
    said = base.run("pulumi-resource-opea", code=1)
    assert said == "pulumi-resource-opea needs more packages: pip install 'opea-pulumi[engine]'\n"


def test_the_engine_extra_brings_pulumi_but_no_provider_and_no_model(engine):
    names = set(json.loads(engine.python(_DISTRIBUTIONS)))
    assert {"pulumi", "httpx", "psutil"} <= names
    assert names.isdisjoint({"numpy", "wordllama", "fastapi", "aiohttp", "docker", "kubernetes"})
    assert not any(name.startswith("pulumi-") for name in names)


def test_components_and_stacks_are_parts_of_the_package(engine):
    where = engine.python(
        "import opea_pulumi.components, opea_pulumi.components.local as local\n"
        "from opea_pulumi.stacks.local import TARGET\n"
        "from opea_pulumi.targets import load_target, target_names\n"
        "import opea_pulumi.stacks.program\n"
        "assert load_target('local') is TARGET and target_names() == ['docker', 'local']\n"
        "print(local.LocalApplication.__module__, local.__file__)"
    )
    module, file = where.split()
    assert module == "opea_pulumi.components.local.application"
    assert Path(file).is_relative_to(engine.folder), "not the checkout's"


def test_data_files_are_found_where_it_is_installed(engine):
    said = engine.python(
        "from importlib.resources import files\n"
        "from opea_pulumi.catalog import applications, load_release, releases\n"
        "package = files('opea_pulumi')\n"
        "print(applications(), releases(), (package / 'py.typed').is_file())\n"
        "from opea_pulumi.engine import MINIMUM, PINNED\n"
        "for version in (MINIMUM, PINNED):\n"
        "    names = {entry.name for entry in (package / 'engine' / 'go' / f'v{version}').iterdir()}\n"
        "    assert names == {'go.mod', 'go.sum', 'tools.go'}, names\n"
    )
    assert said == f"{applications()} ['1.1', '1.5', 'embedded'] True\n"
    assert "chatqna" in said


def test_a_preflight_without_the_services_packages_names_them(engine, tmp_path):
    engine.run("opea-pulumi", "init", cwd=tmp_path)
    said = engine.run("opea-pulumi", "up", code=1, cwd=tmp_path)
    assert "[missing-extra]" in said
    assert "aiohttp" in said
    assert "pip install 'opea-pulumi[local]'" in said

"""The public face: what is exported, and what importing it costs."""

import ast
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import opea_pulumi

ROOT = Path(__file__).parent.parent
PACKAGES = ["errors", "application", "catalog", "blueprint", "flow"]


def modules_after(statements):
    """The names of the modules that a fresh interpreter has loaded."""
    program = f"import sys; {statements}; print('\\n'.join(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return set(run.stdout.splitlines())


def test_every_export_is_there_and_listed_once():
    assert sorted(set(opea_pulumi.__all__)) == opea_pulumi.__all__
    for name in opea_pulumi.__all__:
        assert getattr(opea_pulumi, name) is not None


def test_type_checkers_see_what_is_exported():
    tree = ast.parse(Path(opea_pulumi.__file__).read_text())
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("opea_pulumi.")
        for alias in node.names
    }
    assert imported | {"__version__"} == set(opea_pulumi.__all__)


def test_all_errors_are_exported():
    assert set(import_module("opea_pulumi.errors").__all__) - {"HIDDEN", "shown"} <= set(opea_pulumi.__all__)


def test_other_names_are_no_attributes():
    with pytest.raises(AttributeError, match="has no attribute 'Aplication'"):
        opea_pulumi.Aplication  # noqa: B018


def test_the_version_is_the_distributions():
    assert (
        opea_pulumi.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    )


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_list_their_names(name):
    module = import_module(f"opea_pulumi.{name}")
    assert sorted(set(module.__all__)) == sorted(module.__all__)
    public = {
        key
        for key, value in vars(module).items()
        if not key.startswith("_") and getattr(value, "__module__", "").startswith(f"opea_pulumi.{name}")
    }
    assert public <= set(module.__all__) <= set(vars(module))


def test_importing_the_package_loads_nothing_else():
    loaded = modules_after("import opea_pulumi")
    assert not loaded & {"pydantic", "pulumi", "yaml", "click", "rich"}
    assert {name for name in loaded if name.startswith("opea_pulumi.")} == set()


def test_errors_cost_nothing_else():
    loaded = modules_after("from opea_pulumi import OpeaError")
    assert not loaded & {"pydantic", "pulumi", "yaml"}


@pytest.mark.parametrize(
    "statements",
    [
        "import opea_pulumi.targets, opea_pulumi.blueprint, opea_pulumi.catalog",
        "from opea_pulumi import Application, load_application",
        "from opea_pulumi.targets import load_target; load_target('local')",
    ],
)
def test_the_waist_does_not_load_pulumi(statements):
    loaded = modules_after(statements)
    assert not loaded & {"pulumi", "grpc", "click", "rich", "httpx", "aiohttp"}
    assert "opea_pulumi.application" in loaded

"""Whole blueprints against files, and the same bytes however and wherever they are built."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from opea_pulumi.blueprint import Blueprint
from opea_pulumi.flow import dump_flow, load_flow

HERE = Path(__file__).parent
CASES = {case.pop("name"): case for case in yaml.safe_load((HERE / "cases.yaml").read_text())}

by_case = pytest.mark.parametrize("name", CASES)


@pytest.fixture
def blueprint(name, build):
    return build(**CASES[name])


def text_of(blueprint):
    return blueprint.model_dump_json(indent=1) + "\n"


def turned(value):
    """The same data with every mapping's keys in the opposite order."""
    if isinstance(value, dict):
        return {key: turned(item) for key, item in reversed(value.items())}
    return value


@by_case
def test_golden(name, blueprint):
    file = HERE / "golden" / f"{name}.json"
    if os.environ.get("OPEA_UPDATE_GOLDEN") == "1":
        file.write_text(text_of(blueprint))
    assert text_of(blueprint) == file.read_text()


def test_there_is_no_golden_file_without_a_case():
    assert {file.stem for file in (HERE / "golden").iterdir()} == set(CASES)


@by_case
def test_it_reads_back_equal(name, blueprint):
    assert Blueprint.model_validate_json(text_of(blueprint)) == blueprint


@by_case
def test_the_order_of_keys_does_not_matter(name, blueprint, build):
    case = CASES[name]
    other = yaml.safe_dump(turned(yaml.safe_load(case["text"])), sort_keys=False)
    assert text_of(build(**{**case, "text": other})) == text_of(blueprint)


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_seed_of_hashes_does_not_matter(seed):
    program = (
        "import json, sys; from opea_pulumi import parse_application; from opea_pulumi.terms import *;"
        "from opea_pulumi.blueprint import build_blueprint as build\n"
        "for case in json.load(sys.stdin): print(build(parse_application(case['text']), name='app',"
        "profile=Profile(case['profile']), hardware=case.get('hardware') and Hardware(case['hardware']))"
        ".model_dump_json(indent=1))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(list(CASES.values())),
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "".join((HERE / "golden" / f"{name}.json").read_text() for name in CASES)


@by_case
def test_it_holds_together(name, blueprint):
    names = [workload.name for workload in blueprint.workloads]
    volumes = {volume.name for volume in blueprint.volumes}
    values = [value for workload in blueprint.workloads for value in workload.environment.values()]
    assert len(set(names)) == len(names)
    assert names[-1] == blueprint.route.workload == "router"
    for index, workload in enumerate(blueprint.workloads):
        assert set(workload.downstreams) <= set(names[:index]), "what it calls starts before it"
        assert {mount.volume for mount in workload.mounts} <= volumes
    assert {value.secret for value in values if value.kind == "secret"} == {
        secret.name for secret in blueprint.secrets
    }
    assert {value.workload for value in values if value.kind == "endpoint"} <= set(names)
    assert {value.volume for value in values if value.kind == "path"} <= volumes
    assert set(blueprint.flow_workloads()) <= set(blueprint.workload("router").downstreams)


@by_case
def test_the_router_takes_the_resolved_graph(name, blueprint):
    resolved = blueprint.resolved_flow(lambda workload: f"http://{workload}.test:1234")
    written = dump_flow(resolved)
    assert load_flow(written) == resolved
    assert "workload://" not in written
    assert resolved.endpoint == blueprint.route.endpoint


@by_case
def test_no_workload_holds_a_secret_in_plain_text(name, blueprint):
    variables = {variable for secret in blueprint.secrets for variable in secret.environment}
    for workload in blueprint.workloads:
        for variable in variables & workload.environment.keys():
            value = workload.environment[variable]
            # the catalogue's word for no token at all, which OPEA's clients of TEI insist on
            assert value.kind == "secret" or value.value == "none"

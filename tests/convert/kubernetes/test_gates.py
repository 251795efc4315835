"""The judges: schemas of two versions, kube-score, checkov, and the API server's own Pod Security.

They see the golden file and every example on Xeon and Gaudi. What they are told to overlook is named in
the output (``opea_pulumi/convert/kubernetes/gates.yaml``).
"""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from manifests import ROOT, example
from schemas import VERSIONS, mistakes
from tools import run_tool

from opea_pulumi.convert.kubernetes import to_kubernetes
from opea_pulumi.errors import OpeaError

EVERYTHING = Path(__file__).parent / "everything.golden.yaml"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
LEAST = 35  # examples, each on two devices, less what is refused there


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """A folder with the golden file and the manifests of all examples that can be converted."""
    folder = tmp_path_factory.mktemp("manifests")
    shutil.copy(EVERYTHING, folder / "everything.yaml")
    for path in sorted(file.parent for file in (ROOT / "examples").glob("*/opea.yaml")):
        for hardware in ("xeon", "gaudi"):
            try:
                text = to_kubernetes(example(path.name, hardware)).text
            except OpeaError:  # what is refused is the examples' own test
                continue
            (folder / f"{path.name}-{hardware}.yaml").write_text(text)
    assert len(list(folder.iterdir())) >= LEAST
    return folder


def documents(file):
    return [document for document in yaml.load_all(file.read_text(), Loader=LOADER) if document]


@pytest.mark.parametrize("version", VERSIONS)
def test_schema(written, version):
    wrong = [
        f"{file.name} {document['kind']}/{document['metadata']['name']}: {problem}"
        for file in sorted(written.iterdir())
        for document in documents(file)
        for problem in mistakes(document, version)
    ]
    assert wrong == []


def test_kube_score(written):
    found = {file.name: criticals(file) for file in sorted(written.iterdir())}
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_pod_security(written):
    """Each namespace enforces a level that its pods meet."""
    found = {file.name: violations(file) for file in sorted(written.iterdir())}
    assert {name: problems for name, problems in found.items() if problems} == {}


def test_checkov(written):
    assert failed_checks("-d", written) == []


def test_the_judges_do_judge(tmp_path):
    """A pod that breaks every rule fails in each of them."""
    pod = {"containers": [{"name": "c", "image": "nginx:latest", "securityContext": {"privileged": True}}]}
    metadata = {"name": "bad", "labels": {"app": "bad"}}
    spec = {"selector": {"matchLabels": {"app": "bad"}}, "template": {"metadata": metadata, "spec": pod}}
    file = tmp_path / "bad.yaml"
    file.write_text(
        yaml.safe_dump({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
    )
    assert criticals(file)
    assert failed_checks("-f", file)
    assert run_tool("pod-security", "restricted", stdin=file.read_text()).returncode == 1
    assert mistakes({**documents(file)[0], "speck": {}}, VERSIONS[0])


def criticals(file):
    judged = run_tool("kube-score", "score", "-o", "ci", file)
    assert judged.returncode in {0, 1}, judged.stderr
    return [line for line in judged.stdout.splitlines() if line.startswith("[CRITICAL]")]


def violations(file):
    """Of the level that the namespace enforces."""
    level = documents(file)[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    judged = run_tool("pod-security", level, stdin=file.read_text())
    assert judged.returncode in {0, 1}, judged.stderr
    return judged.stdout.splitlines()


def failed_checks(*where):
    options = ("--framework", "kubernetes", "--skip-download", "--quiet", "--compact", "-o", "json")
    judged = run_tool("checkov", *options, *where)
    assert judged.returncode in {0, 1}, judged.stderr
    report = json.loads(judged.stdout)
    assert report["summary"]["passed"] > 0
    return [(check["check_id"], check["resource"]) for check in report["results"]["failed_checks"]]

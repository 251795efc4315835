"""Places of weights that cannot be, and what is advised when a step or a server has not got its model."""

import pytest
from opea_pulumi.stacks.docker._loading import size
from opea_pulumi.stacks.docker._models import advice, model_errors

from opea_pulumi.application import parse_application
from opea_pulumi.blueprint import build_blueprint

MODEL = "BAAI/bge-base-en-v1.5"
FLOW = "opea_micro_services: {embedding: null}\nopea_mega_service: {mega_flow: [embedding]}\n"


def blueprint(deployment):
    return build_blueprint(parse_application(f"{FLOW}opea_deployment: {deployment}\n"), name="demo")


def errors(deployment, volumes=(), *, local=True):
    return [(error.code, str(error)) for error in model_errors(blueprint(deployment), volumes, local=local)]


def test_a_claim_is_refused():
    [(code, said)] = errors("{model_cache: {kind: claim, name: weights}}")
    assert code == "model-cache"
    assert "opea_deployment.model_cache.kind" in said
    assert "host_path" in said


def test_a_folder_of_the_host_must_be_there(tmp_path):
    folder = tmp_path / "weights"
    deployment = f"{{model_cache: {{kind: host_path, path: {folder}}}}}"
    [(code, said)] = errors(deployment)
    assert code == "no-model-folder"
    assert f"mkdir -p {folder}" in said
    assert errors(deployment, local=False) == []  # another host's folders are not seen
    folder.mkdir()
    assert errors(deployment) == []  # the prefetch step fills it


def test_offline_the_weights_must_be_there(tmp_path):
    deployment = f"{{offline: true, model_cache: {{kind: host_path, path: {tmp_path}}}}}"
    [(code, said)] = errors(deployment)
    assert code == "no-models"
    assert f"the weights of {MODEL} for tei-embedding are not in {tmp_path}" in said
    assert "models--BAAI--bge-base-en-v1.5" in said
    (tmp_path / "models--BAAI--bge-base-en-v1.5").mkdir()
    assert errors(deployment) == []


def test_offline_with_a_volume_of_the_stack():
    [(code, said)] = errors("{offline: true}", ["demo-docker-other"])
    assert code == "no-models"
    assert "not in a volume tei-embedding-models of this stack" in said
    assert errors("{offline: true}", ["demo-docker-tei-embedding-models"]) == []


def test_a_folder_of_the_host_is_bound(tmp_path):
    from opea_pulumi.convert.compose import containers_of

    services = containers_of(blueprint(f"{{model_cache: {{kind: host_path, path: {tmp_path}}}}}")).services
    for name in ("tei-embedding", "tei-embedding-prefetch"):
        [mount] = [item for item in services[name]["volumes"] if item["target"] == "/data"]
        assert (mount["type"], mount["source"]) == ("bind", str(tmp_path))


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (
            "401 Client Error. Cannot access gated repo for url http://h/x. Access to model is restricted",
            f"{MODEL} is gated: accept its licence at https://huggingface.co/{MODEL}, export HF_TOKEN",
        ),
        (
            "403 Client Error: Forbidden for url: http://h/x",
            "is there such a model at https://huggingface.co/",
        ),
        (
            "401 Client Error: Unauthorized. Invalid credentials in Authorization header",
            "does not know the token",
        ),
        ("LocalEntryNotFoundError: ... outgoing traffic has been disabled", "run up once without offline"),
    ],
)
def test_advice(log, expected):
    [line] = advice(blueprint("{}"), "tei-embedding-prefetch", log)
    assert expected in line


def test_advice_of_a_mirror_names_the_mirror():
    [line] = advice(
        blueprint("{hub_mirror: 'http://hub.example.com'}"), "tei-embedding-prefetch", "gated repo"
    )
    assert f"http://hub.example.com/{MODEL}" in line


def test_no_advice_where_none_fits():
    assert list(advice(blueprint("{}"), "tei-embedding-prefetch", "no space left on device")) == []
    assert list(advice(blueprint("{}"), "nobody", "gated repo")) == []


@pytest.mark.parametrize(
    ("number", "text"), [(12, "12 B"), (1300, "1.3 kB"), (4.1e8, "410.0 MB"), (2.5e10, "25.0 GB")]
)
def test_sizes_for_people(number, text):
    assert size(number) == text

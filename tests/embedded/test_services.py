"""What all five services have in common."""

import signal
import subprocess
import sys

import pytest

from opea_pulumi.embedded import SERVICES


@pytest.fixture
def service(request, start, tmp_path):
    return start(request.param, VECTOR_STORE_PATH=str(tmp_path / "store"))


@pytest.mark.parametrize("service", SERVICES, indirect=True)
def test_health_metrics_and_stop(service):
    card = service.http.get("/v1/health_check").json()
    assert card["Service Title"] == f"opea_service@{service.name}"
    assert set(card) == {"Service Title", "Version", "Service Description"}
    assert service.http.get("/health").content == b""
    assert service.http.get("/nowhere?token=secret").status_code == 404
    assert service.http.get("/openapi.json").json()["paths"]
    metrics = service.http.get("/metrics").text
    labels = f'handler="/v1/health_check",method="GET",service="{service.name}",status="200"'
    assert f"http_requests_total{{{labels}}} 1.0" in metrics
    assert "secret" not in service.log + metrics
    assert service.end() < 2
    assert service.process.returncode == -signal.SIGTERM  # after its end, as is the custom


def test_a_too_large_request_is_refused_before_it_is_read(start):
    llm = start("llm")
    parts = (b"x" * 2**20 for _ in range(40))
    answer = llm.http.post(
        "/v1/chat/completions", content=parts, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too-large")


def test_bodies_are_not_logged(start):
    llm = start("llm")
    llm.post("/v1/chat/completions", {"messages": "my secret question", "documents": ["my secret document"]})
    llm.http.post("/v1/chat/completions", json={"messages": {"secret": "thing"}})
    llm.end()  # then every line is written
    log = llm.log
    assert "POST /v1/chat/completions 422" in log
    assert "POST /v1/chat/completions 200" in log
    assert "secret" not in log


@pytest.mark.parametrize(
    ("name", "environment", "says"),
    [
        (
            "embedding",
            {"EMBEDDING_MODEL_ID": "BAAI/bge-base-en-v1.5"},
            "one of: wordllama-256, wordllama-128",
        ),
        ("retriever", {"VECTOR_STORE_PATH": ""}, "VECTOR_STORE_PATH is not set"),
        (
            "dataprep",
            {"VECTOR_STORE_PATH": "/x", "VECTOR_STORE_MAX_BYTES": "lots"},
            "must be a number of bytes",
        ),
    ],
)
def test_wrong_settings_end_the_start_with_one_line(start, name, environment, says):
    with pytest.raises(AssertionError) as caught:
        start(name, **environment)
    assert says in str(caught.value)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(("arguments", "status"), [([], 2), (["nothing"], 2), (["--help"], 0)])
def test_without_a_name_the_services_are_listed(arguments, status):
    command = [sys.executable, "-m", "opea_pulumi.embedded", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == status
    assert all(f"{name:<10} port {port}" in run.stderr for name, port in SERVICES.items())


@pytest.mark.parametrize("name", SERVICES)
def test_importing_a_service_loads_no_model_and_no_parser(name):
    heavy = {"wordllama", "pypdf", "docx", "bs4", "lxml"}
    script = f"import sys, opea_pulumi.embedded.{name}; print({heavy} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"

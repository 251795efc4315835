"""What runs inside of the containers, run here: health checks and the entrypoint that exports secrets."""

import subprocess
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from opea_pulumi.convert.compose._health import healthcheck
from opea_pulumi.convert.compose._secrets import apply_secrets


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(self.path.rpartition("/")[2]))
        self.end_headers()

    def log_message(self, *arguments):
        pass


@contextmanager
def server():
    http = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    try:
        yield http.server_port
    finally:
        http.shutdown()
        thread.join()
        http.server_close()


def passes(workload):
    check, losses = healthcheck(workload)
    assert check["test"][0] == "CMD"
    assert losses == []
    return subprocess.run(check["test"][1:], capture_output=True, check=False, timeout=30).returncode == 0


@pytest.mark.parametrize("client", ["python", "bash"])
@pytest.mark.parametrize(("answer", "healthy"), [(200, True), (204, True), (404, False), (503, False)])
def test_a_get_is_healthy_on_2xx_only(workload, client, answer, healthy):
    with server() as port:
        health = {"path": f"/status/{answer}", "port": port, "start_budget": 1}
        assert passes(workload(http_client=client, health=health)) is healthy


@pytest.mark.parametrize("client", ["python", "bash", "curl", "wget", ""])
def test_a_port_is_healthy_while_it_listens(workload, client):
    with server() as port:
        listening = workload(http_client=client, health={"port": port, "start_budget": 1})
        assert passes(listening)
    assert not passes(listening)


@pytest.mark.parametrize(
    ("client", "program"), [("curl", "curl"), ("wget", "wget"), ("python", "python3"), ("bash", "bash")]
)
def test_the_images_own_client_is_used(workload, client, program):
    check, losses = healthcheck(workload(http_client=client))
    assert check["test"][:2] == ["CMD", program]
    assert losses == []


def test_times_come_from_the_budget(workload):
    check, _ = healthcheck(workload(health={"path": "/x", "interval": 7, "start_budget": 900}))
    assert {key: check[key] for key in ("interval", "start_period", "retries")} == {
        "interval": "7s",
        "start_period": "900s",
        "retries": 3,
    }


def test_a_command_of_the_catalogue_is_run_as_it_is(workload):
    check, _ = healthcheck(workload(health={"command": ["redis-cli", "ping"], "start_budget": 1}))
    assert check["test"] == ["CMD", "redis-cli", "ping"]


def test_an_image_without_a_client_is_seen_by_its_port(workload):
    check, losses = healthcheck(workload(http_client=""))
    assert check["test"][:2] == ["CMD", "sh"]
    assert [loss.what for loss in losses] == ["its health endpoint is not asked"]
    assert healthcheck(workload(http_client="", shell=""))[0] is None


ENVIRONMENT = {
    "TOKEN": {"kind": "secret", "secret": "token"},
    "URL": {
        "kind": "endpoint",
        "workload": "db",
        "format": "db://it's:{secret}@{host}:{port}/$x",
        "secret": "token",
    },
}


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("s3cret", "TOKEN=s3cret URL=db://it's:s3cret@db:5/$x"),
        ("a b\"c$d`e'\n", "TOKEN=a b\"c$d`e' URL=db://it's:a b\"c$d`e'@db:5/$x"),
        ("", "TOKEN=unset URL=unset"),
        (None, "TOKEN=unset URL=unset"),
    ],
)
def test_the_entrypoint_exports_what_there_is(workload, tmp_path, content, shown):
    """A secret that is empty or missing leaves its variable out, and the image starts all the same."""
    if content is not None:
        (tmp_path / "token").write_text(content)
    service = {}
    echo = 'printf %s "TOKEN=${TOKEN-unset} URL=${URL-unset}"; test "$1" = "last arg"'
    one = workload(environment=ENVIRONMENT, entrypoint=["sh", "-c", echo, "name"])
    assert apply_secrets(service, one, {"db": 5}) == []
    start = [word.replace("/run/secrets", str(tmp_path)) for word in service["entrypoint"]]
    run = subprocess.run(
        [*start, "last arg"], capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"}
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, shown, "")

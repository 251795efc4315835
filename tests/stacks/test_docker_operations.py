"""Operations of a Docker stack, as far as they need no engine."""

from opea_pulumi.stacks.docker.operations import DockerOperations

WORKLOADS = ["embedding", "llm", "reranking", "router"]


def container(name, **labels):
    found = {"opea.workload": name, **labels}
    return {
        "type": "docker:index/container:Container",
        "urn": f"urn::{name}",
        "outputs": {
            "name": f"s-{name}",
            "labels": [{"label": key, "value": value} for key, value in found.items()],
        },
    }


def test_workloads_stand_in_the_order_of_the_application_however_they_got_ready():
    for order in (WORKLOADS, WORKLOADS[::-1], ["reranking", "embedding", "router", "llm"]):
        rows = [container(name) for name in order]
        rows.append(container("llm", **{"opea.role": "secrets"}))
        outputs = {"endpoints": {name: f"http://{name}:1" for name in order}, "workloads": WORKLOADS}
        assert list(DockerOperations(outputs, rows)._containers) == WORKLOADS


def test_data_is_every_volume_but_those_with_secrets():
    def volume(name, *labels):
        rows = [{"label": label, "value": "secrets"} for label in labels]
        return {"type": "docker:index/volume:Volume", "urn": f"urn::{name}", "outputs": {"labels": rows}}

    operations = DockerOperations({"endpoints": {}}, [volume("documents"), volume("llm", "opea.role")])
    assert operations.data() == ["urn::documents"]


def test_on_another_host_the_published_port_is_asked_from_within(monkeypatch):
    row = container("router")
    row["outputs"]["ports"] = [{"external": 8890.0, "internal": 8888.0, "ip": "127.0.0.1"}]
    made = DockerOperations({"endpoints": {"router": "http://127.0.0.1:8890"}}, [row])
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere.example:2376")
    assert made.transport()._own == {8890: 8888}
    monkeypatch.setenv("DOCKER_HOST", "unix:///var/run/docker.sock")
    assert made.transport()._own == {}

"""What doctor says of a real engine, and of one that is not there."""

import pytest
from opea_pulumi.stacks.docker import TARGET
from opea_pulumi.stacks.docker import doctor as module


def found():
    return {check.name: check for check in TARGET.checks()}


def test_a_real_engine(engine_client, own_images):
    checks = found()
    version = engine_client.version()
    assert f"{version['Version']}, API {version['ApiVersion']}" in checks["engine"].detail
    assert checks["engine"].state == "ok"
    assert "GiB" in checks["memory"].detail
    assert "runc" in checks["runtimes"].detail
    assert checks["image router"].state == "ok"
    assert own_images["router"] in checks["image router"].detail
    assert "missing" not in {check.state for check in checks.values()}


def test_no_engine(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    checks = found()
    assert checks["engine"].state == "missing"
    assert "no.sock" in checks["engine"].detail
    assert list(checks)[-1] == "engine"


def test_an_engine_that_is_too_old(engine_client, monkeypatch):
    monkeypatch.setattr(module, "_OLDEST", (99, 0))
    assert found()["engine"].state == "missing"


def test_our_images_that_the_engine_lacks(engine_client, monkeypatch):
    monkeypatch.setattr("opea_pulumi.images.find_image", lambda _client, _name: None)
    check = found()["image router"]
    assert check.state == "hint"
    assert "opea-pulumi images build" in check.hint


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY"])
def test_the_way_out_is_not_tried_behind_a_proxy(variable, engine_client, monkeypatch):
    monkeypatch.setenv(variable, "http://proxy.example.com:3128")
    checks = found()
    assert "registry" not in checks
    assert checks["egress"].state == "ok"


def test_cards_are_told_in_figures(engine_client, monkeypatch):
    monkeypatch.setattr("opea_pulumi.components.docker.cards.present", lambda kind: 8 * ("habana" in kind))
    check = found()["cards"]
    assert "8 Gaudi" in check.detail

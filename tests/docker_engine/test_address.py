"""Which engine is meant, by a table of environments and configuration folders."""

import hashlib
import json
import re
from pathlib import Path

import pytest
import yaml

from opea_pulumi.docker_engine import Address, engine_address, plugin_environment
from opea_pulumi.errors import OperationError

CASES = yaml.safe_load((Path(__file__).parent / "addresses.yaml").read_text())
PASSWORD = "canary-pa55"
LOCAL = "unix:///var/run/docker.sock"


def named(text):
    """With the folder's name for each CONTEXT(name)."""
    return re.sub(r"CONTEXT\((.*?)\)", lambda found: hashlib.sha256(found[1].encode()).hexdigest(), str(text))


@pytest.fixture(params=["in the home", "elsewhere"])
def config(request, tmp_path):
    """A configuration folder, and the variables by which it is found."""
    if request.param == "elsewhere":
        return tmp_path / "configuration", {
            "HOME": "/nowhere",
            "DOCKER_CONFIG": str(tmp_path / "configuration"),
        }
    return tmp_path / ".docker", {"HOME": str(tmp_path)}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_address(case, config):
    folder, environ = config
    texts = {name: json.dumps(data) for name, data in case.get("files", {}).items()} | case.get("text", {})
    for name, text in texts.items():
        file = folder / named(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    environ = {**environ, **case.get("environment", {})}
    if "fails" in case:
        with pytest.raises(OperationError) as caught:
            engine_address(environ)
        assert caught.value.code == case["fails"]
        assert caught.value.hint
        return
    gives = dict(case["gives"])
    if "certificates" in gives:
        gives["certificates"] = Path(named(gives["certificates"]).replace("{config}", str(folder)))
    assert engine_address(environ) == Address(**gives)
    of_context = gives["origin"].startswith("context ")
    told = plugin_environment(environ)
    assert told == (Address(**gives).environment() if of_context and gives["url"] != LOCAL else {})


def test_what_other_clients_are_given_means_the_same_engine(tmp_path):
    for address in (
        Address("unix:///run/docker.sock", "x"),
        Address("tcp://far:2376", "x", tmp_path, tls=True),
        Address("tcp://far:2376", "x", tmp_path, tls=True, verify=False),
    ):
        again = engine_address({"HOME": "/nowhere", **address.environment()})
        assert (again.url, again.certificates, again.tls) == (address.url, address.certificates, address.tls)
        assert again.verify == address.verify


def test_a_password_is_not_shown():
    address = Address(f"ssh://me:{PASSWORD}@far:22/run/docker.sock", "DOCKER_HOST")
    assert address.shown == "ssh://me@far:22/run/docker.sock"
    with pytest.raises(OperationError) as caught:
        engine_address({"DOCKER_HOST": f"ftp://me:{PASSWORD}@far", "HOME": "/nowhere"})
    assert PASSWORD not in str(caught.value)

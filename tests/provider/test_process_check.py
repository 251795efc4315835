"""check: validation, defaults, and which port a process gets."""

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from pulumi.provider.experimental import provider as rpc

from opea_pulumi.provider._ports import Reservations, is_loopback
from opea_pulumi.provider._process_inputs import ProcessInputs
from opea_pulumi.provider._values import is_unknown, lift, plain_map, unknown

CASES = yaml.safe_load(Path(__file__).with_name("process_check.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_faults_are_named(drive, case):
    web = drive()
    good = {"preferredPort": 20_000, "healthPath": None}
    answer = web.check(web.given(**good | case["given"]))
    assert [[one.property, one.reason] for one in answer.failures] == case["failures"]


def test_defaults_are_applied_and_nulls_are_not_given(drive):
    web = drive()
    inputs = plain_map(web.checked(web.given(startTimeout=None) | {"triggers": lift(None)}))
    assert (inputs["startTimeout"], inputs["stopTimeout"]) == (60, 10)
    assert (inputs["logMaxBytes"], inputs["logBackups"]) == (10 * 2**20, 3)
    assert "triggers" not in inputs
    assert isinstance(inputs["port"], int)


def test_values_that_are_not_known_yet_pass(drive):
    web = drive()
    given = web.given(directory=unknown(), environment=unknown(), healthPath=None)
    inputs = web.checked(given)
    assert is_unknown(inputs["directory"])
    assert not is_unknown(inputs["port"])
    assert is_unknown(web.checked(web.given(preferredPort=unknown()))["port"])


async def test_preview_of_a_create_shows_what_is_known(drive, tmp_path):
    web = drive()
    inputs = web.checked(web.given())
    answer = await web.resource.create(rpc.CreateRequest(web.urn, inputs, 0, True))
    shown = answer.properties
    assert plain_map(shown)["url"] == f"http://127.0.0.1:{plain_map(inputs)['port']}"
    assert plain_map(shown)["logFile"] == str(tmp_path / "web" / "output.log")
    assert is_unknown(shown["pid"])
    assert not web.directory.exists()


async def test_preview_with_an_unknown_directory(drive):
    web = drive()
    inputs = web.checked(web.given(directory=unknown(), preferredPort=unknown()))
    shown = (await web.resource.create(rpc.CreateRequest(web.urn, inputs, 0, True))).properties
    assert is_unknown(shown["logFile"])
    assert is_unknown(shown["url"])


def test_secrets_stay_secret_and_are_not_recorded(drive):
    web = drive()
    inputs = web.checked(web.given(command=lift(["run", "--key", "canary", "{port}"], secret=True)))
    assert inputs["command"].is_secret
    parsed = ProcessInputs.of(inputs)
    assert "command" not in parsed.recorded
    assert parsed.arguments() == ["run", "--key", "canary", str(parsed.port)]
    shown = ProcessInputs.of(web.checked(web.given(environment={"TOKEN": "canary"})))
    assert "canary" not in repr(shown)


def test_preferred_port_or_the_next_free_one(drive, tools):
    web = drive()
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", 0))
        foreign.listen()
        taken = foreign.getsockname()[1]
        chosen = plain_map(web.checked(web.given(preferredPort=taken)))["port"]
    assert taken < chosen < taken + 200


def test_a_port_is_kept_while_the_preference_is(drive):
    web = drive()
    web.inputs = {"port": lift(21_555), "preferredPort": lift(21_500)}
    assert plain_map(web.checked(web.given(preferredPort=21_500)))["port"] == 21_555
    assert plain_map(web.checked(web.given(preferredPort=22_500)))["port"] != 21_555
    fixed = plain_map(web.checked(web.given(preferredPort=None, port=23_456)))
    assert fixed["port"] == 23_456


def test_no_port_unless_asked_for(drive):
    web = drive()
    inputs = web.checked(web.given(command=["sleep", "5"], preferredPort=None, healthPath=None))
    assert "port" not in inputs


@pytest.mark.parametrize("count", [2, 20])
def test_parallel_checks_never_promise_one_port_twice(tools, count):
    reservations, preferred = Reservations(), tools.free_port()
    with ThreadPoolExecutor(count) as pool:
        chosen = list(
            pool.map(lambda number: reservations.choose(f"urn{number}", (), preferred), range(count))
        )
    assert len(set(chosen)) == count
    assert preferred in chosen


def test_plugins_of_two_stacks_never_promise_one_port_twice(tools):
    """Each has reservations of its own; what one has promised stays free on the machine until it is used."""
    plugins, preferred = [Reservations() for _ in range(8)], tools.free_port()
    with ThreadPoolExecutor(len(plugins)) as pool:
        chosen = list(pool.map(lambda plugin: plugin.choose("urn", (), preferred), plugins))
    assert len(set(chosen)) == len(plugins)
    assert preferred in chosen
    for plugin in plugins:
        plugin.release("urn")
    assert Reservations().choose("urn", (), preferred) == preferred


def test_a_promise_made_again_is_the_same(tools):
    reservations, preferred = Reservations(), tools.free_port()
    assert {reservations.choose("urn", (), preferred) for _ in range(3)} == {preferred}
    moved = tools.free_port()
    assert reservations.choose("urn", (), moved) == moved
    assert Reservations().choose("urn", (), preferred) == preferred


def test_a_fixed_port_twice_names_the_other(drive, tools):
    one, two = drive("one"), drive("two")
    port = tools.free_port()
    one.checked(one.given(port=port))
    (failure,) = two.check(two.given(port=port)).failures
    assert (failure.property, failure.reason) == ("port", f"port {port} is also the port of one")


def test_a_fixed_port_that_a_foreign_process_holds_names_it(drive, tools):
    port = tools.free_port()
    foreign = subprocess.Popen([sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)])
    try:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        web = drive()
        (failure,) = web.check(web.given(port=port)).failures
        assert failure.property == "port"
        name = Path(os.path.realpath(sys.executable)).name
        assert failure.reason.startswith(f"port {port} is taken by python") or name in failure.reason
        assert f"(pid {foreign.pid})" in failure.reason
    finally:
        foreign.send_signal(signal.SIGKILL)
        foreign.wait()


async def test_a_fixed_port_that_this_stack_holds_may_become_free(drive, tools):
    port = tools.free_port()
    web = drive()
    await web.create(port=port, preferredPort=None)
    web.resource._reservations.release(web.urn)
    successor = drive("successor")
    assert not successor.check(successor.given(port=port)).failures
    stranger = drive("stranger")
    stranger.urn = stranger.urn.replace("dev::opea", "other::opea")
    successor.resource._reservations.release(successor.urn)
    (failure,) = stranger.check(stranger.given(port=port)).failures
    assert web.urn in failure.reason


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_loopback(address, answer):
    assert is_loopback(address) is answer

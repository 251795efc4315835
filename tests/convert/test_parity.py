"""The compose file, the manifests and the GMConnector of one application say the same.

Their texts are read for themselves (tests/support/format_facts.py) and compared at the same orchestrator and
release: as a GMConnector where GMC can express the example, and as each of the other two is made by default.
parity.yaml lists what may differ, and why.
"""

import re
from functools import cache
from pathlib import Path

import pytest
import yaml
from format_facts import compose_facts, gmc_facts, kubernetes_facts

from opea_pulumi import load_application
from opea_pulumi.convert import blueprint_for, convert
from opea_pulumi.errors import OpeaError
from opea_pulumi.terms import Hardware

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(file.parent.name for file in EXAMPLES.glob("*/opea.yaml"))
PARITY = yaml.safe_load(Path(__file__).with_name("parity.yaml").read_text())
CHARTS = set(yaml.safe_load((EXAMPLES.parent / "tests/examples/charts.yaml").read_text())["charts"].values())
GMC = [name for name in NAMES if (EXAMPLES / name / "expected/gmc.xeon.yaml").is_file()]
READERS = {"compose": compose_facts, "kubernetes": kubernetes_facts, "gmc": gmc_facts}
CASES = [
    (name, made_for, hardware)
    for name in NAMES
    for made_for in READERS
    if made_for != "gmc" or name in GMC
    for hardware in (Hardware.XEON, *([Hardware.GAUDI] if name in CHARTS else []))
]


@cache
def facts(name, made_for, hardware, to):
    """What the text says; the error's code where it is refused."""
    loaded = load_application(EXAMPLES / name)
    blueprint = blueprint_for(
        loaded.application, made_for, name=loaded.name, hardware=hardware, files=loaded.files
    )
    try:
        return READERS[to](convert(blueprint, to).text)
    except OpeaError as error:
        return error.code


def differences(case, pair):
    """(the format that alone says it, the fact) of a pair of formats."""
    found = {to: facts(*case, to) for to in pair}
    for to, value in found.items():
        if isinstance(value, str):
            yield to, value
            return
    one, other = pair
    yield from ((one, " ".join(fact)) for fact in sorted(found[one] - found[other]))
    yield from ((other, " ".join(fact)) for fact in sorted(found[other] - found[one]))


def pairs(case):
    yield "compose", "kubernetes"
    if case[1] == "gmc":
        yield "gmc", "kubernetes"


def allowing(case, pair, only, fact):
    """The indexes of the exceptions that a difference meets."""
    for index, exception in enumerate(PARITY["exceptions"]):
        same = (exception["pair"], exception["only"]) == (list(pair), only)
        if same and re.fullmatch(exception["fact"], fact, re.DOTALL):
            yield "exceptions", index
    for index, refused in enumerate(PARITY["refused"]):
        if tuple(refused[key] for key in ("example", "blueprint", "format", "code")) == (
            *case[:2],
            only,
            fact,
        ):
            yield "refused", index


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_the_texts_of_one_application_say_the_same(case):
    found = [(pair, *difference) for pair in pairs(case) for difference in differences(case, pair)]
    assert [item for item in found if not list(allowing(case, *item))] == []


def test_every_exception_is_needed_and_says_why():
    used = {
        exception
        for case in CASES
        for pair in pairs(case)
        for difference in differences(case, pair)
        for exception in allowing(case, pair, *difference)
    }
    written = {(part, index) for part in ("exceptions", "refused") for index in range(len(PARITY[part]))}
    assert [PARITY[part][index] for part, index in sorted(written - used)] == []
    assert all(entry["why"] for part in PARITY.values() for entry in part)


@pytest.mark.parametrize("to", READERS)
def test_the_readers_see_every_kind_of_fact(to):
    """A reader that finds nothing would agree with everything."""
    kinds = {kind for _, kind, _ in facts("chatqna", "gmc", Hardware.XEON, to)}
    assert kinds >= {"image", "arguments", "environment", "port", "calls", "flow"}
    assert any(value.startswith("REDIS_URL=") for _, _, value in facts("chatqna", "gmc", Hardware.XEON, to))


@pytest.mark.parametrize("to", ["compose", "kubernetes"])
def test_the_readers_see_files_secrets_and_steps_that_run_before(to):
    found = facts("agentqna", "compose", Hardware.XEON, to)
    assert {kind for _, kind, _ in found} >= {"file", "after", "outside"}
    assert any("=<secret " in value for _, kind, value in found if kind == "environment")

"""Every example validates, converts to every format and matches its golden files.

``examples/NAME/expected/FORMAT.HARDWARE.yaml`` is what a format makes of it; where a format cannot hold
it, ``FORMAT.HARDWARE.refused.txt`` is the error. OPEA_UPDATE_GOLDEN=1 writes them anew.
"""

import os
from pathlib import Path

import pytest
import yaml

from opea_pulumi import OpeaError, load_application
from opea_pulumi.catalog import applications
from opea_pulumi.convert import FORMATS, blueprint_for, convert
from opea_pulumi.terms import Hardware

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(file.parent.name for file in EXAMPLES.glob("*/opea.yaml"))
CHARTS = yaml.safe_load((Path(__file__).parent / "charts.yaml").read_text())["charts"]
DEVICES = {name: [Hardware.XEON, *([Hardware.GAUDI] if name in CHARTS.values() else [])] for name in NAMES}
CASES = [(name, to, device) for name in NAMES for to in FORMATS for device in DEVICES[name]]


def shown(error):
    """An error as the command shows it, whatever the folder is called here."""
    return str(error).replace(f"{EXAMPLES}/", "examples/") + "\n"


def converted(name, to, hardware):
    """The golden file's name and text."""
    loaded = load_application(EXAMPLES / name)
    stem = f"{to}.{hardware}"
    try:
        with loaded.locating():
            blueprint = blueprint_for(
                loaded.application, to, name=loaded.name, hardware=hardware, files=loaded.files
            )
            result = convert(blueprint, to)
    except OpeaError as error:
        return f"{stem}.refused.txt", shown(error)
    losses = "".join(f"# lost: {loss}\n" for loss in result.losses)
    return f"{stem}.yaml", losses + result.text


@pytest.mark.parametrize(("name", "to", "hardware"), CASES)
def test_it_matches_its_golden_file(name, to, hardware):
    folder = EXAMPLES / name / "expected"
    file, text = converted(name, to, hardware)
    if os.environ.get("OPEA_UPDATE_GOLDEN") == "1":
        folder.mkdir(exist_ok=True)
        for old in folder.glob(f"{to}.{hardware}.*"):
            old.unlink()
        (folder / file).write_text(text)
    assert (folder / file).read_text() == text
    assert converted(name, to, hardware) == (file, text)


@pytest.mark.parametrize("name", NAMES)
def test_there_is_no_golden_file_too_many(name):
    stems = {f"{to}.{device}" for to in FORMATS for device in DEVICES[name]}
    found = [file.name for file in (EXAMPLES / name / "expected").iterdir()]
    assert sorted(file.removesuffix(".yaml").removesuffix(".refused.txt") for file in found) == sorted(stems)


@pytest.mark.parametrize("name", NAMES)
def test_compose_and_kubernetes_hold_every_example(name):
    """A refusal is an answer for formats with a closed world, not for these two; GMC's own example apart."""
    for to in ("compose", "kubernetes"):
        assert (EXAMPLES / name / "expected" / f"{to}.xeon.yaml").is_file()


@pytest.mark.parametrize("hardware", Hardware)
@pytest.mark.parametrize("name", NAMES)
def test_every_device_builds_or_is_refused_clearly(name, hardware):
    file, text = converted(name, "compose", hardware)
    assert file.endswith(".yaml") or ("[" in text and "hint: " in text)


def test_known_applications_are_examples():
    assert set(CHARTS.values()) <= set(applications()) <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_is(name):
    readme = (EXAMPLES / name / "README.md").read_text()
    assert readme.startswith("# ")
    assert "opea-pulumi" in readme
    assert name == "rfc" or f"({name}/)" in (EXAMPLES / "README.md").read_text()

"""What the released operator cannot do is refused with the reason, as data."""

from pathlib import Path

import pytest
import yaml

from opea_pulumi.convert.gmc import to_gmc
from opea_pulumi.errors import BlueprintError

CASES = yaml.safe_load((Path(__file__).parent / "refused.yaml").read_text())


def filled(value):
    """``%N`` stands for a text of N characters."""
    if isinstance(value, dict):
        return {key: filled(item) for key, item in value.items()}
    if isinstance(value, str) and value.startswith("%"):
        return "x" * int(value[1:])
    return value


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
@pytest.mark.parametrize("dialect", ["v1.1", "rfc"])
def test_refused(case, dialect, build):
    if dialect not in case.get("dialects", [dialect]):
        return
    blueprint = build(case["text"], change=filled(case.get("change")))
    with pytest.raises(BlueprintError) as caught:
        to_gmc(blueprint, dialect)
    error = caught.value
    assert error.code == "gmc-cannot"
    assert error.location.path == case["at"]
    assert case["message"] in error.message
    assert error.hint == case.get("hint", error.hint)
    assert "hunter2" not in str(error)


def test_cases_are_named_once():
    names = [case["name"] for case in CASES]
    assert len(names) == len(set(names))

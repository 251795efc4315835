"""Applications that fit no blueprint, as data: one error at a place of the file, which says what to do."""

from pathlib import Path

import pytest
import yaml

from opea_pulumi import ApplicationError, BlueprintError, CatalogError, load_application
from opea_pulumi.blueprint import build_blueprint
from opea_pulumi.terms import Profile

CASES = yaml.safe_load((Path(__file__).parent / "errors.yaml").read_text())


def blueprint_of(file, profile):
    loaded = load_application(file)
    with loaded.locating():
        return build_blueprint(loaded.application, name=loaded.name, profile=profile)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_errors(case, tmp_path):
    file = tmp_path / "opea.yaml"
    file.write_text(case["text"])
    profile = Profile(case["profile"]) if "profile" in case else None
    with pytest.raises((ApplicationError, BlueprintError, CatalogError)) as caught:
        blueprint_of(file, profile)
    error = caught.value
    assert error.location.file == str(file)
    assert [error.location.line, error.location.column] == case["at"]
    assert error.location.path == case["path"]
    assert error.code == case["code"]
    assert error.message == case["message"]
    assert error.hint == case.get("hint", "")
    assert "hunter2" not in str(error)

"""Applications that fit no blueprint, as data: one error at a place of the file, which says what to do."""

from pathlib import Path

import pytest
import yaml

from opea_pulumi import BlueprintError, CatalogError, load_application
from opea_pulumi.blueprint import build_blueprint
from opea_pulumi.terms import Profile

CASES = yaml.safe_load((Path(__file__).parent / "errors.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_errors(case, tmp_path):
    file = tmp_path / "opea.yaml"
    file.write_text(case["text"])
    loaded = load_application(file)
    profile = Profile(case["profile"]) if "profile" in case else None
    with pytest.raises((BlueprintError, CatalogError)) as caught, loaded.locating():
        build_blueprint(loaded.application, name=loaded.name, profile=profile)
    error = caught.value
    assert error.location.file == str(file)
    assert [error.location.line, error.location.column] == case["at"]
    assert error.location.path == case["path"]
    assert error.code == case["code"]
    assert error.message == case["message"]
    assert error.hint == case.get("hint", "")
    assert "hunter2" not in str(error)

"""Known applications build on every release, in its profile, on every hardware."""

import pytest

from opea_pulumi import CatalogError, parse_application
from opea_pulumi.blueprint import build_blueprint
from opea_pulumi.catalog import application_text, applications, load_release, releases
from opea_pulumi.terms import Hardware


@pytest.mark.parametrize("hardware", Hardware)
@pytest.mark.parametrize("release", releases())
@pytest.mark.parametrize("name", applications())
def test_a_known_application_builds(name, release, hardware):
    profile = load_release(release).profile
    by_name = build_blueprint(
        parse_application(f"opea_app: {name}"), name=name, profile=profile, release=release, hardware=hardware
    )
    written = parse_application(application_text(name))
    assert written.name == name
    assert by_name == build_blueprint(written, name=name, profile=profile, release=release, hardware=hardware)
    assert {workload.role for workload in by_name.workloads} >= {"microservice", "router"}


@pytest.mark.parametrize(("call", "what"), [(application_text, "application"), (load_release, "release")])
@pytest.mark.parametrize(
    "name", ["chatqnaa", "1.4", "../releases/1.5", "", "hf_aBcDeFgHiJkLmNoPqRsTuVwXyZ012345"]
)
def test_an_unknown_name(call, what, name):
    with pytest.raises(CatalogError) as caught:
        call(name)
    assert caught.value.code == f"unknown-{what}"
    assert caught.value.hint == f"one of {', '.join(applications() if what == 'application' else releases())}"
    assert "aBcDeFg" not in str(caught.value)

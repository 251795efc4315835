"""Known applications build on every release, in its profile, on every hardware."""

import difflib

import pytest

from opea_pulumi import CatalogError, OpeaError, parse_application
from opea_pulumi.blueprint import build_blueprint
from opea_pulumi.catalog import application_text, applications, load_release, releases
from opea_pulumi.terms import Hardware


EMBEDDED = {"chatqna", "docindexretriever"}
"""What the embedded services are enough for; every other application is an error there, and says why."""


@pytest.mark.parametrize("hardware", Hardware)
@pytest.mark.parametrize("release", releases())
@pytest.mark.parametrize("name", applications())
def test_a_known_application_builds_or_says_why_not(name, release, hardware):
    profile = load_release(release).profile
    settings = {"name": name, "profile": profile, "release": release, "hardware": hardware}
    written = parse_application(application_text(name))
    assert written.name == name
    try:
        by_name = build_blueprint(parse_application(f"opea_app: {name}"), **settings)
    except OpeaError as error:
        assert error.location
        assert error.hint
        assert (release, hardware) != ("1.5", Hardware.XEON)
        assert release != "embedded" or name not in EMBEDDED
        return
    assert by_name == build_blueprint(written, **settings)
    assert any(workload.role == "microservice" for workload in by_name.workloads) or by_name.application


@pytest.mark.parametrize("name", applications())
def test_its_first_line_says_what_it_is(name):
    first = application_text(name).splitlines()[0]
    assert first.startswith("# ")
    assert ": " in first


@pytest.mark.parametrize(("call", "what"), [(application_text, "application"), (load_release, "release")])
@pytest.mark.parametrize(
    "name", ["chatqnaa", "1.4", "../releases/1.5", "", "hf_aBcDeFgHiJkLmNoPqRsTuVwXyZ012345"]
)
def test_an_unknown_name(call, what, name):
    with pytest.raises(CatalogError) as caught:
        call(name)
    assert caught.value.code == f"unknown-{what}"
    known = applications() if what == "application" else releases()
    close = difflib.get_close_matches(name, known, n=1)
    assert caught.value.hint == (f"did you mean {close[0]!r}?" if close else f"one of {', '.join(known)}")
    assert "aBcDeFg" not in str(caught.value)

"""Known applications build on every release, in its profile, on every hardware."""

import difflib

import pytest

from opea_pulumi import CatalogError, OpeaError, parse_application
from opea_pulumi.blueprint import build_blueprint
from opea_pulumi.catalog import application_text, applications, load_release, releases
from opea_pulumi.terms import Hardware

EMBEDDED = {"chatqna", "docindexretriever"}
"""What the embedded services are enough for; every other application is an error there, and says why."""


def built(text, **settings):
    """The blueprint of a text, or the error that it is."""
    try:
        return build_blueprint(parse_application(text), **settings)
    except OpeaError as error:
        return error


@pytest.mark.parametrize("hardware", Hardware)
@pytest.mark.parametrize("release", releases())
@pytest.mark.parametrize("name", applications())
def test_a_known_application_builds_or_says_why_not(name, release, hardware):
    profile = load_release(release).profile
    settings = {"name": name, "profile": profile, "release": release, "hardware": hardware}
    by_name = built(f"opea_app: {name}", **settings)
    if isinstance(by_name, OpeaError):
        assert by_name.location
        assert by_name.hint
        assert (release, hardware) != ("1.5", Hardware.XEON)
        assert release != "embedded" or name not in EMBEDDED
        return
    assert by_name == built(application_text(name), **settings)
    assert by_name.route.workload in [workload.name for workload in by_name.workloads]


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

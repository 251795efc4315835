"""Every variable that a release sets is read by the image's source, or is a written exception."""

import re
from datetime import date
from importlib.resources import files

import pytest
import yaml

from opea_pulumi.catalog import load_release

RELEASES = ["1.1", "1.5"]
TABLES = {
    release: {
        entry.name: yaml.safe_load(entry.read_text("utf-8"))
        for entry in files("opea_pulumi.catalog").joinpath("evidence", release).iterdir()
    }
    for release in RELEASES
}
by_release = pytest.mark.parametrize("name", RELEASES)
PLACE = re.compile(r"(GenAIComps|GenAIExamples) [\w./-]+:[1-9][0-9]*")


def repository(image):
    """An image without its tag."""
    head, slash, last = image.rpartition("/")
    return head + slash + last.partition(":")[0]


def service_settings(release):
    """The images of services, on any hardware, with everything that may come into their environment."""
    for kind, row in release.services.items():
        clients = [store.clients[kind] for store in release.stores.values() if kind in store.clients]
        for environment in (row.environment, row.remote, *row.servers.values(), *clients):
            yield row.image, environment
            for device in row.devices.values():
                yield device.image, {**environment, **device.environment}


def front_settings(release):
    """The images of megaservices, user interfaces and the gateway before these."""
    for row in release.megaservices.values():
        variants = [variant.environment for variant in row.variants]
        for environment in (row.environment, *variants, *row.remote.values()):
            yield row.image, environment
    for row in release.uis.values():
        yield row.image, row.environment
        if release.gateway:
            yield release.gateway.image, {**release.gateway.environment, **row.gateway}


def back_settings(release):
    """The images of model servers, stores and the prefetch step."""
    for server in release.servers.values():
        for device in server.devices.values():
            yield device.image, {**server.environment, **server.cache, **device.environment}
    for store in release.stores.values():
        for row in (store.server, *store.companions.values()):
            if row:
                yield row.image, row.environment
    if release.prefetch:
        yield release.prefetch.image, release.prefetch.environment


def wanted(name):
    """Every pair of an image and a variable of its environment."""
    release = load_release(name)
    settings = [*service_settings(release), *front_settings(release), *back_settings(release)]
    return {(repository(image), key) for image, environment in settings for key in environment}


def written(name):
    """What the tables say of each pair, with the table that says it."""
    for table, data in TABLES[name].items():
        for image, rows in data["images"].items():
            for variable, evidence in rows.items():
                yield (image, variable), table, evidence


@by_release
def test_every_variable_has_its_evidence(name):
    assert wanted(name) - {pair for pair, _, _ in written(name)} == set()


@by_release
def test_no_evidence_is_left_over(name):
    assert {pair for pair, _, _ in written(name)} - wanted(name) == set()


@by_release
def test_evidence_is_a_place_or_a_reason(name):
    for pair, table, evidence in written(name):
        if isinstance(evidence, str):
            assert PLACE.fullmatch(evidence), (table, pair)
        else:
            assert evidence.keys() == {"exception"}, (table, pair)
            assert len(evidence["exception"]) > 20, (table, pair)


@by_release
def test_what_a_repository_reads_is_shown_there(name):
    """OPEA's own variables are no exceptions: they have a place in its source."""
    ours = re.compile(r".*_(COMPONENT_NAME|SERVICE_HOST_IP|SERVICE_PORT|SERVER_HOST_IP|SERVER_PORT|ENDPOINT)")
    for pair, table, evidence in written(name):
        image, variable = pair
        if image.startswith("opea/") and ours.fullmatch(variable):
            assert isinstance(evidence, str), (table, pair)


@by_release
def test_tables_are_dated_and_have_a_source(name):
    for table in TABLES[name].values():
        assert table.keys() == {"as_of", "source", "images"}
        assert table["as_of"] >= date(2026, 1, 1)
        assert table["source"]
